//! The keys that access tokens are signed with: renewed while everything runs, on every server.

use std::time::Duration;

use axum::Router;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tod_proto::api::account::SrpSession;
use tod_proto::api::sessions::{KeyState, SigningKey};
use tod_proto::endpoint::Role;
use tod_proto::id::SigningKeyId;
use tod_proto::page::Page;
use tod_server::auth::signing;
use tod_server::auth::token::{LEEWAY, LONGEST};

use crate::account::enrolled;
use crate::harness::{Answer, Person, TestApp, send};

const KEYS: &str = "/api/platform/signing-keys";

async fn whoami(router: &Router, token: &str) -> Answer {
    send(router.clone(), Some(token), "GET", "/api/auth/whoami", None).await
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

async fn rotate(app: &TestApp, root: &Person, at_once: bool) -> Answer {
    app.post(root, KEYS, json!({ "at_once": at_once })).await
}

fn states(page: &Page<SigningKey>) -> Vec<KeyState> {
    page.items.iter().map(|key| key.state).collect()
}

/// A token for a person, as a server would make it now.
async fn token(app: &tod_server::api::App, person: &Person) -> String {
    signing::sign(app, person.session, person.user)
        .await
        .unwrap()
        .0
}

#[tokio::test]
async fn a_new_key_signs_on_every_server_within_five_seconds_and_the_old_one_is_believed() {
    let app = TestApp::new().await;
    let root = app.person(None, Role::SuperAdmin).await;
    let replica = app.replica();
    let (here, there) = (app.router(), replica.router());
    let old = token(&replica, &root).await;

    let page: Page<SigningKey> = rotate(&app, &root, false).await.ok();
    assert_eq!(states(&page), [KeyState::Next, KeyState::Signs]);
    // A second rotation has to wait: two keys are live, not more.
    let again = rotate(&app, &root, false).await.refused(409);
    assert!(again.message.contains("going on"), "{again:?}");
    assert_eq!(kid(&token(&app.app, &root).await), kid(&old));

    app.hands.advance(Duration::from_secs(5));
    let new = token(&app.app, &root).await;
    assert_eq!(kid(&new), page.items[0].id.to_string());
    assert_eq!(kid(&token(&replica, &root).await), kid(&new));
    for router in [&here, &there] {
        for token in [&old, &new] {
            assert_eq!(whoami(router, token).await.status, 200);
        }
    }
    let page: Page<SigningKey> = app.send(Some(&new), "GET", KEYS, None).await.ok();
    assert_eq!(states(&page), [KeyState::Signs, KeyState::Retires]);

    // The last token of the old key ends by itself before the key does.
    app.hands.advance(LONGEST + LEEWAY * 2);
    assert_eq!(signing::renew(&app.app).await.unwrap(), 1);
    let left: i64 = sqlx::query_scalar("select count(*) from signing_keys")
        .fetch_one(&mut app.superuser().await)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

/// A server that has looked a moment ago meets a token of a key that it does not know.
#[tokio::test]
async fn a_server_that_was_not_told_looks_for_a_key_that_a_token_names() {
    let app = TestApp::new().await;
    let root = app.person(None, Role::SuperAdmin).await;
    let replica = app.replica();
    assert_eq!(whoami(&replica.router(), &root.token).await.status, 200);

    rotate(&app, &root, true).await.ok::<Page<SigningKey>>();
    let new = token(&app.app, &root).await;
    app.hands.advance(Duration::from_secs(1));

    assert_eq!(whoami(&replica.router(), &new).await.status, 200);
}

#[tokio::test]
async fn keys_that_are_destroyed_at_once_take_their_tokens_along_and_no_session() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let root = app.person(None, Role::SuperAdmin).await;
    let session: SrpSession = ana.sign_in(&app).await.ok();
    let replica = app.replica().router();
    assert_eq!(whoami(&replica, &root.token).await.status, 200);

    let page: Page<SigningKey> = rotate(&app, &root, true).await.ok();
    assert_eq!(states(&page), [KeyState::Signs]);
    app.hands.advance(Duration::from_secs(5));

    for router in [&app.router(), &replica] {
        for token in [&root.token, &session.tokens.access_token] {
            whoami(router, token).await.refused(401);
        }
    }
    let body = json!({ "refresh_token": session.tokens.refresh_token });
    let renewed = send(
        replica.clone(),
        None,
        "POST",
        "/api/auth/refresh",
        Some(body),
    )
    .await;
    let tokens: tod_proto::api::account::Tokens = renewed.ok();
    assert_eq!(
        whoami(&app.router(), &tokens.access_token).await.status,
        200
    );
}

#[tokio::test]
async fn keys_are_renewed_every_thirty_days_and_by_one_server_only() {
    let app = TestApp::new().await;
    let before = signing::ring(&app.app).await.unwrap();
    assert_eq!(before.0.len(), 1);
    assert_eq!(signing::renew(&app.app).await.unwrap(), 0);

    app.hands.advance(Duration::from_hours(30 * 24));
    let replica = app.replica();
    let (one, two) = tokio::join!(signing::renew(&app.app), signing::renew(&replica));

    assert_eq!(one.unwrap() + two.unwrap(), 1);
    app.hands.advance(Duration::from_secs(5));
    let now = app.app.clock.now();
    let ring = signing::ring(&app.app).await.unwrap();
    assert_eq!(ring.0.len(), 2);
    assert_ne!(
        ring.signing(now).unwrap().id,
        before.signing(now).unwrap().id
    );
    let mut conn = app.superuser().await;
    let acts: Vec<(String, uuid::Uuid)> =
        sqlx::query_as("select actor, tenant_id from audit_log where act = 'session.rotate_keys'")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(acts, [("tod".to_owned(), uuid::Uuid::nil())]);
}

/// Nobody but a super administrator, and never without a record.
#[tokio::test]
async fn who_renews_keys_is_on_record() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let (root, boss) = (
        app.person(None, Role::SuperAdmin).await,
        app.member(tenant, Role::Admin).await,
    );

    rotate(&app, &boss, true).await.refused(403);
    app.get(&boss, KEYS).await.refused(403);
    rotate(&app, &root, false).await.ok::<Page<SigningKey>>();

    let mut conn = app.superuser().await;
    let actors: Vec<String> =
        sqlx::query_scalar("select actor from audit_log where act = 'session.rotate_keys'")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(actors, [root.user.to_string()]);
}

