//! Terminals into devices, for people.

use futures_util::future::BoxFuture;

use crate::device::dial::Stream;

pub use self::network::Network;

mod network;

/// How the server that asked for a relay is reached: over the network, or inside one process.
pub trait RelayDial: std::fmt::Debug + Send + Sync {
    /// Connects to `server`, a base address such as `https://10.0.0.5:8443`. With a `pin`, only the
    /// certificate with that SHA-256, in hex, will do.
    fn connect<'a>(
        &'a self,
        server: &'a str,
        pin: Option<&'a str>,
    ) -> BoxFuture<'a, std::io::Result<Box<dyn Stream>>>;
}
