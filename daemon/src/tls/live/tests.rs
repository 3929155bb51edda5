//! Certificates that change, over real sockets.

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

use super::super::Identity;
use super::*;

/// Makes a certificate that ends at `ends`, and writes it and its key.
fn write(folder: &TempDir, ends: (i32, u8, u8)) -> (PathBuf, PathBuf) {
    let (certificate, key) = made(ends);
    let paths = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&paths.0, certificate).unwrap();
    std::fs::write(&paths.1, key).unwrap();
    paths
}

fn made(ends: (i32, u8, u8)) -> (String, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(ends.0, ends.1, ends.2);
    let pair = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&pair).unwrap().pem();
    (certificate, pair.serialize_pem())
}

/// Answers one byte with the same byte, on each connection.
async fn echo(identity: &Identity) -> (std::net::SocketAddr, tokio::task::JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = identity.acceptor.clone();
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(mut stream) = acceptor.accept(tcp).await else {
                    return;
                };
                let mut byte = [0];
                while stream.read_exact(&mut byte).await.is_ok() {
                    stream.write_all(&byte).await.unwrap();
                }
            });
        }
    });
    (address, serving)
}

/// Connects with the trust of a stranger, and says whose certificate was shown.
async fn connect(
    address: std::net::SocketAddr,
    folder: &TempDir,
) -> (TlsStream<TcpStream>, String) {
    let pem = std::fs::read(folder.path().join("trusted.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, tcp).await.unwrap();
    let shown = stream
        .get_ref()
        .1
        .peer_certificates()
        .unwrap()
        .first()
        .unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, shown);
    let fingerprint = hex::encode(digest);
    (stream, fingerprint)
}

async fn echoes(stream: &mut TlsStream<TcpStream>) {
    let mut byte = [0];
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut byte).await.unwrap();
    assert_eq!(&byte, b"x");
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = write(&folder, (2070, 1, 1));
    let trusted = folder.path().join("trusted.pem");
    std::fs::copy(&certificate, &trusted).unwrap();
    let identity = Identity::from_files(&certificate, &key).unwrap();
    let live = identity.live.clone().unwrap();
    let (address, _serving) = echo(&identity).await;
    let (mut old, first) = connect(address, &folder).await;
    assert_eq!(first, identity.fingerprint);

    write(&folder, (2071, 1, 1));
    std::fs::copy(&certificate, &trusted).unwrap();
    live.look_again();
    let (mut new, second) = connect(address, &folder).await;

    assert_ne!(first, second);
    assert_eq!(second, live.pair().certificate.fingerprint);
    let told = identity.shown.borrow().clone().unwrap();
    assert_eq!(
        told,
        live.pair().certificate,
        "others in the process hear of it"
    );
    assert_eq!(told.not_after.to_string(), "2071-01-01T00:00:00Z");
    echoes(&mut old).await;
    echoes(&mut new).await;
}

#[test]
fn while_the_files_are_no_whole_pair_the_one_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = write(&folder, (2070, 1, 1));
    let live = Live::read(&certificate, &key).unwrap();
    let before = live.pair().certificate.fingerprint.clone();
    let (other, its_key) = made((2071, 1, 1));

    let half = other.get(..other.len() / 2).unwrap();
    for text in [half, "", "nonsense", other.as_str()] {
        std::fs::write(&certificate, text).unwrap();
        live.look_again();
        assert_eq!(live.pair().certificate.fingerprint, before, "{text}");
    }
    std::fs::remove_file(&certificate).unwrap();
    live.look_again();
    assert_eq!(live.pair().certificate.fingerprint, before);

    std::fs::write(&certificate, &other).unwrap();
    std::fs::write(&key, &its_key).unwrap();
    live.look_again();
    assert_ne!(live.pair().certificate.fingerprint, before);
}

#[test]
fn the_end_of_a_certificate_and_a_key_that_others_read_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = write(&folder, (2030, 6, 15));
    let read = Pair::read(&certificate, &key).unwrap().certificate;
    assert_eq!(read.not_after.to_string(), "2030-06-15T00:00:00Z");
    let near = read.describe("2030-06-05T00:00:00Z".parse().unwrap());
    assert_eq!(near, "ends in 10 days, on 2030-06-15 00:00 UTC");
    // One that has no end can be used, too.
    let (endless, its_key) = write(&folder, (9999, 12, 31));
    let read = Pair::read(&endless, &its_key).unwrap().certificate;
    assert!(read.not_after.to_string().starts_with("9999-12-30"));

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(exposed(&key), Some(0o640));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(exposed(&key), None);
}

#[tokio::test]
async fn tls_before_1_2_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = write(&folder, (2070, 1, 1));
    let identity = Identity::from_files(&certificate, &key).unwrap();
    let (address, _serving) = echo(&identity).await;
    let offer = async |version: &str| {
        let mut openssl = tokio::process::Command::new("openssl");
        openssl.args(["s_client", "-connect", &address.to_string(), version]);
        openssl.args(["-cipher", "ALL:@SECLEVEL=0"]);
        let output = openssl.stdin(std::process::Stdio::null()).output();
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };

    let (old, said) = offer("-tls1_1").await;
    let (new, _) = offer("-tls1_2").await;

    assert!(
        !old && said.contains("alert"),
        "refused by the server: {said}"
    );
    assert!(new);
}
