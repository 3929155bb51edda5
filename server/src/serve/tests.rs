//! Clients that keep the server busy, over real sockets, while an honest one is answered.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;

use super::*;

/// What the slowest step may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(300);

/// A server on a port of its own.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinSet<()>,
    /// Says how many items a stream gave when nobody wanted more.
    ended: mpsc::Receiver<usize>,
}

/// Gives as much as is taken, and says how much that was when it is dropped.
struct Fountain {
    given: usize,
    ended: mpsc::Sender<usize>,
}

impl Stream for Fountain {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.given += 1;
        Poll::Ready(Some(Ok(Bytes::from_static(&[b'x'; 1000]))))
    }
}

impl Drop for Fountain {
    fn drop(&mut self) {
        assert!(self.ended.try_send(self.given).is_ok() || self.ended.is_closed());
    }
}

impl Served {
    async fn new(limits: Limits) -> Self {
        let (sender, ended) = mpsc::channel(8);
        let fountain = move || {
            let (given, ended) = (0, sender.clone());
            async move { Body::from_stream(Fountain { given, ended }) }
        };
        let never = || async { std::future::pending::<&str>().await };
        let router = Router::new()
            .route("/", get(async || "well"))
            .route("/stream", get(fountain))
            .route("/never", get(never));
        Self::of(router, limits, ended).await
    }

    async fn of(router: Router, limits: Limits, ended: mpsc::Receiver<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let house = House {
            router,
            door: Arc::new(Door {
                limits,
                ..Door::default()
            }),
            tls: None,
            closing: CancellationToken::new(),
        };
        let (told, stopping) = (stop.clone(), CancellationToken::new());
        let mut serving = JoinSet::new();
        serving.spawn(async move { house.serve(listener, told, &stopping).await });
        Self {
            address,
            stop,
            serving,
            ended,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// An honest client is answered.
    async fn is_well(&self) {
        let asked = async {
            let mut tcp = self.connect().await;
            let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            tcp.write_all(request).await.unwrap();
            let mut answer = String::new();
            tcp.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("well"), "{answer}");
        };
        tokio::time::timeout(SOON, asked).await.unwrap();
    }

    async fn stop(mut self) {
        self.stop.cancel();
        let stopped = tokio::time::timeout(SOON, self.serving.join_next()).await;
        stopped.unwrap().unwrap().unwrap();
    }
}

/// Waits until the server closes the connection.
async fn closed(tcp: &mut TcpStream) {
    let mut sink = [0; 4096];
    let read = async { while tcp.read(&mut sink).await.is_ok_and(|n| n > 0) {} };
    tokio::time::timeout(SOON, read).await.unwrap();
}

/// Sends `drop` again and again until the server closes the connection.
async fn drip(tcp: &mut TcpStream, drop: &[u8]) {
    let mut every = tokio::time::interval(SHORT / 10);
    let mut sink = [0; 4096];
    let dripping = async {
        loop {
            tokio::select! {
                read = tcp.read(&mut sink) => if read.is_ok_and(|n| n > 0) { continue } else { return },
                _ = every.tick() => {}
            }
            if tcp.write_all(drop).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, dripping).await.unwrap();
}

#[tokio::test]
async fn who_says_nothing_or_drips_a_head_is_put_out() {
    let limits = Limits {
        head: SHORT,
        ..Limits::default()
    };
    let served = Served::new(limits).await;
    let mut silent = served.connect().await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut tease = served.connect().await;

    // One that looks like the beginning of HTTP/2, and one after a good request.
    tease.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut second = served.connect().await;
    second
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1024];
    assert!(second.read(&mut answer).await.unwrap() > 0);

    tokio::join!(
        closed(&mut silent),
        drip(&mut slow, b"x"),
        closed(&mut tease),
        drip(&mut second, b"G"),
        served.is_well(),
    );
    served.is_well().await;
    served.stop().await;
}

#[tokio::test]
async fn two_thousand_idle_connections_hinder_nobody_and_are_closed() {
    let limits = Limits {
        head: Duration::from_secs(5),
        connections_per_address: 2_100,
        ..Limits::default()
    };
    // Two ends each, in one process.
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit {
            current: Some(6_000),
            maximum: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum,
        },
    )
    .unwrap();
    let served = Served::new(limits).await;
    let mut idle = Vec::new();
    for _ in 0..2_000 {
        idle.push(served.connect().await);
    }

    served.is_well().await;

