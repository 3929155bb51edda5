//! What travels when people enrol, sign in, change their password and are reset, recorded on its way through the real client and the
//! real server: neither the password nor the Secret Key, nor anything against which either could be
//! tried out without the other.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, hkdf, pbkdf2};
use axum::Router;
use axum::body::Body as RouterBody;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use sha2::Sha256;
use srp::bigint::BoxedUint;
use srp::{ClientG3072, ServerG3072};
use tod_client::secret_key::SecretKey;
use tod_client::sign_in::Enrolment;
use tod_client::transport::{Body, Transport};
use tod_client::{Client, Error as ClientError};
use tod_proto::api::account::{KDF_ROUNDS, Verifier};
use tod_proto::api::users::Invitation;
use tod_proto::endpoint::Role;
use tower::ServiceExt as _;

use crate::account::setup_token;
use crate::harness::TestApp;

const EMAIL: &str = "ana@example.net";
const PASSWORD: &str = "gr\u{fc}ne Pferde traben 1971";
const CHANGED: &str = "sieben M\u{f6}wen lachen 2003";
const AFTER_RESET: &str = "vierzig R\u{e4}uber schweigen 42";

/// All bytes that went one way or the other, message by message.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Vec<Vec<u8>>>>);

impl Recording {
    fn add(&self, message: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().push(message.into());
    }

    fn messages(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }
}

/// Carries requests to a router, and writes down what passes.
struct Recorder {
    router: Router,
    recording: Recording,
}

impl Transport for Recorder {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, ClientError>> {
        Box::pin(async move {
            let mut message = format!("{} {}\n", request.method(), request.uri()).into_bytes();
            message.extend(head(request.headers()));
            message.extend_from_slice(request.body());
            self.recording.add(message);

            let router = self.router.clone();
            let response = router.oneshot(request.map(RouterBody::from)).await;
            let (parts, body) = response.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            self.recording.add(head(&parts.headers));
            self.recording.add(body.to_vec());
            Ok(Response::from_parts(parts, Body::full(body)))
        })
    }
}

fn head(headers: &http::HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// What a person knows and has.
struct Secrets {
    password: &'static str,
    key: SecretKey,
}

impl Secrets {
    fn new(password: &'static str) -> Self {
        Self {
            password,
            key: SecretKey::generate(EMAIL),
        }
    }

    /// The 128 bits that the Secret Key's text stands for.
    fn key_bytes(&self) -> [u8; 16] {
        let text = self.key.reveal().replace('-', "");
        let digit = |c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(c).unwrap();
        let number = text[8..34]
            .chars()
            .fold(0, |number: u128, c| number * 32 + digit(c) as u128);
        number.to_be_bytes()
    }

    /// Everything that one of the two could be recognised by, in plain sight.
    fn traces(&self) -> Vec<Vec<u8>> {
        let key = self.key.reveal();
        let mut plain = vec![self.password.into(), self.key_bytes().to_vec()];
        // Ten digits together do not come up by chance.
        for text in [key.to_string(), key.replace('-', "")] {
            plain.extend(text.as_bytes().windows(10).map(<[u8]>::to_vec));
        }
        let words = self.password.split(' ').filter(|word| word.len() > 4);
        plain.extend(words.map(Vec::from));
        // The same, with the dots written apart.
        let apart = [
            ('\u{fc}', "u\u{308}"),
            ('\u{f6}', "o\u{308}"),
            ('\u{e4}', "a\u{308}"),
        ];
        let apart = apart
            .iter()
            .fold(self.password.to_owned(), |text, (one, two)| {
                text.replace(*one, two)
            });
        plain.push(apart.into());
        let mut all = Vec::new();
        for bytes in plain {
            all.push(hex::encode(&bytes).into_bytes());
            all.push(hex::encode_upper(&bytes).into_bytes());
            // In base64 the same bytes look different at each of three places.
            for shift in 0..3 {
                let shifted = [vec![0; shift], bytes.clone()].concat();
                for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
                    let text = engine.encode(&shifted).into_bytes();
                    let whole = text.len() - 2;
                    all.push(text.get(4..whole).unwrap_or_default().to_vec());
                }
            }
            all.push(bytes.to_ascii_lowercase());
            all.push(bytes);
        }
        all.retain(|trace| trace.len() >= 6);
        all
    }
}

#[derive(Clone, Copy)]
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(ikm: &[u8], salt: &[u8], info: &str) -> Vec<u8> {
    let mut out = vec![0; 32];
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, salt);
    let info = [info.as_bytes()];
    let okm = salt.extract(ikm);
    okm.expand(&info, Len(32)).unwrap().fill(&mut out).unwrap();
    out
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// What someone with the password and the recording can compute: the path of the derivation, and
/// steps that a careless client might have left out.
fn from_password(password: &str, salt: &[u8]) -> BTreeMap<&'static str, Vec<u8>> {
    let rounds = NonZeroU32::new(KDF_ROUNDS).unwrap();
    let mut stretched = vec![0; 32];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut stretched);
    let mine = expand(&stretched, salt, &format!("tod 2skd password\0{EMAIL}"));
    BTreeMap::from([
        ("the password", password.as_bytes().to_vec()),
        ("its hash", hash(password.as_bytes())),
        (
            "its hash with the salt",
            hash(&[salt, password.as_bytes()].concat()),
        ),
        ("the stretched password", stretched),
        ("the password's half", mine),
    ])
}

