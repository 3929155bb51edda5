//! Clients that do as little as clients can: what they cost is in every figure.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What clients got.
pub(crate) struct Clients {
    pub(crate) answers: u32,
    pub(crate) took: Duration,
}

impl Clients {
    /// Asks the same again and again, over `at_once` connections.
    pub(crate) async fn ask(
        address: SocketAddr,
        request: &Bytes,
        at_once: usize,
        how_long: Duration,
    ) -> Self {
        let mut connections = Vec::new();
        for _ in 0..at_once {
            connections.push(Connection::open(address).await);
        }
        let begun = Instant::now();
        let mut clients = JoinSet::new();
        for mut connection in connections {
            let request = request.clone();
            clients.spawn(async move {
                let mut answers = 0;
                while begun.elapsed() < how_long {
                    connection.ask(&request).await;
                    answers += 1;
                }
                answers
            });
        }
        let answers = clients.join_all().await.into_iter().sum();
        Self {
            answers,
            took: begun.elapsed(),
        }
    }
}

/// The body of one answer.
pub(crate) async fn once(address: SocketAddr, request: &Bytes) -> Bytes {
    let mut connection = Connection::open(address).await;
    let body = connection.ask(request).await;
    Bytes::copy_from_slice(&connection.buffer[body..])
}

/// Asks `per_second` times a second whatever the answers take, and returns what each took from the
/// moment when it was due.
pub(crate) async fn paced(
    address: SocketAddr,
    request: &Bytes,
    per_second: u32,
    count: u32,
) -> Vec<Duration> {
    const CONNECTIONS: u32 = 32;
    let begun = Instant::now() + Duration::from_millis(50);
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        let request = request.clone();
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut times = Vec::new();
            for n in (client..count).step_by(32) {
                let due = begun + Duration::from_secs(1) * n / per_second;
                tokio::time::sleep_until(due.into()).await;
                connection.ask(&request).await;
                times.push(due.elapsed());
            }
            times
        });
    }
    clients.join_all().await.concat()
}

struct Connection {
    tcp: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self {
            tcp,
            buffer: Vec::with_capacity(1 << 18),
        }
    }

    /// Sends a request and reads its answer. Returns where the body begins.
    async fn ask(&mut self, request: &[u8]) -> usize {
        self.tcp.write_all(request).await.unwrap();
        self.buffer.clear();
        let mut end = None;
        loop {
            let read = self.tcp.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server hung up");
            let (body, whole) = match end {
                Some(found) => found,
                None => match head(&self.buffer) {
                    Some(found) => *end.insert(found),
                    None => continue,
                },
            };
            if self.buffer.len() >= whole {
                return body;
            }
        }
    }
}

/// Where the body begins, and where it ends.
fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    Some((end, end + length.parse::<usize>().unwrap()))
}
