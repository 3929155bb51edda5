//! The way to a server over the network: TCP, and TLS by authority or by fingerprint.

use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use rustls::pki_types::{CertificateDer, ServerName};
use tod_proto::api::devices::TlsMode;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::RelayDial;
use crate::device::dial::Stream;
use crate::device::tls::Tls;

/// How long a server may take to be connected.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reaches servers over the network.
#[derive(Clone, Debug)]
pub struct Network {
    tls: Tls,
}

impl Network {
    /// Trusts the authorities of this machine and `more`.
    pub fn new(more: &[CertificateDer<'static>]) -> Self {
        Self {
            tls: Tls::new(more),
        }
    }

    async fn open(&self, server: &str, pin: Option<&str>) -> io::Result<Box<dyn Stream>> {
        let server: Uri = server.parse().map_err(io::Error::other)?;
        let host = server
            .host()
            .ok_or_else(|| io::Error::other("no host in the address"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_plain = match server.scheme_str() {
            Some("https" | "wss") => false,
            Some("http" | "ws") => true,
            _ => return Err(io::Error::other("the address is neither http nor https")),
        };
        let port = server.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        if is_plain {
            return Ok(Box::new(stream));
        }
        let mode = match pin {
            Some(_) => TlsMode::Pinned,
            None => TlsMode::Verified,
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let (config, judge) = self
            .tls
            .handshake(mode, pin.map(str::to_owned))
            .map_err(io::Error::other)?;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let mismatch = judge.verdict().and_then(|verdict| verdict.trust.err());
                Err(mismatch.map_or(error, io::Error::other))
            }
        }
    }
}

impl RelayDial for Network {
    fn connect<'a>(
        &'a self,
        server: &'a str,
        pin: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            timeout(PATIENCE, self.open(server, pin))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}
