//! SRP-6a against an implementation that we did not write: several hundred whole handshakes in both
//! directions, many of them with numbers that have leading zero bytes. And the double of OpenBao
//! against a client that we did not write.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tod_client::secret_key::SecretKey;
use tod_client::srp::Credentials;
use tod_proto::api::account::{KDF_ROUNDS, Kdf, Me, SrpChallenge, SrpSession};
use tod_server::auth::srp::{Ephemeral, Number, Verifier, Work, prove};

use crate::account::setup_token;
use crate::harness::{ByHand, TestApp};
use crate::openbao::Double;

const SIGN_IN: &str = include_str!("strangers/sign_in.py");
/// How many handshakes each direction has.
const HANDSHAKES: usize = 200;
/// Hex digits of a number that has no leading zero byte.
const WHOLE: usize = 384 * 2;

/// A program with packages that we did not write, which answers line by line.
pub(crate) struct Python {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Python {
    #[expect(
        clippy::disallowed_methods,
        reason = "says which Python has the packages of `xtask/python.txt`"
    )]
    pub(crate) fn new(script: &str, part: &str) -> Self {
        let python = std::env::var_os("TOD_TEST_PYTHON").unwrap_or_else(|| {
            concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/python").into()
        });
        let mut child = Command::new(python)
            .args(["-c", script, part])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no Python with its packages ({error}): run `cargo xtask test`")
            });
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            input,
            lines,
        }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("Python has ended").unwrap()
    }

    fn hears<T: serde::de::DeserializeOwned>(&mut self) -> T {
        serde_json::from_str(&self.line()).unwrap()
    }

    pub(crate) fn told<T: serde::de::DeserializeOwned>(&mut self, value: &Value) -> T {
        writeln!(self.input, "{value}").unwrap();
        self.hears()
    }

    fn ends(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// What the other end has computed.
#[derive(Deserialize)]
struct Theirs {
    #[serde(default)]
    public: String,
    proof: Option<String>,
    /// Bits of the number that both ends share.
    #[serde(default)]
    shared: usize,
}

impl Theirs {
    fn shared_is_short(&self) -> bool {
        self.shared <= (384 - 1) * 8
    }
}

/// How often a number came up with a leading zero byte.
#[derive(Debug, Default)]
struct Short {
    client_public: usize,
    server_public: usize,
    shared: usize,
}

/// What the other end is asked to bring about: mostly chance, now and then a leading zero. In the
/// number that both share, it takes too long to find; the vectors have it.
fn wish(n: usize) -> &'static str {
    if n % 10 == 3 { "short public" } else { "any" }
}

#[tokio::test]
async fn their_client_signs_in_to_our_server_every_time() {
    let app = TestApp::new().await;
    let mut python = Python::new(SIGN_IN, "client");
    let person: Value = python.hears();
    let mut body = ByHand::new("py@example.net").enrolment(&setup_token(&app), Some("acme"));
    body["verifier"]["srp_salt"] = person["salt"].clone();
    body["verifier"]["verifier"] = person["verifier"].clone();
    app.send(None, "POST", "/api/enrol", Some(body))
        .await
        .ok::<Me>();
    let mut short = Short::default();

    for n in 0..HANDSHAKES {
        let start = json!({ "email": "py@example.net" });
        let start = app.send(None, "POST", "/api/auth/srp/start", Some(start));
        let challenge: SrpChallenge = start.await.ok();
        let theirs: Theirs = python.told(&json!({
            "salt": challenge.srp_salt, "public": challenge.server_public, "wish": wish(n),
        }));
        let answer = json!({
            "handshake": challenge.handshake, "client_public": theirs.public,
            "client_proof": theirs.proof, "label": "python",
        });
        let finish = app.send(None, "POST", "/api/auth/srp/finish", Some(answer));
        let session: SrpSession = finish.await.ok();
        let told: Value = python.told(&json!({ "proof": session.server_proof }));

        assert_eq!(told["genuine"], true, "handshake {n}");
        short.client_public += usize::from(theirs.public.len() < WHOLE);
        short.server_public += usize::from(challenge.server_public.len() < WHOLE);
        short.shared += usize::from(theirs.shared_is_short());
        // So many in a minute would be slowed down.
        app.hands.advance(Duration::from_secs(2));
    }

    assert!(short.client_public >= HANDSHAKES / 10, "{short:?}");
    python.ends();
}

