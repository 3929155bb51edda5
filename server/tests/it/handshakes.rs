//! Sign-ins by someone who knows nothing, or has seen everything: each of them is refused, and all
//! refusals are alike.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use srp::groups::{G3072, Group as _};
use srp::utils::{compute_hash_n_xor_hash_pad_g, compute_u_padded};
use tod_proto::api::account::{SrpChallenge, SrpSession};
use tod_proto::error::ErrorBody;
use tod_server::api::Peer;
use tower::ServiceExt as _;

use crate::account::enrolled;
use crate::harness::{Answer, ByHand, TestApp, send};

const START: &str = "/api/auth/srp/start";
const FINISH: &str = "/api/auth/srp/finish";

fn modulus() -> Vec<u8> {
    G3072::generator().params().modulus().to_be_bytes().to_vec()
}

/// A number plus a small one.
fn plus(number: &[u8], small: u8) -> Vec<u8> {
    let mut sum = number.to_vec();
    let mut carry = u16::from(small);
    for byte in sum.iter_mut().rev() {
        let value = u16::from(*byte) + carry;
        *byte = u8::try_from(value & 0xff).unwrap();
        carry = value >> 8;
    }
    assert_eq!(carry, 0);
    sum
}

/// Twice a number, with a byte more.
fn twice(number: &[u8]) -> Vec<u8> {
    let mut all = vec![0];
    all.extend(number);
    let next = all.iter().skip(1).chain([&0]);
    all.iter().zip(next).map(|(a, b)| a << 1 | b >> 7).collect()
}

/// The proof of someone who knows that both ends share `shared`, and nothing else.
fn forged(email: &str, challenge: &SrpChallenge, public: &[u8], shared: &[u8]) -> String {
    let server_public = hex::decode(&challenge.server_public).unwrap();
    let mut proof = Sha256::new();
    proof.update(compute_hash_n_xor_hash_pad_g::<Sha256>(&G3072::generator()));
    proof.update(Sha256::digest(email.as_bytes()));
    proof.update(hex::decode(&challenge.srp_salt).unwrap());
    proof.update(public);
    proof.update(server_public);
    proof.update(Sha256::digest(shared));
    hex::encode(proof.finalize())
}

async fn finish(app: &TestApp, body: Value) -> Answer {
    app.send(None, "POST", FINISH, Some(body)).await
}

/// The same request, from another address.
async fn finish_from(app: &TestApp, address: &str, body: &Value) -> (u16, String) {
    let mut request = Request::post(FINISH)
        .body(Body::from(body.to_string()))
        .unwrap();
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(Peer(address));
    let response = app.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// What a refusal says, without what differs in every answer.
fn shape(refused: &Answer) -> (u16, ErrorBody, BTreeSet<String>) {
    let mut body = refused.refused(401);
    assert!(!body.request_id.is_empty());
    body.request_id.clear();
    let headers = refused.headers.keys().map(ToString::to_string).collect();
    (refused.status.as_u16(), body, headers)
}

#[tokio::test]
async fn a_public_key_that_makes_the_shared_number_known_is_refused() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let n = modulus();

    // If the server raised one of these to a power, both ends would share zero, or 1 for N + 1 and
    // an even power: the proof that follows is the right one then.
    let known: [(&str, Vec<u8>); 9] = [
        ("nothing", vec![]),
        ("zero", vec![0]),
        ("zero at full length", vec![0; 384]),
        ("zero and longer", vec![0; 385]),
        ("N", n.clone()),
        ("N with a zero before it", [vec![0], n.clone()].concat()),
        ("2N", twice(&n)),
        ("3N", [vec![2], vec![0xff; 384]].concat()),
        ("a megabyte of zeros", vec![0; 1 << 20]),
    ];
    for (what, public) in &known {
        for shared in [&b""[..], &[0], &[1]] {
            let challenge = ana.start(&app).await;
            let body = json!({
                "handshake": challenge.handshake,
                "client_public": hex::encode(public),
                "client_proof": forged(&ana.email, &challenge, public, shared),
                "label": "x",
            });
            let refused = finish(&app, body).await;
            let status = refused.status.as_u16();
            // A body that no client sends is refused before it is read.
            let is_huge = public.len() > 1000;
            assert!(
                status == 401 || (is_huge && status == 413),
                "{what}: {refused}"
            );
            app.hands.advance(Duration::from_mins(2));
        }
    }
    ana.sign_in(&app).await.ok::<SrpSession>();
}