/// What someone with the Secret Key and the recording can compute.
fn from_key(secrets: &Secrets) -> BTreeMap<&'static str, Vec<u8>> {
    let (bytes, text) = (secrets.key_bytes(), secrets.key.reveal());
    let context = &text[..9];
    let mine = expand(
        &bytes,
        context.as_bytes(),
        &format!("tod 2skd secret key\0{EMAIL}"),
    );
    BTreeMap::from([
        ("the Secret Key", bytes.to_vec()),
        ("its text", text.as_bytes().to_vec()),
        ("its hash", hash(&bytes)),
        ("the hash of its text", hash(text.as_bytes())),
        ("the Secret Key's half", mine),
    ])
}

/// Everything that a guess could be held against: the guess itself, its hash, and the verifiers
/// that follow from it, with the salt and without.
fn testable(from: &BTreeMap<&'static str, Vec<u8>>, srp_salt: &[u8]) -> Vec<(String, Vec<u8>)> {
    let group = ClientG3072::<Sha256>::new();
    let mut all = Vec::new();
    for (what, bytes) in from {
        let x = BoxedUint::from_be_slice_vartime(bytes);
        let power = group.compute_g_x(&x).to_be_bytes_trimmed_vartime().to_vec();
        all.push(((*what).to_owned(), bytes.clone()));
        all.push((format!("the hash of {what}"), hash(bytes)));
        all.push((format!("g to {what}"), power));
        for salt in [srp_salt, &[]] {
            let verifier = group.compute_verifier(EMAIL.as_bytes(), bytes, salt);
            all.push((format!("a verifier of {what}"), verifier));
        }
    }
    all
}

/// The byte strings of a message: whatever is hex or base64, of 16 bytes and more.
fn byte_strings(message: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(message);
    let is_digit = |c: char| c.is_ascii_alphanumeric() || "-_+/".contains(c);
    let mut all = Vec::new();
    for word in text.split(|c| !is_digit(c)).filter(|word| word.len() >= 22) {
        all.extend(hex::decode(word));
        all.extend(BASE64_STANDARD_NO_PAD.decode(word));
        all.extend(BASE64_URL_SAFE_NO_PAD.decode(word));
    }
    all
}

/// A recording that is searched.
struct Searched {
    messages: Vec<Vec<u8>>,
    strings: Vec<Vec<u8>>,
}

impl Searched {
    fn new(messages: &[Vec<u8>]) -> Self {
        Self {
            messages: messages.to_vec(),
            strings: messages.iter().flat_map(|m| byte_strings(m)).collect(),
        }
    }

    fn holds(&self, wanted: &[u8]) -> bool {
        let within = |long: &Vec<u8>| long.windows(wanted.len()).any(|part| part == wanted);
        self.messages.iter().any(within) || self.strings.iter().any(within)
    }

    /// What of `wanted` is in it, wherever it stands.
    fn found(&self, wanted: &[(String, Vec<u8>)]) -> Vec<String> {
        let found = wanted.iter().filter(|(_, bytes)| self.holds(bytes));
        found.map(|(what, _)| what.clone()).collect()
    }
}

/// The verifiers of a recording's requests, in order.
fn verifiers(messages: &[Vec<u8>]) -> Vec<Verifier> {
    let body = |message: &Vec<u8>| {
        let at = message.iter().position(|&byte| byte == b'{')?;
        let mut json: serde_json::Value = serde_json::from_slice(message.get(at..)?).ok()?;
        serde_json::from_value(json.get_mut("verifier")?.take()).ok()
    };
    messages.iter().filter_map(body).collect()
}

