//! Parts that are away or wrong: the server says so, does nothing half, and comes back.

use std::time::Duration;

use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use tod_proto::endpoint::Role;
use tod_proto::error::ErrorCode;
use tod_server::kms::{Keys, MasterKey};
use tod_server::startup;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::harness::{TestApp, send};

#[tokio::test]
async fn a_database_that_is_away_is_said_with_a_hint() {
    let app = TestApp::new().await;
    let mut config = app.app.config.clone();
    let nowhere = PgConnectOptions::new_without_pgpass().socket(app.dir.path());
    (config.database_app, config.database_system) = (nowhere.clone(), nowhere);
    let lost = startup::build(config, app.shared()).unwrap();
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;

    let answer = send(
        lost.router(),
        Some(&ana.token),
        "GET",
        "/api/auth/whoami",
        None,
    )
    .await;

    let said = answer.refused(503);
    assert_eq!(said.code, ErrorCode::Unavailable);
    assert!(said.hint.is_some(), "{said:?}");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(
        send(lost.router(), None, "GET", "/health", None)
            .await
            .status,
        200
    );
    send(lost.router(), None, "GET", "/health/ready", None)
        .await
        .refused(503);
}

#[tokio::test]
async fn connections_that_died_are_replaced() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;
    let devices = format!("/api/tenants/{tenant}/devices");
    assert_eq!(app.get(&ana, &devices).await.status, 200);

    let mut conn = app.superuser().await;
    let killed = sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(&mut conn)
    .await
    .unwrap();

    assert!(killed.rows_affected() > 0);
    app.hands.advance(Duration::from_secs(5));
    assert_eq!(app.get(&ana, &devices).await.status, 200);
}

#[tokio::test]
async fn a_server_with_another_master_key_refuses_to_start_and_seals_nothing() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Operator).await;
    let mut config = app.app.config.clone();
    config.keys = Keys::Local(MasterKey::from_bytes([1; 32]));
    let wrong = startup::build(config, app.shared()).unwrap();

    let refused = wrong.prepare().await.unwrap_err();
    let body = json!({ "address": "10.0.0.1", "username": "tod", "password": "x" });
    let path = format!("/api/tenants/{tenant}/devices");
    let add = send(wrong.router(), Some(&ana.token), "POST", &path, Some(body)).await;

    assert!(refused.to_string().contains("master key"), "{refused}");
    add.refused(503);
    send(wrong.router(), None, "GET", "/health/ready", None)
        .await
        .refused(503);
    let mut conn = app.superuser().await;
    let devices: i64 = sqlx::query_scalar("select count(*) from devices")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(devices, 0);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_too_deep_are_refused() {
    let app = TestApp::new().await;
    let large = json!({ "email": "x".repeat(1 << 20) });
    let deep = "[".repeat(100_000);

    let start = "/api/auth/srp/start";
    app.send(None, "POST", start, Some(large))
        .await
        .refused(413);
    let request = http::Request::builder().method("POST").uri(start);
    let request = request.body(axum::body::Body::from(deep)).unwrap();
    let response = app.router().oneshot(request).await.unwrap();

    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn what_cannot_be_stored_is_the_callers_mistake() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;

    let answer = app
        .get(&ana, &format!("/api/tenants/{tenant}/events?kind=%00"))
        .await;

    answer.refused(400);
}

#[tokio::test]
async fn a_server_speaks_tls_and_stops_when_told_to() {
    let app = TestApp::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, certificate) = tls();
    let stop = CancellationToken::new();
    let mut serving = tokio::task::JoinSet::new();
    let (server, told) = (app.app.clone(), stop.clone());
    serving.spawn(async move { server.serve(listener, Some(acceptor), told).await });

    let connector = connector(certificate);
    let answer = get(&connector, address, "/api/status").await;
    // Whoever never speaks TLS holds up nobody, and not the stop either.
    let silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let second = get(&connector, address, "/health").await;
    stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(20), serving.join_next()).await;

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-request-id: rq_"), "{answer}");
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
    stopped.unwrap().unwrap().unwrap().unwrap();
    assert!(app.app.stopping.is_cancelled());
    drop(silent);
}

fn tls() -> (
    tokio_rustls::TlsAcceptor,
    rustls::pki_types::CertificateDer<'static>,
) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (std::sync::Arc::new(config).into(), certificate)
}

fn connector(
    certificate: rustls::pki_types::CertificateDer<'static>,
) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    std::sync::Arc::new(config).into()
}

async fn get(
    connector: &tokio_rustls::TlsConnector,
    address: std::net::SocketAddr,
    path: &str,
) -> String {
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = connector.connect(name, tcp).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