    for tcp in &mut idle {
        closed(tcp).await;
    }
    served.is_well().await;
    served.stop().await;
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_and_one_with_a_request_is_not() {
    let limits = Limits {
        idle: SHORT,
        stall: SHORT,
        ..Limits::default()
    };
    let served = Served::new(limits).await;
    let mut idle = served.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut waiting = served.connect().await;
    waiting
        .write_all(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();

    closed(&mut idle).await;
    let mut sink = [0];
    let more = tokio::time::timeout(SHORT * 3, waiting.read(&mut sink)).await;

    assert!(more.is_err(), "still waiting for its answer");
    served.stop.cancel();
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let limits = Limits {
        connections_per_address: 3,
        ..Limits::default()
    };
    let served = Served::new(limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(served.connect().await);
    }
    let mut fourth = served.connect().await;

    closed(&mut fourth).await;
    // From another address there is room.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(served.address).await.unwrap();
    other
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1024];
    let read = tokio::time::timeout(SOON, other.read(&mut answer)).await;
    assert!(read.unwrap().unwrap() > 0);

    // What is closed makes room.
    drop(held);
    let again = async {
        loop {
            let mut tcp = served.connect().await;
            let sent = tcp.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            if sent.is_ok() && tcp.read(&mut answer).await.is_ok_and(|n| n > 0) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, again).await.unwrap();
    served.stop().await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_ended_and_little_waits_for_it() {
    let limits = Limits {
        stall: SHORT,
        ..Limits::default()
    };
    let mut served = Served::new(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(served.address).await.unwrap();
    deaf.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();

    let given = tokio::time::timeout(SOON, served.ended.recv()).await;

    // What the kernel buffers, and 32 KiB of ours.
    let given = given.unwrap().unwrap();
    assert!(given < 8_000, "{given} items of 1 kB");
    served.is_well().await;
    served.stop().await;
}

#[tokio::test]
async fn a_reader_that_reads_slowly_is_not_ended() {
    let limits = Limits {
        stall: SHORT,
        idle: SHORT,
        ..Limits::default()
    };
    let mut served = Served::new(limits).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut every = tokio::time::interval(SHORT / 10);
    let mut sink = vec![0; 1 << 20];

    for _ in 0..40 {
        every.tick().await;
        assert!(slow.read(&mut sink).await.unwrap() > 0);
    }

    assert!(served.ended.try_recv().is_err());
    drop(slow);
    served.ended.recv().await.unwrap();
    served.stop().await;
}

/// The client's side of HTTP/2 by hand.
async fn raw(
    served: &Served,
) -> (
    h2::client::SendRequest<Bytes>,
    JoinSet<Result<(), h2::Error>>,
) {
    let (client, connection) = h2::client::handshake(served.connect().await).await.unwrap();
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    (client, driving)
}

fn ask(path: &str) -> http::Request<()> {
    let uri = format!("http://a{path}");
    http::Request::get(uri).body(()).unwrap()
}

#[tokio::test]
async fn a_stream_of_http2_that_nobody_reads_is_ended() {
    let limits = Limits {
        stall: SHORT,
        ..Limits::default()
    };
    let mut served = Served::new(limits).await;
    let (client, mut driving) = raw(&served).await;
    let mut client = client.ready().await.unwrap();
    let (answer, _) = client.send_request(ask("/stream"), true).unwrap();
    let body = answer.await.unwrap().into_body();

    // The body is held, its window never opened.
    let given = tokio::time::timeout(SOON, served.ended.recv()).await;

    assert!(given.unwrap().unwrap() < 1_000);
    let over = tokio::time::timeout(SOON, driving.join_next()).await;
    assert!(over.unwrap().unwrap().is_ok(), "the connection is closed");
    drop(body);
    served.is_well().await;
    served.stop().await;
}

#[tokio::test]
async fn rapid_resets_end_the_connection_and_hinder_nobody() {
    let served = Served::new(Limits::default()).await;
    let (client, mut driving) = raw(&served).await;
    let sent = AtomicUsize::new(0);
    let attack = async {
        let mut client = client;
        loop {
            let Ok(ready) = client.ready().await else {
                return;
            };
            client = ready;
            let Ok((answer, mut stream)) = client.send_request(ask("/never"), true) else {
                return;
            };
            stream.send_reset(h2::Reason::CANCEL);
            drop(answer);
            sent.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };

    let (attacked, ()) = tokio::join!(tokio::time::timeout(SOON, attack), served.is_well());

    attacked.unwrap();
    let over = tokio::time::timeout(SOON, driving.join_next()).await;
    over.unwrap().unwrap().unwrap().unwrap_err();
    served.is_well().await;
    served.stop().await;
}

#[tokio::test]
async fn who_gives_up_all_requests_after_they_began_is_put_out() {
    let served = Served::new(Limits::default()).await;
    let (client, mut driving) = raw(&served).await;
    let mut client = client;
    let mut asked = 0;
    let attack = async {
        loop {
            // A whole answer in between shows that the server has begun what came before.
            let Ok(ready) = client.clone().ready().await else {
                return;
            };
            client = ready;
            let Ok((never, _)) = client.send_request(ask("/never"), true) else {
                return;
            };
            asked += 1;
            let Ok(ready) = client.clone().ready().await else {
                return;
            };
            client = ready;
            let Ok((answer, _)) = client.send_request(ask("/never?2"), true) else {
                return;
            };
            asked += 1;
            drop((never, answer));
            tokio::task::yield_now().await;
        }
    };

    tokio::time::timeout(SOON, attack).await.unwrap();

    let over = tokio::time::timeout(SOON, driving.join_next()).await;
    over.unwrap().unwrap().unwrap().unwrap_err();
    assert!(asked < 5_000, "{asked}");
    served.is_well().await;
    served.stop().await;
}

#[tokio::test]
async fn heads_without_end_are_refused() {
    let served = Served::new(Limits::default()).await;
    for head in [
        format!("GET /?{} HTTP/1.1\r\n", "a=1&".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nx: {}\r\n", "y".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200)),
    ] {
        let mut tcp = served.connect().await;
        // It may be closed before it has taken all.
        drop(tcp.write_all(head.as_bytes()).await);
        let mut answer = Vec::new();
        drop(
            tokio::time::timeout(SOON, tcp.read_to_end(&mut answer))
                .await
                .unwrap(),
        );
        let said = String::from_utf8(answer).unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
        served.is_well().await;
    }
    served.stop().await;
}
