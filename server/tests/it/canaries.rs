//! Secrets that are planted, used rightly and wrongly, and looked for afterwards: in all that the
//! server logged, and in all that the database holds.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tod_proto::api::account::{SecondStep, SrpSession, Tokens};
use tod_proto::api::api_keys::NewApiKey;
use tod_proto::api::totp::{NewSecret, RecoveryCodes, SignedIn};
use tod_proto::api::users::Invitation;
use tower::ServiceExt as _;
use tracing_subscriber::fmt::MakeWriter;

use crate::account::setup_token;
use crate::harness::{ByHand, TestApp};
use crate::own::proof;
use crate::totp::Phone;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Secrets by name.
#[derive(Default)]
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    fn plant(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 16, "{what} is too short to be looked for");
        self.0.push((what, secret.to_owned()));
    }

    /// Whether none of them is in a text, neither as it is nor in hex.
    #[track_caller]
    fn are_not_in(&self, text: &str, place: &str) {
        for (what, secret) in &self.0 {
            for form in [secret.clone(), hex::encode(secret), secret.replace('-', "")] {
                assert!(!text.contains(&form), "{what} is in {place}");
            }
        }
    }
}

async fn post(
    app: &TestApp,
    token: Option<&str>,
    path: &str,
    body: Value,
) -> crate::harness::Answer {
    app.send(token, "POST", path, Some(body)).await
}

/// Everything that a person and a program can prove themselves with, used once.
async fn live(app: &TestApp) -> Canaries {
    let mut canaries = Canaries::default();
    let ana = ByHand::new("ana@example.net");
    let setup = setup_token(app);
    canaries.plant("setup token", &setup);
    post(app, None, "/api/enrol", ana.enrolment(&setup, Some("acme")))
        .await
        .ok::<Value>();
    let answer = ana.answer(&ana.start(app).await);
    canaries.plant("proof", answer["client_proof"].as_str().unwrap());
    let session: SrpSession = post(app, None, "/api/auth/srp/finish", answer).await.ok();
    let token = session.tokens.access_token;
    canaries.plant("access token", &token);
    canaries.plant("refresh token", &session.tokens.refresh_token);
    let body = json!({ "refresh_token": session.tokens.refresh_token });
    let tokens: Tokens = post(app, None, "/api/auth/refresh", body.clone())
        .await
        .ok();
    canaries.plant("second access token", &tokens.access_token);
    canaries.plant("second refresh token", &tokens.refresh_token);

    let body = json!({ "proof": proof(app, &ana).await });
    let new: NewSecret = post(app, Some(&token), "/api/auth/totp/begin", body)
        .await
        .ok();
    canaries.plant("secret of the second step", &new.secret);
    let code = Phone::new(&new.secret).now(app);
    let paper: RecoveryCodes = post(
        app,
        Some(&token),
        "/api/auth/totp/enable",
        json!({ "code": code }),
    )
    .await
    .ok();
    let step: SecondStep = ana.sign_in(app).await.ok();
    canaries.plant("ticket", &step.ticket);
    for code in &paper.codes {
        canaries.plant("recovery code", code);
    }
    for code in ["AAAA-BBBB-CCCC-DDDD", &paper.codes[0]] {
        let body = json!({ "ticket": step.ticket, "code": code });
        let finished = post(app, None, "/api/auth/totp/finish", body).await;
        if finished.status == 200 {
            finished.ok::<SignedIn>();
        }
    }
    let tenant = session.me.tenant.unwrap();
    keys(app, &token, &tenant.to_string(), &mut canaries).await;
    canaries
}

/// What is made for others, and shown wherever somebody might put it.
async fn keys(app: &TestApp, token: &str, tenant: &str, canaries: &mut Canaries) {
    let at = |what: &str| format!("/api/tenants/{tenant}/{what}");
    let body = json!({ "email": "bo@example.net", "name": "Bo", "role": "viewer" });
    let invitation: Invitation = post(app, Some(token), &at("users"), body).await.ok();
    canaries.plant("invitation", &invitation.token);
    let body = json!({
        "address": "10.0.0.1", "username": "tod", "password": "a-canary-of-a-password",
    });
    post(app, Some(token), &at("devices"), body)
        .await
        .ok::<Value>();
    canaries.plant("password of a device", "a-canary-of-a-password");
    let body = json!({ "name": "ci", "scopes": ["devices:read"] });
    let key: NewApiKey = post(app, Some(token), &at("api-keys"), body).await.ok();
    canaries.plant("API key", &key.secret);
    let (own, devices) = (&key.secret, at("devices"));
    for (header, value, path) in [
        ("x-api-key", own.clone(), devices.clone()),
        ("authorization", format!("Bearer {own}"), devices.clone()),
        ("authorization", format!("Basic {own}"), devices.clone()),
        ("x-request-id", own.replace('_', "-"), devices.clone()),
        (
            "accept",
            "*/*".to_owned(),
            format!("{devices}?api_key={own}"),
        ),
        ("accept", "*/*".to_owned(), format!("{devices}/{own}")),
        ("accept", "*/*".to_owned(), format!("/{own}")),
        (
            "accept",
            "*/*".to_owned(),
            format!("/api/auth/sessions/{token}"),
        ),
    ] {
        let request = Request::get(path).header(header, value);
        let request = request.body(Body::empty()).unwrap();
        app.router().oneshot(request).await.unwrap();
    }
}

/// Every row of every table, as text.
async fn dump(app: &TestApp) -> String {
    let mut conn = app.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select quote_ident(tablename) from pg_tables where schemaname = 'public'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let sql = format!("select t::text from {table} t");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut conn)
            .await
            .unwrap();
        all.extend(rows);
    }
    all
}

#[tokio::test]
async fn what_is_secret_is_neither_logged_nor_kept_in_the_clear() {
    let app = TestApp::new().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let canaries = live(&app).await;
    drop(guard);

    let (logged, kept) = (log.text(), dump(&app).await);
    assert!(logged.contains("a second step failed"), "{logged}");
    assert!(kept.contains("ana@example.net"));
    assert!(canaries.0.len() > 15);
    canaries.are_not_in(&logged, "the log");
    canaries.are_not_in(&kept, "the database");
}
