//! Tells systemd that the service is ready (`Type=notify`).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::environment::Environment;

/// Says it where `NOTIFY_SOCKET` is set.
pub(crate) fn ready(environment: &Environment) {
    if let Some(socket) = environment.get("NOTIFY_SOCKET")
        && let Err(error) = send(socket, b"READY=1")
    {
        tracing::warn!(%error, "systemd cannot be told that the service is ready");
    }
}

fn send(socket: &str, message: &[u8]) -> std::io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message, &address)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_goes_to_the_socket_that_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        ready(&Environment::of(&[(
            "NOTIFY_SOCKET",
            path.to_str().unwrap(),
        )]));
        let mut said = [0; 32];
        let length = listener.recv(&mut said).unwrap();
        assert_eq!(&said[..length], b"READY=1");
        ready(&Environment::default());
    }
}
