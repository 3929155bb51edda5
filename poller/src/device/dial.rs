//! Connections to devices: the address checked, TCP, and TLS as the record wants it.

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tod_proto::api::devices::TlsMode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address;
use super::anonymous;
use super::error::LinkError;
use super::ssh::Tunnel;
use super::tls::Tls;
use super::trust::Trust;
use super::{Contact, Seen};

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How long each part of a conversation may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name resolution and the TCP connection.
    pub dial: Duration,
    /// TLS and the login.
    pub login: Duration,
    /// An SSH session, for which small boards take seconds.
    pub ssh: Duration,
    /// The first word of an answer.
    pub first_byte: Duration,
    /// Between two parts of an answer, and for what we send to be taken.
    pub progress: Duration,
    /// A whole poll.
    pub poll: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dial: Duration::from_secs(5),
            login: Duration::from_secs(10),
            ssh: Duration::from_secs(20),
            first_byte: Duration::from_secs(10),
            progress: Duration::from_secs(10),
            poll: Duration::from_secs(30),
        }
    }
}

/// What all connections to devices share.
#[derive(Debug)]
pub struct Dialler {
    /// How long things may take.
    pub deadlines: Deadlines,
    /// Sockets of the control plane, which are no devices.
    pub own: Vec<SocketAddr>,
    /// Authorities and cryptography.
    pub tls: Tls,
    /// How many connections may be under way at once.
    pub budget: Semaphore,
}

/// A connection that may carry a password.
pub struct Connection {
    /// The bytes.
    pub stream: Box<dyn Stream>,
    /// What was trusted because nothing was known before.
    pub first_use: Seen,
    /// The device's address, and ours.
    pub addresses: (SocketAddr, SocketAddr),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("first_use", &self.first_use)
            .finish_non_exhaustive()
    }
}

impl Dialler {
    /// Connects to the API of a device, up to where the password may be sent.
    pub async fn api(&self, contact: &Contact) -> Result<Connection, LinkError> {
        if contact.tls == TlsMode::Ssh {
            return self.tunnel(contact).await;
        }
        let stream = self.tcp(contact, contact.port).await?;
        let addresses = addresses(&stream)?;
        let unproven = |stream| Connection {
            stream,
            first_use: Seen::default(),
            addresses,
        };
        let securing = async {
            match contact.tls {
                TlsMode::Plain => Ok(unproven(Box::new(stream))),
                TlsMode::Anonymous => Ok(unproven(Box::new(anonymous::connect(stream).await?))),
                TlsMode::Auto | TlsMode::Verified | TlsMode::Pinned | TlsMode::Ssh => {
                    self.secure(contact, stream, addresses).await
                }
            }
        };
        timeout(self.deadlines.login, securing)
            .await
            .map_err(|_| LinkError::Tls("no answer in time".to_owned()))?
    }

    async fn tunnel(&self, contact: &Contact) -> Result<Connection, LinkError> {
        let (tunnel, host_key, addresses) = Tunnel::open(self, contact).await?;
        Ok(Connection {
            stream: Box::new(tunnel),
            first_use: Seen {
                certificate: None,
                host_key,
            },
            addresses,
        })
    }

    /// Connects to a port of a device, at an address that its zone allows.
    pub async fn tcp(&self, contact: &Contact, port: u16) -> Result<TcpStream, LinkError> {
        let connect = async {
            let zone = &contact.zone;
            let found = address::resolve(zone, &self.own, &contact.address, port).await?;
            let mut last = LinkError::DialTimeout;
            for address in found {
                match connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = LinkError::Unreachable(error),
                }
            }
            Err(last)
        };
        timeout(self.deadlines.dial, connect)
            .await
            .unwrap_or(Err(LinkError::DialTimeout))
    }

    async fn secure(
        &self,
        contact: &Contact,
        stream: TcpStream,
        addresses: (SocketAddr, SocketAddr),
    ) -> Result<Connection, LinkError> {
        let host = contact
            .address
            .trim_start_matches('[')
            .trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| LinkError::Tls(error.to_string()))?;
        let (config, judge) = self
            .tls
            .handshake(contact.tls, contact.tls_pin.clone())
            .map_err(|error| LinkError::Tls(error.to_string()))?;
        let connected = TlsConnector::from(config).connect(name, stream).await;
        let Some(verdict) = judge.verdict() else {
            let why = connected.err().map(|error| error.to_string());
            return Err(LinkError::Tls(
                why.unwrap_or_else(|| "no certificate".to_owned()),
            ));
        };
        let trust = verdict.trust.map_err(LinkError::Trust)?;
        let stream = connected.map_err(|error| LinkError::Tls(error.to_string()))?;
        Ok(Connection {
            stream: Box::new(stream),
            first_use: Seen {
                certificate: (trust == Trust::FirstUse).then_some(verdict.fingerprint),
                host_key: None,
            },
            addresses,
        })
    }
}

/// The device's address, and ours.
pub(super) fn addresses(stream: &TcpStream) -> Result<(SocketAddr, SocketAddr), LinkError> {
    let peer = stream.peer_addr().map_err(LinkError::Unreachable)?;
    let own = stream.local_addr().map_err(LinkError::Unreachable)?;
    Ok((peer, own))
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_keepalive(true)?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}