#[test]
fn our_client_is_let_in_by_their_server_every_time() {
    let key = SecretKey::generate("ana@example.net");
    let me = Credentials {
        email: "Ana@example.net",
        password: &"correct horse".into(),
        secret_key: &key,
    };
    let kdf = Kdf {
        rounds: KDF_ROUNDS,
        salt: "ab".repeat(32),
    };
    // Once: it takes longer than all of the rest.
    let secret = me.secret(&kdf).unwrap();
    let verifier = secret.verifier();
    let mut python = Python::new(SIGN_IN, "server");
    let person = json!({
        "name": "ana@example.net", "salt": verifier.srp_salt, "verifier": verifier.verifier,
    });
    writeln!(python.input, "{person}").unwrap();
    let mut short = Short::default();

    for n in 0..HANDSHAKES {
        let begun: Value = python.told(&json!({ "wish": wish(n) }));
        let challenge = SrpChallenge {
            handshake: String::new(),
            kdf: kdf.clone(),
            srp_salt: verifier.srp_salt.clone(),
            server_public: begun["public"].as_str().unwrap().to_owned(),
        };
        let answer = secret.answer(&challenge).unwrap();
        let theirs: Theirs = python.told(&json!({
            "public": answer.client_public, "proof": answer.client_proof,
        }));

        let proof = theirs.proof.as_ref();
        let proof = proof.unwrap_or_else(|| panic!("handshake {n} was refused"));
        answer.check(proof).unwrap();
        short.client_public += usize::from(answer.client_public.len() < WHOLE);
        short.server_public += usize::from(challenge.server_public.len() < WHOLE);
        short.shared += usize::from(theirs.shared_is_short());
    }

    assert!(short.server_public >= HANDSHAKES / 10, "{short:?}");
    python.ends();
}

/// Numbers of one handshake, as Python computed them at both ends.
#[derive(Deserialize)]
struct Vector {
    name: String,
    salt: String,
    verifier: String,
    b: String,
    client_public: String,
    server_public: String,
    shared: String,
    client_proof: String,
    server_proof: String,
}

const VECTORS: &str = include_str!("../../../client/src/srp/vectors.jsonl");

#[test]
fn our_server_proves_what_python_proved() {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let mut short = Short::default();
    for line in VECTORS.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let verifier = Verifier {
            kdf_salt: Vec::new(),
            srp_salt: bytes(&vector.salt),
            number: Number::from_hex(&vector.verifier).unwrap(),
        };
        let work = Work::default();
        // Python's may be shorter: it is a number.
        let mut secret = zeroize::Zeroizing::new([0; 48]);
        let b = bytes(&vector.b);
        secret[48 - b.len()..].copy_from_slice(&b);
        let ephemeral = Ephemeral::of(&work, secret, &verifier.number);
        let proof = |client_public: &str| {
            prove(
                &work,
                &vector.name,
                &verifier,
                &ephemeral,
                client_public,
                &vector.client_proof,
            )
        };

        // A number is the same with its zeros and without.
        for public in [
            vector.client_public.as_str(),
            vector.client_public.trim_start_matches("00"),
        ] {
            let proof = proof(public).expect("Python's proof is refused");
            assert_eq!(hex::encode(proof), vector.server_proof);
        }
        let is_short = |number: &str| usize::from(number.starts_with("00"));
        short.client_public += is_short(&vector.client_public);
        short.server_public += is_short(&vector.server_public);
        short.shared += is_short(&vector.shared);
    }
    assert!(short.client_public >= 2 && short.server_public >= 3 && short.shared >= 2);
}

#[test]
fn the_committed_vectors_are_what_python_computes() {
    let mut python = Python::new(SIGN_IN, "vectors");

    for line in VECTORS.lines() {
        assert_eq!(python.line(), line);
    }

    python.ends();
}

/// The double is what our client is tested against, so it must not be made after our client.
#[tokio::test]
async fn a_client_that_we_did_not_write_finds_what_openbao_documents() {
    let mut double = Double::start().await;
    let address = double.url();
    let script = include_str!("strangers/openbao.py");
    let python = tokio::task::spawn_blocking(move || {
        let mut python = Python::new(script, &address);
        let found: Value = python.hears();
        python.ends();
        found
    });

    let found = python.await.unwrap();

    assert_eq!(found["checked"], 47, "{found}");
    assert!(double.asked().len() > 50);
    double.down().await;
}