#[tokio::test]
async fn a_public_key_above_the_modulus_does_not_help_to_guess() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let n = modulus();

    for (public, as_small) in [(plus(&n, 1), 1), (plus(&n, 5), 5), (vec![0xff; 384], 0)] {
        let challenge = ana.start(&app).await;
        let u = compute_u_padded::<Sha256>(
            &G3072::generator(),
            &public,
            &hex::decode(&challenge.server_public).unwrap(),
        );
        assert!(u.bits() > 200, "u is not small, so v^u is not known");
        let body = json!({
            "handshake": challenge.handshake,
            "client_public": hex::encode(&public),
            "client_proof": forged(&ana.email, &challenge, &public, &[as_small]),
            "label": "x",
        });
        finish(&app, body).await.refused(401);
    }
}

#[tokio::test]
async fn a_proof_that_was_overheard_is_good_for_nothing() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let heard = ana.answer(&ana.start(&app).await);
    finish(&app, heard.clone()).await.ok::<SrpSession>();

    // Again, and in a handshake of one's own, which has another B.
    finish(&app, heard.clone()).await.refused(401);
    let mut replayed = heard.clone();
    replayed["handshake"] = json!(ana.start(&app).await.handshake);
    finish(&app, replayed).await.refused(401);

    // The public key alone, with the proof of another shared number.
    let challenge = ana.start(&app).await;
    let mut mixed = ana.answer(&challenge);
    mixed["client_proof"] = heard["client_proof"].clone();
    finish(&app, mixed).await.refused(401);
}

#[tokio::test]
async fn a_handshake_ends_with_the_first_answer_even_a_wrong_one() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;

    let challenge = ana.start(&app).await;
    let right = ana.answer(&challenge);
    let mut wrong = right.clone();
    wrong["client_proof"] = json!("00".repeat(32));
    finish(&app, wrong).await.refused(401);
    finish(&app, right).await.refused(401);

    // Two at once: one of them is let in.
    let right = ana.answer(&ana.start(&app).await);
    let (one, two) = tokio::join!(finish(&app, right.clone()), finish(&app, right));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_handshake_lives_for_less_than_a_minute() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;

    for (seconds, status) in [(59, 200), (60, 401), (3600, 401)] {
        let answer = ana.answer(&ana.start(&app).await);
        app.hands.advance(Duration::from_secs(seconds));
        let finished = finish(&app, answer).await;
        assert_eq!(finished.status.as_u16(), status, "{seconds} s: {finished}");
    }
}

#[tokio::test]
async fn whoever_takes_a_handshake_over_from_another_address_needs_the_secret_all_the_same() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;

    // A thief who has heard the challenge, guesses the proof, and burns the handshake.
    let challenge = ana.start(&app).await;
    let mut stolen = ana.answer(&challenge);
    let honest = stolen.clone();
    stolen["client_proof"] = json!(forged(&ana.email, &challenge, &[5], &[1]));
    assert_eq!(finish_from(&app, "198.51.100.7", &stolen).await.0, 401);
    assert_eq!(finish_from(&app, "192.0.2.1", &honest).await.0, 401);

    // A thief who has heard the answer and was not the first to send it.
    let answer = ana.answer(&ana.start(&app).await);
    assert_eq!(finish_from(&app, "192.0.2.1", &answer).await.0, 200);
    let (status, body) = finish_from(&app, "198.51.100.7", &answer).await;
    assert_eq!(status, 401, "{body}");
}