/// A key is sealed for its own row: no other key of the server opens there, nor its own elsewhere.
#[tokio::test]
async fn a_signing_key_lies_sealed_and_opens_in_its_own_row_only() {
    let app = TestApp::new().await;
    let root = app.person(None, Role::SuperAdmin).await;
    rotate(&app, &root, false).await.ok::<Page<SigningKey>>();
    let mut conn = app.superuser().await;
    // Whoever writes into the database swaps two keys, so that their names lie.
    sqlx::query(
        "update signing_keys a set sealed = b.sealed from signing_keys b where a.id <> b.id",
    )
    .execute(&mut conn)
    .await
    .unwrap();

    let replica = app.replica();
    whoami(&replica.router(), &root.token).await.refused(503);
    whoami(&replica.router(), "x.y.z").await.refused(503);
}

/// Tokens that were signed with anything but the key that they name.
#[tokio::test]
async fn a_token_signed_with_a_key_of_another_purpose_or_server_is_refused() {
    let app = TestApp::new().await;
    let other = TestApp::new().await;
    let ana = app.person(None, Role::SuperAdmin).await;
    assert_eq!(whoami(&app.router(), &ana.token).await.status, 200);
    let body: serde_json::Value = {
        use base64::Engine as _;
        let body = ana.token.split('.').nth(1).unwrap();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body);
        serde_json::from_slice(&bytes.unwrap()).unwrap()
    };
    let signed = |kid: &str, key: &[u8]| {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &body, &EncodingKey::from_secret(key)).unwrap()
    };

    let own = kid(&ana.token);
    let stranger = token(&other.app, &ana).await;
    let mut tokens = vec![
        signed(&own, &[42; 32]),
        signed(&SigningKeyId::generate().to_string(), &[42; 32]),
        signed(&kid(&stranger), &[42; 32]),
        stranger,
    ];
    for purpose in ["access tokens", "fake salts", "audit checkpoints"] {
        tokens.push(signed(&own, &*app.app.kms.derive(purpose).unwrap()));
    }
    for token in &tokens {
        whoami(&app.router(), token).await.refused(401);
    }
}
