//! Whom we trust to be the server: an authority's word, or one pinned certificate.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tod_proto::certificate::{self, Certificate};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::Error;
use crate::https::Address;

/// How long a connection may take to come up.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, certificate);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Its beginning and end, for people: `9f3c…a1`.
    pub fn short(&self) -> String {
        let hex = self.to_string();
        let (head, tail) = (hex.get(..4), hex.get(hex.len().saturating_sub(2)..));
        format!("{}…{}", head.unwrap_or_default(), tail.unwrap_or_default())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    /// Takes 64 hexadecimal digits, with or without colons.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text.chars().filter(|&c| c != ':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut bytes)
            .map_err(|_| "a fingerprint is 64 hexadecimal digits (SHA-256)".to_owned())?;
        Ok(Self(bytes))
    }
}

/// Whom we trust to be the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Whoever an authority that this machine trusts vouches for.
    #[default]
    Authorities,
    /// Whoever holds the key of this certificate.
    Pin(Fingerprint),
}

/// A TLS configuration that remembers what the server showed.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: ClientConfig,
    trust: Trust,
    seen: Seen,
}

type Seen = Arc<Mutex<Option<CertificateDer<'static>>>>;

impl Tls {
    pub(crate) fn new(trust: Trust) -> Result<Self, Error> {
        let seen = Seen::default();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier {
            authorities: match trust {
                Trust::Authorities => authorities(&provider)?,
                Trust::Pin(_) => None,
            },
            trust,
            provider: Arc::clone(&provider),
            seen: Arc::clone(&seen),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::malformed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self {
            config,
            trust,
            seen,
        })
    }

    fn seen(&self) -> Option<CertificateDer<'static>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// What a failed handshake means.
    pub(crate) fn explain(&self, error: crate::error::Source) -> Error {
        let Some(reason) = certificate_error(&*error) else {
            return Error::Unreachable(error);
        };
        let seen = self.seen().map(|seen| Fingerprint::of(&seen));
        match (self.trust, seen) {
            (Trust::Pin(expected), Some(seen)) => Error::PinMismatch {
                expected: expected.to_string(),
                seen: seen.to_string(),
            },
            _ => Error::Untrusted {
                seen: seen.map(|seen| seen.to_string()),
                reason,
            },
        }
    }

    /// Shakes hands over TCP.
    pub(crate) async fn connect(
        &self,
        address: &Address,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
        let name = ServerName::try_from(address.host.clone()).map_err(Error::malformed)?;
        let handshake = async {
            let tcp = address.tcp().await?;
            TlsConnector::from(Arc::new(self.config.clone()))
                .connect(name, tcp)
                .await
                .map_err(|error| self.explain(error.into()))
        };
        tokio::time::timeout(CONNECT, handshake)
            .await
            .map_err(|_| Error::unreachable("no TLS handshake within 5 s"))?
    }
}

/// What a server shows to someone who does not know it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// The fingerprint of its certificate.
    pub fingerprint: Fingerprint,
    /// Why no authority vouches for it; `None` if one does.
    pub untrusted: Option<String>,
    /// How long it can be used; `None` if it does not say so in a way that can be read.
    pub certificate: Option<Certificate>,
}

/// Asks a server for its certificate, and says nothing else to it.
pub async fn introduce(server: &str) -> Result<Option<Introduction>, Error> {
    let address: Address = server.parse()?;
    if !address.tls {
        return Ok(None);
    }
    let tls = Tls::new(Trust::Authorities)?;
    let untrusted = match tls.connect(&address).await {
        Ok(_) => None,
        Err(Error::Untrusted { reason, .. }) => Some(reason),
        Err(error) => return Err(error),
    };
    let seen = tls
        .seen()
        .ok_or_else(|| Error::unreachable("the server showed no certificate"))?;
    let fingerprint = Fingerprint::of(&seen);
    Ok(Some(Introduction {
        fingerprint,
        untrusted,
        certificate: validity(&seen).map(|(not_before, not_after)| Certificate {
            fingerprint: fingerprint.to_string(),
            not_before,
            not_after,
        }),
    }))
}

fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    let [from, until] =
        [validity.not_before, validity.not_after].map(|time| certificate::time(time.timestamp()));
    Some((from, until))
}

fn authorities(provider: &Arc<CryptoProvider>) -> Result<Option<Arc<WebPkiServerVerifier>>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Ok(None);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map(Some)
        .map_err(Error::malformed)
}

/// Looks for what is wrong with a certificate in a chain of errors.
fn certificate_error(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
        return Some(reason.to_string());
    }
    // The source of an I/O error is the source of what it wraps, not what it wraps.
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .and_then(|inner| certificate_error(inner));
    wrapped.or_else(|| certificate_error(error.source()?))
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    seen: Seen,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::of(end_entity);
        let shown = Some(end_entity.clone().into_owned());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        match (self.trust, &self.authorities) {
            (Trust::Pin(pin), _) if pin == seen => Ok(ServerCertVerified::assertion()),
            (Trust::Pin(_), _) => Err(CertificateError::ApplicationVerificationFailure.into()),
            (Trust::Authorities, Some(authorities)) => authorities.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            (Trust::Authorities, None) => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");

        let fingerprint: Fingerprint = colons.parse().unwrap();

        assert_eq!(fingerprint.to_string(), plain);
        assert_eq!(plain.parse(), Ok(fingerprint));
        assert_eq!(fingerprint.short(), "abab…ab");
        assert!("abcd".parse::<Fingerprint>().is_err());
    }
}
