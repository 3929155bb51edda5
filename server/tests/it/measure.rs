//! Measures what the API costs: `cargo xtask bench server`. It is here for the sake of the harness
//! of the tests, which it shares.
//!
//! Prints a line of JSON for each figure: `{"who":…,…}`. The server runs in threads of its own, so
//! that its CPU time can be told from that of the clients. Its clock goes: what it looks up again
//! every few seconds is in the figures.
//!
//! `cargo bench -p tod-server --bench api -- lists` measures that part alone; there are `lists`,
//! `paced`, `attack`, `follow`, `acts` and `chains`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, spawns, and stops when it fails"
)]

#[expect(dead_code, unused_imports, reason = "the tests need more of it")]
mod harness;

#[path = "measure/attack.rs"]
mod attack;
#[path = "measure/audit.rs"]
mod audit;
#[path = "measure/clients.rs"]
mod clients;
#[path = "measure/fleet.rs"]
mod fleet;
#[path = "measure/threads.rs"]
mod threads;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::HeaderName;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tod_proto::endpoint::Role;
use tod_service::clock::{Clock, Hands};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::clients::Clients;
use crate::fleet::Fleet;
use crate::harness::{Person, TestApp};

/// The names of threads.
const SERVER: &str = "server";
const BARE: &str = "bare";
/// Clients that ask at the same time.
const AT_ONCE: usize = 64;
/// How long each side is asked in turn.
const TURN: Duration = Duration::from_secs(2);
/// How often they take turns.
const TURNS: u32 = 4;
/// How often the clock of the server is set.
const TICK: Duration = Duration::from_millis(20);

/// What is measured.
struct Bench {
    app: TestApp,
    fleet: Fleet,
    viewer: Person,
    address: SocketAddr,
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let asked: Vec<_> = asked.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_asked = |part: &str| asked.is_empty() || asked.iter().any(|asked| *asked == part);
    let (server, clients) = (runtime(SERVER), runtime("clients"));
    let bench = Arc::new(server.block_on(Bench::start()));
    if is_asked("lists") {
        let least = runtime(BARE);
        let bare = bare(&least, &clients, &bench);
        clients.block_on(lists(&bench, bare));
        least.shutdown_background();
    }
    if is_asked("paced") {
        clients.block_on(paced(&bench));
    }
    if is_asked("attack") {
        let attackers = runtime("attackers");
        clients.block_on(attack::measure(&bench, attackers.handle()));
        attackers.shutdown_background();
    }
    if is_asked("follow") {
        server.block_on(fleet::follow(&bench, clients.handle()));
    }
    if is_asked("acts") {
        server.block_on(audit::acts(&bench, clients.handle()));
    }
    if is_asked("chains") {
        server.block_on(audit::chains(&bench));
    }
    server.block_on(bench.end());
}

fn runtime(name: &str) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(2).thread_name(name).enable_all();
    builder.build().unwrap()
}

impl Bench {
    async fn start() -> Self {
        let app = TestApp::new().await;
        wind(app.hands.clone());
        let tenant = app.tenant("acme").await;
        let fleet = Fleet::insert(&app, tenant, 1000).await;
        let viewer = app.member(tenant, Role::Viewer).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = app.app.clone();
        tokio::spawn(async move {
            let stop = CancellationToken::new();
            served.serve(listener, None, stop).await.unwrap();
        });
        Self {
            app,
            fleet,
            viewer,
            address,
        }
    }

    /// A request as its clients send it.
    fn request(&self, path: &str) -> Bytes {
        let token = &self.viewer.token;
        let tenant = self.fleet.tenant;
        Bytes::from(format!(
            "GET /api/tenants/{tenant}{path} HTTP/1.1\r\nhost: tod\r\naccept: */*\r\n\
             authorization: Bearer {token}\r\n\r\n"
        ))
    }

    async fn end(&self) {
        self.app.app.supervisor.kill();
        self.app.app.db.close().await;
    }
}

/// Keeps the clock of the server going.
fn wind(hands: Hands) {
    let clock = Clock::system();
    tokio::spawn(async move {
        loop {
            hands.set(clock.now());
            tokio::time::sleep(TICK).await;
        }
    });
}

/// The least that a server can do: the same bytes from an axum handler that knows them already.
fn bare(server: &Runtime, clients: &Runtime, bench: &Bench) -> SocketAddr {
    let request = bench.request("/devices?limit=100");
    let answer = clients.block_on(clients::once(bench.address, &request));
    say(&json!({"who": "an answer", "bytes": answer.len()}));
    let kind: (HeaderName, &str) = (CONTENT_TYPE, "application/json");
    let handler = move || std::future::ready(([kind.clone()], answer.clone()));
    let router = Router::new().fallback(handler);
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    server.spawn(async move { axum::serve(listener, router).await });
    address
}

/// In turns, so that a busy moment hits both.
async fn lists(bench: &Bench, bare: SocketAddr) {
    let request = bench.request("/devices?limit=100");
    for (at_once, name) in [(AT_ONCE, "64 at once"), (1, "one by one")] {
        let (mut ours, mut theirs) = (Tally::default(), Tally::default());
        for _ in 0..TURNS {
            theirs.turn(BARE, bare, &request, at_once).await;
            ours.turn(SERVER, bench.address, &request, at_once).await;
        }
        say(
            &json!({"who": format!("bare axum, {name}"), "per_second": theirs.per_second(),
            "server_us": theirs.server_us()}),
        );
        say(
            &json!({"who": format!("a list, {name}"), "per_second": ours.per_second(),
            "server_us": ours.server_us()}),
        );
    }
}

#[derive(Default)]
struct Tally {
    answers: f64,
    seconds: f64,
    server: f64,
}

impl Tally {
    async fn turn(&mut self, who: &str, address: SocketAddr, request: &Bytes, at_once: usize) {
        let before = threads::cpu(who);
        let clients = Clients::ask(address, request, at_once, TURN).await;
        self.server += threads::cpu(who).saturating_sub(before).as_secs_f64();
        self.answers += f64::from(clients.answers);
        self.seconds += clients.took.as_secs_f64();
    }

    fn per_second(&self) -> f64 {
        self.answers / self.seconds
    }

    fn server_us(&self) -> f64 {
        1e6 * self.server / self.answers
    }
}

/// How long an answer takes when 500 are wanted each second.
async fn paced(bench: &Bench) {
    let request = bench.request("/devices?limit=100");
    let mut times = clients::paced(bench.address, &request, 500, 5000).await;
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1000.0;
    say(&json!({"who": "500 lists a second", "p50_ms": at(50), "p99_ms": at(99)}));
}

pub(crate) fn say(figure: &Value) {
    println!("{figure}");
}
