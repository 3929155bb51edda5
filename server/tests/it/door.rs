//! The front door, over real sockets: who is believed about addresses, which pages may call, and
//! bodies that nobody should send.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tod_proto::endpoint::Role;
use tod_server::door::{Door, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::{Person, TestApp};

const SOON: Duration = Duration::from_secs(30);

/// A server with a door of its own, on a port.
struct Doorway {
    app: TestApp,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinSet<anyhow::Result<()>>,
}

impl Doorway {
    async fn open(door: Door) -> Self {
        let app = TestApp::new().await;
        let server = app.replica_with(|config| config.door = door);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let told = stop.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move { server.serve(listener, None, told).await });
        Self {
            app,
            address,
            stop,
            serving,
        }
    }

    /// Sends a head and a body, and returns all that comes until the server closes.
    async fn ask(&self, line: &str, headers: &[&str], body: &str) -> String {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{line} HTTP/1.1\r\nhost: tod\r\nconnection: close\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        if !head.contains("content-length") {
            head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        tcp.write_all(format!("{head}\r\n{body}").as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(SOON, tcp.read_to_end(&mut answer)).await;
        drop(read.expect("an answer, or an end"));
        String::from_utf8(answer).unwrap()
    }

    async fn is_well(&self) {
        let answer = self.ask("GET /health", &[], "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// The addresses in the audit log, the last first.
    async fn addresses(&self) -> Vec<String> {
        let mut db = self.app.superuser().await;
        sqlx::query_scalar("select address from audit_log order by seq desc")
            .fetch_all(&mut db)
            .await
            .unwrap()
    }

    async fn close(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(SOON, self.serving.join_next()).await;
        ended.unwrap().unwrap().unwrap().unwrap();
    }
}

fn bearer(person: &Person) -> String {
    format!("authorization: Bearer {}", person.token)
}

fn trusting(networks: &[&str]) -> Door {
    Door {
        trusted_proxies: networks.iter().map(|it| it.parse().unwrap()).collect(),
        ..Door::default()
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_is_believed_about_where_a_request_came_from() {
    for (door, header, expected) in [
        (
            Door::default(),
            "x-forwarded-for: 198.51.100.7",
            "127.0.0.1",
        ),
        (
            trusting(&["10.0.0.0/8"]),
            "x-forwarded-for: 198.51.100.7",
            "127.0.0.1",
        ),
        (
            trusting(&["127.0.0.1/32"]),
            "x-forwarded-for: 198.51.100.7",
            "198.51.100.7",
        ),
        (
            trusting(&["127.0.0.1/32", "10.0.0.0/8"]),
            "x-forwarded-for: 203.0.113.5, 198.51.100.7, 10.1.2.3",
            "198.51.100.7",
        ),
        (
            trusting(&["127.0.0.1/32"]),
            "forwarded: for=198.51.100.7",
            "127.0.0.1",
        ),
    ] {
        let doorway = Doorway::open(door).await;
        let tenant = doorway.app.tenant("acme").await;
        let admin = doorway.app.member(tenant, Role::Admin).await;
        let path = format!("POST /api/tenants/{tenant}/api-keys");
        let body = json!({ "name": "ci", "scopes": ["devices:read"] }).to_string();

        let answer = doorway.ask(&path, &[&bearer(&admin), header], &body).await;

        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(doorway.addresses().await, [expected], "{header}");
        doorway.close().await;
    }
}

#[tokio::test]
async fn a_made_up_address_does_not_get_around_the_limits() {
    let doorway = Doorway::open(Door::default()).await;
    let trusting_all = Doorway::open(trusting(&["127.0.0.1/32"])).await;
    for (doorway, limited) in [(&doorway, true), (&trusting_all, false)] {
        let mut last = String::new();
        for n in 0..40 {
            let key = format!("x-api-key: mktp_{n}");
            let from = format!("x-forwarded-for: 198.51.100.{n}");
            last = doorway
                .ask("GET /api/auth/whoami", &[&key, &from], "")
                .await;
        }
        assert_eq!(last.starts_with("HTTP/1.1 429"), limited, "{last}");
    }
    doorway.close().await;
    trusting_all.close().await;
}

#[tokio::test]
async fn a_page_may_call_when_its_origin_is_listed_exactly() {
    let mut door = Door::default();
    door.cors_origins.0 = vec!["https://console.example".parse().unwrap()];
    let doorway = Doorway::open(door).await;
    let preflight = |origin: &'static str| {
        let doorway = &doorway;
        async move {
            let headers = [
                format!("origin: {origin}"),
                "access-control-request-method: POST".to_owned(),
                "access-control-request-headers: authorization".to_owned(),
            ];
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            doorway.ask("OPTIONS /api/status", &headers, "").await
        }
    };

    let good = preflight("https://console.example").await;
    let bad = preflight("https://console.example.evil.test").await;
    let plain = preflight("http://console.example").await;
    let call = doorway
        .ask("GET /api/status", &["origin: https://console.example"], "")
        .await;

    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
    assert!(good.contains("access-control-allow-origin: https://console.example\r\n"));
    assert!(
        good.contains("access-control-allow-methods: GET,POST,PATCH,DELETE\r\n"),
        "{good}"
    );
    assert!(good.contains("x-content-type-options: nosniff"), "{good}");
    for refused in [bad, plain] {
        assert!(
            !refused.contains("access-control-allow-origin"),
            "{refused}"
        );
    }
    assert!(call.contains("access-control-allow-origin: https://console.example\r\n"));
    for answer in [&good, &call] {
        assert!(answer.contains("vary: origin"), "{answer}");
        assert!(!answer.contains("allow-credentials"), "{answer}");
    }
    doorway.close().await;
}

#[tokio::test]
async fn without_a_list_no_answer_speaks_of_origins() {
    let doorway = Doorway::open(Door::default()).await;
    let origin = "origin: https://console.example";
    let method = "access-control-request-method: POST";

    let call = doorway.ask("GET /api/status", &[origin], "").await;
    let preflight = doorway
        .ask("OPTIONS /api/status", &[origin, method], "")
        .await;

    assert!(call.starts_with("HTTP/1.1 200"), "{call}");
    assert!(preflight.starts_with("HTTP/1.1 405"), "{preflight}");
    for answer in [call, preflight] {
        assert!(!answer.contains("access-control"), "{answer}");
        assert!(!answer.contains("vary:"), "{answer}");
    }
    doorway.close().await;
}

const SIGN_IN: &str = "POST /api/auth/srp/start";

#[tokio::test]
async fn a_body_of_a_gigabyte_is_refused_before_it_is_read() {
    let doorway = Doorway::open(Door::default()).await;
    let before = resident();

    let told = doorway
        .ask(SIGN_IN, &["content-length: 1073741824"], "{")
        .await;
    // In pieces, without saying how large it is.
    let mut tcp = TcpStream::connect(doorway.address).await.unwrap();
    let head = format!("{SIGN_IN} HTTP/1.1\r\nhost: tod\r\ntransfer-encoding: chunked\r\n\r\n");
    tcp.write_all(head.as_bytes()).await.unwrap();
    let piece = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let (mut reader, mut writer) = tcp.split();
    let mut sent = 0_usize;
    let sending = async {
        while sent < 1 << 30 && writer.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
        std::future::pending::<()>().await;
    };
    let mut answer = [0; 4096];
    let read = tokio::select! {
        () = sending => 0,
        read = reader.read(&mut answer) => read.unwrap_or_default(),
    };

    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
    assert!(told.contains("larger than 1048576 bytes"), "{told}");
    let pieces = String::from_utf8_lossy(&answer[..read]);
    assert!(
        pieces.is_empty() || pieces.starts_with("HTTP/1.1 413"),
        "{pieces}"
    );
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
    doorway.is_well().await;
    doorway.close().await;
}

#[tokio::test]
async fn a_body_that_drips_is_ended_and_hinders_nobody() {
    let limits = Limits {
        body: Duration::from_millis(300),
        ..Limits::default()
    };
    let doorway = Doorway::open(Door {
        limits,
        ..Door::default()
    })
    .await;
    let mut tcp = TcpStream::connect(doorway.address).await.unwrap();
    let head = format!("{SIGN_IN} HTTP/1.1\r\nhost: tod\r\ncontent-length: 1000\r\n\r\n");
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut every = tokio::time::interval(Duration::from_millis(20));
    let mut answer = [0; 4096];
    let began = Instant::now();

    let read = loop {
        tokio::select! {
            read = tcp.read(&mut answer) => break read.unwrap(),
            _ = every.tick() => tcp.write_all(b" ").await.unwrap(),
        }
        assert!(began.elapsed() < SOON);
    };

    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("did not come within 300ms"), "{answer}");
    doorway.is_well().await;
    doorway.close().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let limits = Limits {
        body: SOON,
        request: Duration::from_millis(300),
        ..Limits::default()
    };
    let doorway = Doorway::open(Door {
        limits,
        ..Door::default()
    })
    .await;

    let answer = doorway.ask(SIGN_IN, &["content-length: 1000"], "{").await;

    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("the request took too long"), "{answer}");
    doorway.close().await;
}

#[tokio::test]
async fn json_without_bottom_and_queries_without_end_are_refused() {
    let doorway = Doorway::open(Door::default()).await;
    let tenant = doorway.app.tenant("acme").await;
    let admin = doorway.app.member(tenant, Role::Admin).await;
    for body in [
        "[".repeat(10_000),
        "{\"a\":".repeat(10_000),
        format!("{}1", "[".repeat(500_000)),
    ] {
        let answer = doorway.ask(SIGN_IN, &[], &body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let many = format!("GET /api/tenants/{tenant}/devices?{}", "a=1&".repeat(7_000));
    let answer = doorway.ask(&many, &[&bearer(&admin)], "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let more = format!("GET /api/status?{}", "a=1&".repeat(100_000));
    let answer = doorway.ask(&more, &[], "").await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    doorway.is_well().await;
    doorway.close().await;
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}