/// Does everything that has to do with a password, through the client that `todctl` uses.
async fn record(app: &TestApp, all: &[Secrets; 3]) -> Vec<Vec<u8>> {
    let recording = Recording::default();
    let store = Arc::new(tod_client::store::Store::memory());
    let client = Client::new(Recorder {
        router: app.router(),
        recording: recording.clone(),
    })
    .with_store(store, tod_client::clock::Clock::system());
    let enrolment = |token: String, tenant: Option<&str>| Enrolment {
        token: token.into(),
        email: EMAIL.to_owned(),
        name: "Ana".to_owned(),
        tenant: tenant.map(str::to_owned),
    };
    let [first, changed, reset] = all;
    let passwords = [first, changed, reset].map(|secrets| secrets.password.into());
    let [one, two, three] = &passwords;

    let token = enrolment(setup_token(app), Some("acme"));
    client.enrol(token, one, &first.key).await.unwrap();
    let me = client.sign_in(EMAIL, one, &first.key, "x").await.unwrap();
    let wrong = client.sign_in(EMAIL, three, &first.key, "x").await;
    wrong.unwrap_err();
    let (old, new) = ((one, &first.key), (two, &changed.key));
    client.change_password(EMAIL, old, new).await.unwrap();
    client.sign_in(EMAIL, two, &changed.key, "x").await.unwrap();

    let boss = app.member(me.tenant.unwrap(), Role::SuperAdmin).await;
    let path = format!("/api/tenants/{}/users/{}/reset", me.tenant.unwrap(), me.id);
    let again: Invitation = app.post(&boss, &path, serde_json::json!({})).await.ok();
    let gone = client.sign_in(EMAIL, two, &changed.key, "x").await;
    gone.unwrap_err();
    let token = enrolment(again.token, None);
    client.enrol(token, three, &reset.key).await.unwrap();
    client.sign_in(EMAIL, three, &reset.key, "x").await.unwrap();
    recording.messages()
}

#[tokio::test]
async fn neither_the_password_nor_the_secret_key_travels_nor_what_either_can_be_tried_on() {
    let app = TestApp::new().await;
    let first = Secrets::new(PASSWORD);
    // As most people do: another password, the same Secret Key.
    let changed = Secrets {
        password: CHANGED,
        key: first.key.clone(),
    };
    let all = [first, changed, Secrets::new(AFTER_RESET)];

    let messages = record(&app, &all).await;

    let verifiers = verifiers(&messages);
    assert_eq!(verifiers.len(), 3);
    let recording = Searched::new(&messages);
    for (secrets, verifier) in all.iter().zip(&verifiers) {
        cannot_be_tried(secrets, verifier, &recording);
        for trace in secrets.traces() {
            let text = String::from_utf8_lossy(&trace);
            assert!(!recording.holds(&trace), "{text} travels");
        }
    }
}

/// With both halves a verifier can be tried; with one of them it cannot, and nothing else can.
fn cannot_be_tried(secrets: &Secrets, verifier: &Verifier, recording: &Searched) {
    let salt = hex::decode(&verifier.kdf.salt).unwrap();
    let srp_salt = hex::decode(&verifier.srp_salt).unwrap();
    let (password, key) = (from_password(secrets.password, &salt), from_key(secrets));

    // First that the derivation here is the client's.
    let halves = password["the password's half"].iter();
    let both: Vec<u8> = halves
        .zip(&key["the Secret Key's half"])
        .map(|(a, b)| a ^ b)
        .collect();
    let group = ClientG3072::<Sha256>::new();
    let wanted = group.compute_verifier(EMAIL.as_bytes(), &both, &srp_salt);
    let wanted = [vec![0; 384 - wanted.len()], wanted].concat();
    assert_eq!(hex::encode(&wanted), verifier.verifier);
    assert!(recording.holds(&wanted));

    let testable = [testable(&password, &srp_salt), testable(&key, &srp_salt)].concat();
    assert_eq!(recording.found(&testable), [""; 0]);
    assert!(!recording.holds(&both), "what goes into SRP travels");
}

#[test]
fn what_would_give_a_secret_away_is_found_in_a_recording() {
    let secrets = Secrets::new(PASSWORD);
    let (salt, srp_salt) = ([7; 32], [9; 32]);
    let (password, key) = (from_password(PASSWORD, &salt), from_key(&secrets));
    let wanted = [testable(&password, &srp_salt), testable(&key, &srp_salt)].concat();
    let server = ServerG3072::<Sha256>::new();

    for (what, bytes) in &wanted {
        for text in [
            hex::encode(bytes),
            BASE64_URL_SAFE_NO_PAD.encode(bytes),
            format!("00{}", hex::encode(bytes)),
        ] {
            let leak = format!(r#"{{"verifier":"{text}"}}"#).into_bytes();
            let found = Searched::new(&[leak]).found(&wanted);
            assert!(found.contains(what), "{what} as {text}");
        }
    }
    // What does follow from a secret, but only with another one, is not taken for a leak.
    let v = key["the Secret Key's half"].clone();
    let public = server.compute_public_ephemeral(&[3; 48], &v);
    let fine = format!(r#"{{"server_public":"{}"}}"#, hex::encode(public)).into_bytes();
    assert_eq!(Searched::new(&[fine]).found(&wanted), [""; 0]);

    for leak in [
        format!("POST /api/enrol?key={}", &*secrets.key.reveal()),
        format!("{{\"key\":\"{}\"}}", hex::encode(secrets.key_bytes())),
        format!("cookie: {}", BASE64_STANDARD_NO_PAD.encode(PASSWORD)),
        format!("{{\"password\":\"{PASSWORD}\"}}"),
    ] {
        let recording = Searched::new(&[leak.clone().into_bytes()]);
        let traces = secrets.traces();
        assert!(traces.iter().any(|trace| recording.holds(trace)), "{leak}");
    }
}