#[tokio::test]
async fn the_servers_key_is_another_one_each_time() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let stranger = ByHand::new("nobody@example.net");

    let mut seen = BTreeSet::new();
    for _ in 0..32 {
        for person in [&ana, &stranger] {
            let challenge = person.start(&app).await;
            assert!(challenge.server_public.len() > 700, "{challenge:?}");
            assert!(seen.insert(challenge.server_public), "a key came back");
            assert!(seen.insert(challenge.handshake), "a name came back");
            app.hands.advance(Duration::from_secs(2));
        }
    }
}

#[tokio::test]
async fn all_refusals_are_alike() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let guesser = ByHand {
        secret: b"x".to_vec(),
        ..ByHand::new("ana@example.net")
    };
    let stranger = ByHand::new("nobody@example.net");
    let n = hex::encode(modulus());
    let mut refusals = vec![
        ("wrong secret", guesser.sign_in(&app).await),
        ("unknown account", stranger.sign_in(&app).await),
    ];

    for (what, field, value) in [
        ("no proof", "client_proof", String::new()),
        ("short proof", "client_proof", "00".repeat(31)),
        ("long proof", "client_proof", "00".repeat(33)),
        ("proof that is not hex", "client_proof", "zz".repeat(32)),
        ("no key", "client_public", String::new()),
        ("key of zero", "client_public", "00".to_owned()),
        ("key of N", "client_public", n),
        ("long key", "client_public", "ff".repeat(385)),
        ("key that is not hex", "client_public", "zz".to_owned()),
        ("odd key", "client_public", "5".to_owned()),
        ("no handshake", "handshake", String::new()),
        ("unknown handshake", "handshake", "0".repeat(32)),
        (
            "handshake that is none",
            "handshake",
            "'; drop table users".to_owned(),
        ),
    ] {
        for person in [&ana, &stranger] {
            let mut answer = person.answer(&person.start(&app).await);
            answer[field] = value.clone().into();
            refusals.push((what, finish(&app, answer).await));
            app.hands.advance(Duration::from_mins(2));
        }
    }
    let late = ana.answer(&ana.start(&app).await);
    app.hands.advance(Duration::from_mins(5));
    refusals.push(("expired", finish(&app, late).await));
    let once = ana.answer(&ana.start(&app).await);
    finish(&app, once.clone()).await.ok::<SrpSession>();
    refusals.push(("used", finish(&app, once).await));

    let wanted = shape(&refusals[0].1);
    assert_eq!(
        wanted.1.message,
        "e-mail address, password or Secret Key is wrong"
    );
    for (what, refused) in &refusals {
        assert_eq!(shape(refused), wanted, "{what}");
    }
}

#[tokio::test]
async fn an_unknown_account_has_the_same_salts_at_every_call_and_on_every_server() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let ask = |email: &'static str| json!({ "email": email });
    let replica = app.replica();

    let mut seen = Vec::new();
    for router in [app.router(), replica.router(), app.replica().router()] {
        for email in ["nobody@example.net", " Nobody@Example.NET "] {
            let answer = send(router.clone(), None, "POST", START, Some(ask(email))).await;
            let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            let challenge: SrpChallenge = answer.ok();
            seen.push((challenge.kdf, challenge.srp_salt, headers));
        }
    }
    let known = app
        .send(None, "POST", START, Some(ask("ana@example.net")))
        .await;
    let other = app
        .send(None, "POST", START, Some(ask("someone@example.net")))
        .await;

    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
    let headers: Vec<_> = known.headers.keys().map(ToString::to_string).collect();
    assert_eq!(headers, seen[0].2);
    let (known, other): (SrpChallenge, SrpChallenge) = (known.ok(), other.ok());
    assert_ne!(other.srp_salt, seen[0].1);
    assert_ne!(other.kdf.salt, seen[0].0.salt);
    assert_eq!(known.kdf.rounds, seen[0].0.rounds);
    assert_eq!(known.srp_salt, hex::encode(ana.salt));
    assert_eq!(known.srp_salt.len(), seen[0].1.len());
}
