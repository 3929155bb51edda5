//! What stands between the network and the API: whose word is taken for where a request came from,
//! which pages may call, how much and for how long anybody may keep the server busy.

pub mod cors;
pub mod forwarded;
mod slots;
mod traffic;

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use ipnet::IpNet;

use self::cors::Origins;
use self::forwarded::Header;
pub(crate) use self::slots::{Slot, Slots};
pub(crate) use self::traffic::{Guarded, Over, Traffic};

/// How clients are let in.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Proxies whose word is taken for where a request came from.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it.
    pub forwarded: Header,
    /// Web pages of these origins may call the API.
    pub cors_origins: Origins,
    /// How much and for how long.
    pub limits: Limits,
}

/// How much and for how long a client may keep the server busy.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The TLS handshake, and the head of a request from its first byte.
    pub head: Duration,
    /// The body of a request.
    pub body: Duration,
    /// A request, until its response begins.
    pub request: Duration,
    /// A connection without a request.
    pub idle: Duration,
    /// A response of which the client takes nothing.
    pub stall: Duration,
    /// Connections at a time; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Connections at a time from one address, or from one IPv6 network of 64 bits. Trusted
    /// proxies are not limited.
    pub connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            request: Duration::from_mins(1),
            idle: Duration::from_mins(1),
            stall: Duration::from_secs(30),
            connections: 10_000,
            connections_per_address: 1_024,
        }
    }
}

impl Door {
    /// Where a request came from that `peer` has sent us.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        forwarded::origin(peer, headers, self.forwarded, &self.trusted_proxies)
    }

    /// Whether `peer` is a proxy of ours.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        forwarded::is_within(&self.trusted_proxies, peer)
    }
}
