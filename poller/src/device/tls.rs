//! TLS with a device or a server: verified by an authority, or by fingerprint.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tod_proto::api::devices::TlsMode;

use super::trust::{self, Mismatch, Trust};

/// What all TLS connections share: the authorities and the cryptography.
#[derive(Clone, Debug)]
pub struct Tls {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

/// What a handshake found out.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// SHA-256 of the certificate, in hex.
    pub fingerprint: String,
    /// Whether and why it is trusted.
    pub trust: Result<Trust, Mismatch>,
}

/// One handshake's rules, and after it the verdict.
#[derive(Debug)]
pub struct Judge {
    mode: TlsMode,
    pin: Option<String>,
    tls: Tls,
    verdict: Mutex<Option<Verdict>>,
}

impl Tls {
    /// Trusts the authorities of this machine and `more`.
    pub fn new(more: &[CertificateDer<'static>]) -> Self {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        let (taken, _) = roots.add_parsable_certificates(native.certs);
        let (added, ignored) = roots.add_parsable_certificates(more.iter().cloned());
        if ignored > 0 {
            tracing::warn!(
                ignored,
                "certificates of authorities that cannot be read are ignored"
            );
        }
        tracing::debug!(count = taken + added, "authorities loaded");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // Without any authority nothing verifies, which is no reason not to start.
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Self {
            authorities: authorities.build().ok(),
            provider,
        }
    }

    /// The configuration of one handshake, and who judges it.
    pub fn handshake(
        &self,
        mode: TlsMode,
        pin: Option<String>,
    ) -> Result<(Arc<ClientConfig>, Arc<Judge>), Error> {
        let judge = Arc::new(Judge {
            mode,
            pin,
            tls: self.clone(),
            verdict: Mutex::default(),
        });
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Judge>::clone(&judge);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // A resumed session would not be judged.
        config.resumption = Resumption::disabled();
        Ok((Arc::new(config), judge))
    }

    fn verify(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), String> {
        let authorities = self.authorities.as_ref().ok_or("no authority is known")?;
        authorities
            .verify_server_cert(end, between, name, &[], now)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

impl Judge {
    /// What it found out, once there was a certificate to look at.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = hex::encode(digest(&SHA256, end_entity));
        let verified = self.tls.verify(end_entity, intermediates, server_name, now);
        let trust = trust::judge(self.mode, self.pin.as_deref(), &fingerprint, verified);
        let is_trusted = trust.is_ok();
        let verdict = Verdict { fingerprint, trust };
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        if is_trusted {
            return Ok(ServerCertVerified::assertion());
        }
        let reason = CertificateError::ApplicationVerificationFailure;
        Err(Error::InvalidCertificate(reason))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.tls.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.tls.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.tls
            .provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
