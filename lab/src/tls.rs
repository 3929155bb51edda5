//! The API door over TLS: with the certificate that the service names, or without any.

use std::sync::Arc;

use anyhow::Context as _;
use openssl::x509::X509;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tod_proto::lab::Fault;
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsAcceptor;

use crate::api;
use crate::core::Core;
use crate::device::Inner;
use crate::door::Visit;
use crate::gate::Gated;
use crate::tree::Row;
use crate::verb::{KEY, PEM};

mod anonymous;

/// Shakes hands, and then talks as the plain door does.
pub(crate) async fn serve(visit: Visit, mut stream: Gated) {
    let (certificate, is_stalled, is_plain) = {
        let core = visit.device.core();
        let has = |fault| core.has_fault(|f| *f == fault);
        let certificate = core.service_certificate();
        (certificate, has(Fault::TlsStall), has(Fault::Downgrade))
    };
    if is_plain {
        return api::serve(visit, stream).await;
    }
    if is_stalled {
        let mut heard = [0; 1024];
        while matches!(stream.read(&mut heard).await, Ok(1..)) {}
        return;
    }
    let Some(certificate) = certificate else {
        return match anonymous::accept(stream).await {
            Ok(stream) => api::serve(visit, stream).await,
            Err(error) => tracing::debug!(error = format!("{error:#}"), "no handshake"),
        };
    };
    let config = match config(&visit.device, &certificate) {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "cannot use a certificate");
            return;
        }
    };
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(stream) => api::serve(visit, stream).await,
        Err(error) => tracing::debug!(%error, "a client does not finish its handshake"),
    }
}

impl Core {
    /// Returns the certificate that the API over TLS shows; none if it is anonymous.
    fn service_certificate(&self) -> Option<Row> {
        let mut services = self.tree.rows("/ip/service").iter();
        let service = services.find(|s| s.get("name") == Some("api-ssl"))?;
        let name = service.get("certificate")?;
        let mut certificates = self.tree.rows("/certificate").iter();
        certificates.find(|c| c.get("name") == Some(name)).cloned()
    }

    /// Returns the certificates of those who vouch for one, up to but without the root.
    fn chain_of(&self, row: &Row) -> Vec<Row> {
        let rows = self.tree.rows("/certificate");
        let mut chain: Vec<Row> = Vec::new();
        let mut issuer = read(row).map(|c| c.issuer_name().to_der());
        while let Some(Ok(name)) = issuer.take() {
            let is_named = |c: &X509| {
                let is_it = c.subject_name().to_der().is_ok_and(|n| n == name);
                is_it && c.issuer_name().to_der().is_ok_and(|n| n != name)
            };
            let above = rows.iter().find(|r| read(r).as_ref().is_some_and(is_named));
            if let Some(above) = above.filter(|a| !chain.contains(a)) {
                issuer = read(above).map(|c| c.issuer_name().to_der());
                chain.push(above.clone());
            }
        }
        chain
    }
}

fn read(row: &Row) -> Option<X509> {
    X509::from_pem(row.get(PEM)?.as_bytes()).ok()
}

/// A certificate with its key, kept for the next connection.
#[derive(Debug)]
pub(crate) struct Kept {
    of: Vec<Row>,
    config: Arc<ServerConfig>,
}

fn config(device: &Arc<Inner>, row: &Row) -> anyhow::Result<Arc<ServerConfig>> {
    let is_wrong = device.core().has_fault(|f| {
        matches!(
            f,
            Fault::HostKeyChanged | Fault::CertificateExpired | Fault::CertificateOtherName
        )
    });
    if is_wrong {
        return make(device, row);
    }
    let mut rows = vec![row.clone()];
    rows.extend(device.core().chain_of(row));
    let mut kept = crate::lock(&device.tls);
    if let Some(kept) = kept.as_ref().filter(|k| k.of == rows) {
        return Ok(Arc::clone(&kept.config));
    }
    let config = match row.get(PEM) {
        Some(_) => stored(&rows, device.spec.switches.old_tls)?,
        None => make(device, row)?,
    };
    *kept = Some(Kept {
        of: rows,
        config: Arc::clone(&config),
    });
    Ok(config)
}

/// Uses what was signed or imported on the device, with those who vouch for it.
fn stored(rows: &[Row], is_old: bool) -> anyhow::Result<Arc<ServerConfig>> {
    let key = rows.first().and_then(|r| r.get(KEY));
    let key = key.context("the certificate has no key")?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).context("cannot read the key")?;
    let pems = rows.iter().filter_map(|r| r.get(PEM));
    let pems = pems.collect::<Vec<_>>().join("\n");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pems.as_bytes()).collect();
    offer(chain.context("cannot read the certificate")?, key, is_old)
}

/// Makes a certificate that the device never stored.
fn make(device: &Arc<Inner>, row: &Row) -> anyhow::Result<Arc<ServerConfig>> {
    let (is_old, is_other) = {
        let core = device.core();
        (
            core.has_fault(|f| *f == Fault::CertificateExpired),
            core.has_fault(|f| *f == Fault::CertificateOtherName),
        )
    };
    let key = KeyPair::generate().context("cannot make a key")?;
    let address = device.spec.address.to_string();
    let names = if is_other {
        vec!["other.invalid".to_owned()]
    } else {
        vec![address]
    };
    let mut params = CertificateParams::new(names).context("cannot describe a certificate")?;
    if is_old {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    }
    let mut name = DistinguishedName::new();
    let common = row.get("common-name").unwrap_or(&device.spec.name);
    name.push(DnType::CommonName, common);
    params.distinguished_name = name;
    let certificate = params
        .self_signed(&key)
        .context("cannot sign a certificate")?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let is_old = device.spec.switches.old_tls;
    offer(vec![certificate.der().clone()], key, is_old)
}

fn offer(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    is_old: bool,
) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = if is_old {
        &[&rustls::version::TLS12][..]
    } else {
        rustls::ALL_VERSIONS
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .context("cannot offer TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("cannot use a certificate")?;
    Ok(Arc::new(config))
}
