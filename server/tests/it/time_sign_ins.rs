//! Measures sign-ins: whether an account that does not exist can be told by the time that its
//! refusal takes, and what a sign-in costs beyond its arithmetic: `cargo xtask bench sign-in`. It is
//! here for the sake of the harness of the tests, which it shares.
//!
//! Prints a line of JSON for each figure: `{"who":…,…}`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it fails"
)]

#[expect(dead_code, unused_imports, reason = "the tests need more of it")]
mod harness;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::{Extension, Router};
use cpu_time::ProcessTime;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::Sha256;
use srp::ClientG3072;
use srp::bigint::BoxedUint;
use srp::groups::{G3072, Group as _};
use tod_proto::api::account::{KDF_ROUNDS, SrpChallenge};
use tod_server::api::Peer;
use tower::ServiceExt as _;

use crate::harness::TestApp;

/// Refusals of each kind.
const SAMPLES: usize = 2000;
/// Sign-ins whose cost is taken.
const SIGN_INS: usize = 200;
const EMAIL: &str = "ana@example.net";
const SECRET: &[u8] = b"what a client derives from password and Secret Key";

/// A server, as its clients from one address see it.
struct Server {
    app: TestApp,
    router: Router,
}

impl Server {
    async fn start() -> Self {
        let app = TestApp::new().await;
        let peer = Peer(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        // Not the router of the tests, which holds every answer against the description of the API.
        let router = app.app.router().layer(Extension(peer));
        Self { app, router }
    }

    /// Sends a request. Returns the answer, how long it took, and the CPU time of this process,
    /// which is the server's: the client's part is done before and after.
    async fn post(&self, path: &str, body: &Value) -> (u16, Value, Duration, Duration) {
        let request = Request::post(path)
            .body(Body::from(body.to_string()))
            .unwrap();
        let (cpu, begun) = (ProcessTime::now(), Instant::now());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let (took, cost) = (begun.elapsed(), cpu.elapsed());
        (status, serde_json::from_slice(&body).unwrap(), took, cost)
    }

    /// Both steps. Returns the status, and time and CPU time of each step.
    async fn sign_in(
        &self,
        email: &str,
        answer: impl FnOnce(&SrpChallenge) -> Value,
    ) -> (u16, [Duration; 2], [Duration; 2]) {
        let body = json!({ "email": email });
        let (status, challenge, first, first_cpu) = self.post("/api/auth/srp/start", &body).await;
        assert_eq!(status, 200, "{challenge}");
        let body = answer(&serde_json::from_value(challenge).unwrap());
        let (status, _, second, second_cpu) = self.post("/api/auth/srp/finish", &body).await;
        // Nobody is slowed down.
        self.app.hands.advance(Duration::from_mins(61));
        (status, [first, second], [first_cpu, second_cpu])
    }
}

/// What somebody sends who knows the secret.
fn right(challenge: &SrpChallenge) -> Value {
    let srp = ClientG3072::<Sha256>::new();
    let a = [5; 48];
    let salt = hex::decode(&challenge.srp_salt).unwrap();
    let public = hex::decode(&challenge.server_public).unwrap();
    let check = srp
        .process_reply(&a, EMAIL.as_bytes(), SECRET, &salt, &public)
        .unwrap();
    json!({
        "handshake": challenge.handshake,
        "client_public": hex::encode(srp.compute_public_ephemeral(&a)),
        "client_proof": hex::encode(check.proof()),
        "label": "a measurement",
    })
}

/// What somebody sends who guesses.
fn wrong(challenge: &SrpChallenge) -> Value {
    json!({
        "handshake": challenge.handshake,
        "client_public": "5a".repeat(380),
        "client_proof": "a5".repeat(32),
        "label": "a measurement",
    })
}

async fn enrol(server: &Server) {
    let token = std::fs::read_to_string(server.app.dir.path().join("setup-token")).unwrap();
    let salt = [9; 32];
    let verifier = ClientG3072::<Sha256>::new().compute_verifier(EMAIL.as_bytes(), SECRET, &salt);
    let body = json!({
        "token": token.trim(), "email": EMAIL, "name": "Ana", "tenant": "acme",
        "verifier": {
            "kdf": { "rounds": KDF_ROUNDS, "salt": "ab".repeat(32) },
            "srp_salt": hex::encode(salt),
            "verifier": hex::encode(verifier),
        },
    });
    let (status, said, ..) = server.post("/api/enrol", &body).await;
    assert_eq!(status, 200, "{said}");
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Welch's t of two samples.
fn welch(one: &[f64], two: &[f64]) -> f64 {
    let (m1, v1) = moments(one);
    let (m2, v2) = moments(two);
    let (n1, n2) = (count(one), count(two));
    (m1 - m2) / (v1 / n1 + v2 / n2).sqrt()
}

fn moments(sample: &[f64]) -> (f64, f64) {
    let mean = sample.iter().sum::<f64>() / count(sample);
    let squares = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    (mean, squares / (count(sample) - 1.0))
}

fn count(sample: &[f64]) -> f64 {
    f64::from(u32::try_from(sample.len()).unwrap())
}

/// Without what lies above the 95th percentile of both: a busy machine makes long tails, in which a
/// difference could hide.
fn cropped(one: &[f64], two: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut all = [one, two].concat();
    all.sort_by(f64::total_cmp);
    let most = all[all.len() * 95 / 100];
    let crop = |sample: &[f64]| sample.iter().copied().filter(|x| *x <= most).collect();
    (crop(one), crop(two))
}

fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Refusals of a known and of an unknown account, in turns and in random order.
async fn refusals(server: &Server) {
    let mut times = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    let emails = [EMAIL, "bob@example.net"];
    for round in 0..SAMPLES + 50 {
        let first = usize::from(rand::random::<bool>());
        for which in [first, 1 - first] {
            let (status, steps, _) = server.sign_in(emails[which], wrong).await;
            assert_eq!(status, 401);
            // Caches are warm by then.
            if round >= 50 {
                for (half, step) in steps.into_iter().enumerate() {
                    times[half][which].push(micros(step));
                }
            }
        }
    }
    for (half, who) in ["first step", "second step"].into_iter().enumerate() {
        let [known, unknown] = &times[half];
        let (short_known, short_unknown) = cropped(known, unknown);
        let line = json!({
            "who": who, "samples": known.len(),
            "t": welch(known, unknown), "t_cropped": welch(&short_known, &short_unknown),
            "known_us": median(known), "unknown_us": median(unknown),
            "spread_us": moments(&short_known).1.sqrt(),
        });
        println!("{line}");
    }
}

/// What the arithmetic of one sign-in takes when nothing is around it: `g^b`, `v^u`, and the shared
/// number, with exponents as long as theirs.
fn bare() -> Duration {
    let group = G3072::generator();
    let bytes = |length| {
        (0..length)
            .map(|_| rand::random::<u8>())
            .collect::<Vec<u8>>()
    };
    let b = BoxedUint::from_be_slice_vartime(&bytes(48));
    let u = BoxedUint::from_be_slice_vartime(&bytes(32));
    let begun = ProcessTime::now();
    black_box(group.pow(&b).retrieve());
    let v = black_box(group.clone());
    black_box(v.pow(&u).pow(&b).retrieve());
    begun.elapsed()
}

async fn costs(server: &Server) {
    let (mut ours, mut arithmetic) = (Vec::new(), Vec::new());
    for round in 0..SIGN_INS + 10 {
        let nothing_else = bare();
        let (status, _, cpu) = server.sign_in(EMAIL, right).await;
        assert_eq!(status, 200);
        if round >= 10 {
            ours.push(micros(cpu[0] + cpu[1]));
            arithmetic.push(micros(nothing_else));
        }
    }
    let line = json!({
        "who": "sign-in", "samples": ours.len(),
        "cpu_us": median(&ours), "bare_us": median(&arithmetic),
    });
    println!("{line}");
}

fn main() {
    // `cargo test --benches` asks for nothing to be measured.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Server::start().await;
        enrol(&server).await;
        costs(&server).await;
        refusals(&server).await;
    });
}
