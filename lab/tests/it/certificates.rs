//! The certificates that the API over TLS shows: the device's own, signed ones, wrong ones.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tod_lab::Device;
use tod_lab::wire::Fault;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::{one, spec};

mod import;

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Takes whatever certificate there is.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

async fn shake(device: &Device, config: ClientConfig) -> std::io::Result<CertificateDer<'static>> {
    let at = device.summary();
    let tcp = TcpStream::connect((at.address, at.api_ssl_port)).await?;
    let name = ServerName::from(at.address);
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await?;
    let shown = stream.get_ref().1.peer_certificates();
    Ok(shown.unwrap()[0].clone().into_owned())
}

/// Returns the version of TLS that is agreed upon.
pub(crate) async fn agreed_version(device: &Device) -> rustls::ProtocolVersion {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    let at = device.summary();
    let tcp = TcpStream::connect((at.address, at.api_ssl_port))
        .await
        .unwrap();
    let name = ServerName::from(at.address);
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, tcp).await.unwrap();
    stream.get_ref().1.protocol_version().unwrap()
}

/// Returns the certificate that is shown.
async fn shown(device: &Device) -> CertificateDer<'static> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    shake(device, config).await.unwrap()
}

/// Shakes hands as somebody who trusts this certificate alone; returns the complaint.
async fn complaint(device: &Device, trusted: CertificateDer<'static>) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    shake(device, config).await.err().map(|e| e.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_stays_until_something_is_wrong_with_it() {
    let (_lab, device) = one(spec()).await;
    let first = shown(&device).await;
    assert_eq!(first, shown(&device).await);
    assert_eq!(complaint(&device, first.clone()).await, None);

    device.inject(Fault::HostKeyChanged);
    assert_ne!(first, shown(&device).await);
    device.clear_faults();
    assert_eq!(first, shown(&device).await);

    // Those two are made anew each time, so nobody trusts them; what they say is wrong as well.
    device.inject(Fault::CertificateExpired);
    let expired = shown(&device).await;
    assert!(
        expired.windows(13).any(|w| w == b"020101000000Z"),
        "{expired:?}"
    );
    device.clear_faults();
    device.inject(Fault::CertificateOtherName);
    let other = shown(&device).await;
    assert!(
        other.windows(13).any(|w| w == b"other.invalid"),
        "{other:?}"
    );
    assert!(complaint(&device, first).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_device_signs_is_what_the_service_shows() {
    let (_lab, device) = one(spec()).await;
    let before = shown(&device).await;
    let add = "/certificate add name=tod common-name=r1 subject-alt-name=IP:127.20.0.7";
    device.run(add).await.unwrap();
    device.run("/certificate sign tod").await.unwrap();

    device
        .run("/ip service set api-ssl certificate=tod")
        .await
        .unwrap();

    let after = shown(&device).await;
    assert_ne!(before, after);
    assert_eq!(complaint(&device, after).await, None);
    device
        .run("/ip service set api-ssl certificate=none")
        .await
        .unwrap();
    let anonymous = complaint(&device, before).await;
    assert!(anonymous.is_some(), "nothing is shown any more");
}
