//! Where the socket of a poller meets the client that waits for it, in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::WebSocket;
use tod_proto::id::RelayId;
use tokio::sync::oneshot;

use super::ticket;

/// The clients on this server that wait for a poller. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RelayHub(Arc<Mutex<Waiting>>);

/// By the hash of the poller's ticket.
type Waiting = HashMap<[u8; 32], (RelayId, oneshot::Sender<WebSocket>)>;

/// A place in the hub, given up when it is dropped.
#[derive(Debug)]
pub struct Expected {
    hub: RelayHub,
    hash: [u8; 32],
    /// The poller's ticket.
    pub ticket: String,
    arrived: oneshot::Receiver<WebSocket>,
}

impl RelayHub {
    /// Expects a poller for `relay`.
    pub fn expect(&self, relay: RelayId) -> Expected {
        let ticket = ticket::new();
        let hash = ticket::hash(&ticket);
        let (sender, arrived) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(hash, (relay, sender));
        drop(waiting);
        Expected {
            hub: self.clone(),
            hash,
            ticket,
            arrived,
        }
    }

    /// Takes the place that a poller's ticket is for. The ticket is used up by it.
    pub fn take(&self, relay: RelayId, ticket: &str) -> Option<oneshot::Sender<WebSocket>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wanted, sender) = waiting.remove(&ticket::hash(ticket))?;
        (wanted == relay).then_some(sender)
    }
}

impl Expected {
    /// The poller's socket; `None` if it will not come.
    pub async fn arrived(&mut self) -> Option<WebSocket> {
        (&mut self.arrived).await.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut waiting = self.hub.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&self.hash);
    }
}
