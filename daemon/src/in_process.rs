//! The way of relays from the poller to the server of the same process: no socket, no TLS.

use std::io;

use futures_util::future::BoxFuture;
use tod_poller::device::dial::Stream;
use tod_poller::relay::{Network, RelayDial};
use tod_server::api::App;

/// Reaches the server in this process in memory, and others over the network.
#[derive(Debug)]
pub(crate) struct InProcess {
    own: App,
    others: Network,
}

impl InProcess {
    /// The server in this process is `own`.
    pub(crate) fn new(own: App) -> Self {
        Self {
            own,
            others: Network::new(&[]),
        }
    }
}

impl RelayDial for InProcess {
    fn connect<'a>(
        &'a self,
        server: &'a str,
        pin: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        // With a bus between processes, the server that asks may be another one.
        if server != self.own.config.base_url {
            return self.others.connect(server, pin);
        }
        Box::pin(async { Ok(Box::new(self.own.connect_in_process()) as Box<dyn Stream>) })
    }
}
