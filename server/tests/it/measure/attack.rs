//! What people wait while somebody tries to keep the server busy with nothing.
//!
//! Six hundred connections from sixteen addresses that say nothing, say their headers or bodies a
//! byte at a time, and four that open streams of HTTP/2 only to take them back. Whoever is thrown
//! out comes again.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{Bench, clients, say};

/// How many a second are asked by people.
const PEOPLE: u32 = 200;
const ASKED: u32 = 2000;
const DRIP: Duration = Duration::from_millis(500);

/// In turns with and without, so that a busy moment hits both.
pub(crate) async fn measure(bench: &Bench, attackers: &Handle) {
    let request = bench.request("/devices?limit=100");
    let (mut calm, mut attacked) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        calm.extend(clients::paced(bench.address, &request, PEOPLE, ASKED).await);
        let attack = begin(bench.address, attackers);
        sleep(Duration::from_secs(1)).await;
        attacked.extend(clients::paced(bench.address, &request, PEOPLE, ASKED).await);
        drop(attack);
    }
    for (who, times) in [("calm", &mut calm), ("attacked", &mut attacked)] {
        times.sort_unstable();
        let p99 = times[times.len() * 99 / 100].as_secs_f64() * 1000.0;
        say(&json!({"who": who, "p99_ms": p99}));
    }
}

fn begin(server: SocketAddr, attackers: &Handle) -> JoinSet<()> {
    let mut attack = JoinSet::new();
    for n in 0..600_u32 {
        let from = Ipv4Addr::new(127, 0, 1, u8::try_from(n % 16).unwrap() + 1);
        let work = async move {
            loop {
                // Whoever is refused or thrown out comes again.
                if let Ok(tcp) = connect(from, server).await {
                    drop(slow(tcp, n).await);
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        attack.spawn_on(work, attackers);
    }
    for n in 0..4 {
        let work = async move {
            let from = Ipv4Addr::new(127, 0, 2, n + 1);
            loop {
                if let Ok(tcp) = connect(from, server).await {
                    drop(take_back(tcp).await);
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        attack.spawn_on(work, attackers);
    }
    attack
}

async fn connect(from: Ipv4Addr, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(server).await
}

async fn slow(mut tcp: TcpStream, n: u32) -> std::io::Result<()> {
    let begin: &[u8] = match n % 3 {
        0 => b"",
        1 => b"GET /health HTTP/1.1\r\nhost: tod\r\nx-slow: ",
        _ => {
            b"POST /api/auth/srp/start HTTP/1.1\r\nhost: tod\r\ncontent-type: application/json\r\n\
               content-length: 60000\r\n\r\n"
        }
    };
    tcp.write_all(begin).await?;
    loop {
        sleep(DRIP).await;
        // Of an empty write nothing is sent, and a closed connection is not noticed.
        let drip: &[u8] = if n.is_multiple_of(3) { b"" } else { b" " };
        tcp.write_all(drip).await?;
    }
}

/// Opens streams and resets them at once, until the server has had enough.
async fn take_back(tcp: TcpStream) -> Result<(), h2::Error> {
    let (mut client, connection) = h2::client::handshake(tcp).await?;
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    loop {
        client = client.ready().await?;
        let request = http::Request::get("http://tod/health").body(()).unwrap();
        let (_, mut stream) = client.send_request(request, false)?;
        stream.send_reset(h2::Reason::CANCEL);
        tokio::task::yield_now().await;
    }
}
