//! The server's certificate: given, or made here once and pinned by its fingerprint.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use tod_proto::certificate::Certificate;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub use self::live::{Live, Pair, exposed};
use crate::data_dir::{DataDir, write_private, write_public};

mod live;

/// What is needed to serve TLS.
#[derive(Clone)]
pub struct Identity {
    /// Does the handshakes.
    pub acceptor: TlsAcceptor,
    /// SHA-256 of the certificate, in lower-case hex.
    pub fingerprint: String,
    /// Whether the certificate was made here, so that no authority vouches for it.
    pub self_made: bool,
    /// The certificate that new connections are shown.
    pub shown: watch::Receiver<Option<Certificate>>,
    /// Reads given files again. The one that was made here is pinned, so it stays.
    pub live: Option<Arc<Live>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Identity");
        shown
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads a certificate chain and its key, in PEM.
    pub fn from_files(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        Self::read(certificate, key, false)
    }

    /// The one in the data directory, made at the first start. It names the addresses that the
    /// server listens on then, but clients go by its fingerprint.
    pub fn self_made(data: &DataDir, host: IpAddr) -> anyhow::Result<Self> {
        let folder = data.private("tls")?;
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        if !certificate.exists() {
            make(&certificate, &key, host).context("cannot make a certificate")?;
        }
        Self::read(&certificate, &key, true)
    }

    fn read(certificate: &Path, key: &Path, self_made: bool) -> anyhow::Result<Self> {
        let live = Live::read(certificate, key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // TLS 1.2 and 1.3.
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&live) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            fingerprint: live.pair().certificate.fingerprint.clone(),
            shown: live.told(),
            self_made,
            live: (!self_made).then_some(live),
        })
    }
}

fn make(certificate: &Path, key: &Path, host: IpAddr) -> anyhow::Result<()> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !host.is_unspecified() && !host.is_loopback() {
        names.push(host.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "tod");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2070, 1, 1);
    let pair = KeyPair::generate()?;
    let made = params.self_signed(&pair)?;
    // The key first: a certificate without its key would never be replaced.
    write_private(key, pair.serialize_pem().as_bytes())?;
    write_public(certificate, made.pem().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_made_once_and_kept() {
        let temp = tempfile::tempdir().unwrap();
        let data = DataDir::open(temp.path()).unwrap();
        let first = Identity::self_made(&data, [127, 0, 0, 1].into()).unwrap();
        let again = Identity::self_made(&data, [127, 0, 0, 1].into()).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 64);
        let (cert, key) = (
            data.path().join("tls/cert.pem"),
            data.path().join("tls/key.pem"),
        );
        assert_eq!(
            Identity::from_files(&cert, &key).unwrap().fingerprint,
            first.fingerprint
        );
        let missing = Identity::from_files(&key, &cert).unwrap_err().to_string();
        assert!(missing.contains("holds no certificate"), "{missing}");
    }
}
