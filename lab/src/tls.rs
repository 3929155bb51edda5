//! The API door over TLS: each device has a certificate of its own, made on first touch.

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tod_proto::lab::Fault;
use tokio_rustls::TlsAcceptor;

use crate::api;
use crate::device::Inner;
use crate::door::Visit;
use crate::gate::Gated;

/// Shakes hands, and then talks as the plain door does.
pub(crate) async fn serve(visit: Visit, stream: Gated) {
    let config = match config(&visit.device) {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "cannot make a certificate");
            return;
        }
    };
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(stream) => api::serve(visit, stream).await,
        Err(error) => tracing::debug!(%error, "a client does not finish its handshake"),
    }
}

fn config(device: &Arc<Inner>) -> anyhow::Result<Arc<ServerConfig>> {
    if device.core().has_fault(|f| *f == Fault::HostKeyChanged) {
        return make(device);
    }
    if let Some(config) = device.tls.get() {
        return Ok(Arc::clone(config));
    }
    let config = make(device)?;
    Ok(Arc::clone(device.tls.get_or_init(|| config)))
}

fn make(device: &Inner) -> anyhow::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate().context("cannot make a key")?;
    let mut params = CertificateParams::new(vec![device.spec.address.to_string()])
        .context("cannot describe a certificate")?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, device.spec.name.clone());
    params.distinguished_name = name;
    let certificate = params
        .self_signed(&key)
        .context("cannot sign a certificate")?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot offer TLS")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .context("cannot use a certificate")?;
    Ok(Arc::new(config))
}
