//! Over real sockets: TLS, pins, and a WebSocket.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tod_client::pipe::Frame;
use tod_client::tls::{Fingerprint, Trust, introduce};
use tod_client::{Client, Error, Https};
use tod_proto::api::relays::{RelayControl, Terminal, TicketQuery};
use tod_proto::api::status::Live;
use tod_proto::id::RelayId;
use tod_proto::page::Empty;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct Server {
    url: String,
    fingerprint: Fingerprint,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A TLS server that answers `GET /health`, and echoes on every WebSocket.
async fn server() -> Server {
    let names = vec!["127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let fingerprint = Fingerprint::of(cert.der());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    #[expect(clippy::disallowed_methods, reason = "the test owns and aborts it")]
    let task = tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(tls) = acceptor.accept(tcp).await {
                serve(tls).await;
            }
        }
    });
    Server {
        url,
        fingerprint,
        task,
    }
}

async fn serve(mut tls: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = tls.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    if head.to_lowercase().contains("upgrade: websocket") {
        let key = head
            .lines()
            .find_map(|line| {
                line.split_once(": ")
                    .filter(|(k, _)| k.eq_ignore_ascii_case("sec-websocket-key"))
            })
            .unwrap()
            .1;
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
        );
        tls.write_all(answer.as_bytes()).await.unwrap();
        let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
        let mut ws = tokio_tungstenite::WebSocketStream::from_raw_socket(tls, role, None).await;
        while let Some(Ok(message)) = ws.next().await {
            // The answer to a close is sent by the next read.
            if !message.is_close() && ws.send(message).await.is_err() {
                return;
            }
        }
    } else {
        let body = r#"{"status":"ok"}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        drop(tls.write_all(answer.as_bytes()).await);
        drop(tls.shutdown().await);
    }
}

async fn live(server: &Server, trust: Trust) -> Result<String, Error> {
    let client = Client::new(Https::new(&server.url, trust).unwrap());
    let health = client.call(Live, Empty {}, Empty {}, Empty {}).await?;
    Ok(health.status)
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_and_another_is_not() {
    let server = server().await;
    let other: Fingerprint = "00".repeat(32).parse().unwrap();

    assert_eq!(
        live(&server, Trust::Pin(server.fingerprint)).await.unwrap(),
        "ok"
    );
    match live(&server, Trust::Pin(other)).await {
        Err(Error::PinMismatch { expected, seen }) => {
            assert_eq!(expected, other.to_string());
            assert_eq!(seen, server.fingerprint.to_string());
        }
        answer => panic!("{answer:?}"),
    }
    match live(&server, Trust::Authorities).await {
        Err(Error::Untrusted { seen, .. }) => {
            assert_eq!(seen, Some(server.fingerprint.to_string()));
        }
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn an_unknown_server_introduces_itself() {
    let server = server().await;

    let introduction = introduce(&server.url).await.unwrap().unwrap();

    assert_eq!(introduction.fingerprint, server.fingerprint);
    assert!(introduction.untrusted.is_some());
    let certificate = introduction.certificate.unwrap();
    assert_eq!(certificate.fingerprint, server.fingerprint.to_string());
    assert_eq!(certificate.not_after.to_string(), "4096-01-01T00:00:00Z");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);

    assert!(matches!(introduce(&url).await, Err(Error::Unreachable(_))));
}

#[tokio::test]
async fn a_socket_carries_bytes_and_messages() {
    let server = server().await;
    let trust = Trust::Pin(server.fingerprint);
    let client = Client::new(Https::new(&server.url, trust).unwrap());
    let query = TicketQuery {
        ticket: "t".to_owned(),
    };

    let socket = client
        .pipe(Terminal, &RelayId::generate(), &query)
        .await
        .unwrap();
    let (mut tx, mut rx) = socket.split();
    tx.bytes(vec![0, 255, 10]).await.unwrap();
    tx.message(&RelayControl::Eof).await.unwrap();

    assert_eq!(
        rx.next().await.unwrap().unwrap(),
        Frame::Bytes(vec![0, 255, 10].into())
    );
    assert_eq!(
        rx.next().await.unwrap().unwrap(),
        Frame::Text(r#"{"type":"eof"}"#.to_owned())
    );
    tx.close().await.unwrap();
    assert!(rx.next().await.is_none());
}
