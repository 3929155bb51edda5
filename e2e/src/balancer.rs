//! What stands before several servers: passes each connection to the first one that answers.

use anyhow::Result;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A listening balancer. It ends with the test's process.
#[derive(Debug, Clone)]
pub(crate) struct Balancer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    behind: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    /// Listens on a free port.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let behind = Arc::new(Mutex::new(Vec::new()));
        let balancer = Self { address, behind };
        let servers = balancer.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(server) = servers.connect() else {
                    continue;
                };
                drop(pump(&client, &server));
            }
        });
        Ok(balancer)
    }

    /// Adds a server, after the others.
    pub(crate) fn add(&self, server: SocketAddr) {
        self.behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(server);
    }

    fn connect(&self) -> Option<TcpStream> {
        let behind = self
            .behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        behind
            .iter()
            .find_map(|server| TcpStream::connect(server).ok())
    }
}

/// Copies both ways until both ends are done.
fn pump(client: &TcpStream, server: &TcpStream) -> Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            drop(std::io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
    Ok(())
}
