//! How clients come in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tod_server::door::Door;
use tod_server::door::cors::{Origin, Origins};
use tod_server::door::forwarded::Header;

use super::values::{List, Period};

/// How clients come in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether TLS is spoken; without it, a proxy on the same machine must.
    pub tls: bool,
    /// How others reach this very server; nothing for the address that it listens on.
    pub base_url: Option<String>,
    /// A certificate chain in PEM; nothing to use one that is made at the first start.
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    pub key: Option<PathBuf>,
    /// Proxies whose word is taken for where a request came from.
    pub trusted_proxies: List<Network>,
    /// The header in which they say it.
    pub forwarded: Forwarded,
    /// Web pages of these origins may call the API.
    pub cors_origins: List<PageOrigin>,
    /// How much and for how long a client may keep the server busy.
    pub limits: Limits,
}

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

/// The origin of a web page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin(pub Origin);

/// The header in which proxies say whom they speak for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forwarded {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`.
    Forwarded,
}

/// How much and for how long a client may keep the server busy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The TLS handshake, and the head of a request.
    pub head: Period,
    /// The body of a request.
    pub body: Period,
    /// A request, until its response begins.
    pub request: Period,
    /// A connection without a request.
    pub idle: Period,
    /// A response of which the client takes nothing.
    pub stall: Period,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address.
    pub connections_per_address: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            tls: true,
            base_url: None,
            certificate: None,
            key: None,
            trusted_proxies: List::default(),
            forwarded: Forwarded::default(),
            cors_origins: List::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let usual = tod_server::door::Limits::default();
        Self {
            head: Period(usual.head),
            body: Period(usual.body),
            request: Period(usual.request),
            idle: Period(usual.idle),
            stall: Period(usual.stall),
            connections: usual.connections,
            connections_per_address: usual.connections_per_address,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>();
        let network = network.or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| "is no network: write 10.0.0.0/8 or 10.0.0.1")?;
        if network.prefix_len() == 0 {
            return Err("would believe everybody about everything: list the proxies".to_owned());
        }
        Ok(Self(network))
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PageOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl std::fmt::Display for PageOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Origin::Any => f.write_str("*"),
            Origin::One(origin) => f.write_str(origin.to_str().unwrap_or("?")),
        }
    }
}

impl Http {
    /// What must hold between the values.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.certificate.is_some() != self.key.is_some() {
            bail!("`http.certificate` and `http.key` belong together: give both or none");
        }
        if !self.tls && self.certificate.is_some() {
            bail!("`http.tls` is off, so `http.certificate` would not be used: leave one of them");
        }
        let limits = &self.limits;
        if limits.connections == 0 || limits.connections_per_address == 0 {
            bail!("`http.limits.connections` and `…connections_per_address` must be at least 1");
        }
        Ok(())
    }

    /// How clients are let in.
    pub fn door(&self) -> Door {
        let limits = &self.limits;
        let networks = self.trusted_proxies.0.iter().map(|network| network.0);
        let origins = self.cors_origins.0.iter().map(|origin| origin.0.clone());
        Door {
            trusted_proxies: networks.collect(),
            forwarded: match self.forwarded {
                Forwarded::XForwardedFor => Header::XForwardedFor,
                Forwarded::Forwarded => Header::Forwarded,
            },
            cors_origins: Origins(origins.collect()),
            limits: tod_server::door::Limits {
                head: limits.head.0,
                body: limits.body.0,
                request: limits.request.0,
                idle: limits.idle.0,
                stall: limits.stall.0,
                connections: limits.connections,
                connections_per_address: limits.connections_per_address,
            },
        }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}
