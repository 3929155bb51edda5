//! The second step of sign-in, with an authenticator that we did not write.

use std::time::Duration;

use axum::Router;
use serde::Deserialize;
use serde_json::{Value, json};
use tod_proto::api::account::{OwnData, SecondStep, SrpSession};
use tod_proto::api::totp::{NewSecret, RecoveryCodes, SignedIn, TotpStatus};
use tod_proto::api::users::{Invitation, User};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::{Empty, Page};

use crate::account::enrolled;
use crate::harness::{Answer, ByHand, TestApp, send};
use crate::own::proof;
use crate::strangers::Python;

const STATUS: &str = "/api/auth/totp";
const BEGIN: &str = "/api/auth/totp/begin";
const ENABLE: &str = "/api/auth/totp/enable";
const DISABLE: &str = "/api/auth/totp/disable";
const FINISH: &str = "/api/auth/totp/finish";
const STEP: Duration = Duration::from_secs(30);

/// Somebody with an authenticator.
pub(crate) struct Phone {
    python: Python,
    secret: String,
}

#[derive(Deserialize)]
struct Shown {
    code: String,
}

impl Phone {
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            python: Python::new(include_str!("strangers/totp.py"), ""),
            secret: secret.to_owned(),
        }
    }

    /// What it shows when the server's clock says this.
    fn at(&mut self, at: jiff::Timestamp) -> String {
        let asked = json!({ "secret": self.secret, "at": at.as_second() });
        self.python.told::<Shown>(&asked).code
    }

    pub(crate) fn now(&mut self, app: &TestApp) -> String {
        self.at(app.app.clock.now())
    }
}

/// Ana, the first administrator, with a second step; `token` is that of her session.
struct Ana {
    by_hand: ByHand,
    token: String,
    tenant: TenantId,
    phone: Phone,
    paper: Vec<String>,
}

impl Ana {
    async fn new(app: &TestApp) -> Self {
        let by_hand = enrolled(app, "ana@example.net").await;
        let session: SrpSession = by_hand.sign_in(app).await.ok();
        let token = session.tokens.access_token;
        let body = json!({ "proof": proof(app, &by_hand).await });
        let new: NewSecret = post(app, &token, BEGIN, body).await.ok();
        let mut phone = Phone::new(&new.secret);
        let body = json!({ "code": phone.now(app) });
        let paper: RecoveryCodes = post(app, &token, ENABLE, body).await.ok();
        Self {
            by_hand,
            token,
            tenant: session.me.tenant.unwrap(),
            phone,
            paper: paper.codes,
        }
    }

    /// Password and Secret Key; returns what names the second step.
    async fn first_step(&self, app: &TestApp) -> String {
        let step: SecondStep = self.by_hand.sign_in(app).await.ok();
        step.ticket
    }

    async fn status(&self, app: &TestApp) -> TotpStatus {
        app.send(Some(&self.token), "GET", STATUS, None).await.ok()
    }
}

async fn post(app: &TestApp, token: &str, path: &str, body: Value) -> Answer {
    app.send(Some(token), "POST", path, Some(body)).await
}

async fn finish(router: &Router, ticket: &str, code: &str) -> Answer {
    let body = json!({ "ticket": ticket, "code": code });
    send(router.clone(), None, "POST", FINISH, Some(body)).await
}

async fn acts(app: &TestApp, act: &str) -> i64 {
    sqlx::query_scalar("select count(*) from audit_log where act = $1")
        .bind(act)
        .fetch_one(&mut app.superuser().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_strangers_authenticator_signs_in_and_each_of_its_codes_once() {
    let app = TestApp::new().await;
    let mut ana = Ana::new(&app).await;
    let router = app.router();

    // The code that put it in use is spent.
    let spent = ana.phone.now(&app);
    let ticket = ana.first_step(&app).await;
    finish(&router, &ticket, &spent).await.refused(401);
    app.hands.advance(STEP);
    let code = ana.phone.now(&app);
    let signed_in: SignedIn = finish(&router, &ticket, &code).await.ok();
    assert_eq!(signed_in.me.email, "ana@example.net");
    let token = Some(&*signed_in.tokens.access_token);
    assert_eq!(
        app.send(token, "GET", "/api/auth/whoami", None)
            .await
            .status,
        200
    );

    // Neither the ticket nor the code again, nor an older code.
    app.hands.advance(STEP * 2);
    finish(&router, &ticket, &ana.phone.now(&app))
        .await
        .refused(401);
    let ticket = ana.first_step(&app).await;
    for step in [2, 3] {
        let at = app.app.clock.now() - STEP * step;
        finish(&router, &ticket, &ana.phone.at(at))
            .await
            .refused(401);
    }
    // A clock that is half a minute ahead is close enough.
    let ahead = ana.phone.at(app.app.clock.now() + STEP);
    finish(&router, &ticket, &ahead).await.ok::<SignedIn>();
    assert_eq!(acts(&app, "account.sign_in").await, 3);
}

/// Two at once with one code: one of them is let in, on whichever server.
#[tokio::test]
async fn one_code_opens_one_session_however_many_try_at_once() {
    let app = TestApp::new().await;
    let mut ana = Ana::new(&app).await;
    app.hands.advance(STEP);
    let (one, two) = (ana.first_step(&app).await, ana.first_step(&app).await);
    let code = ana.phone.now(&app);

    let (here, there) = (app.router(), app.replica().router());
    let (one, two) = tokio::join!(finish(&here, &one, &code), finish(&there, &two, &code));

    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn without_a_code_nothing_that_opens_anything_is_given() {
    let app = TestApp::new().await;
    let mut ana = Ana::new(&app).await;

    let answer = ana.by_hand.sign_in(&app).await;
    let body: Value = answer.ok();
    let mut fields: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["expires_at", "server_proof", "ticket"]);
    let ticket = body["ticket"].as_str().unwrap();
    app.send(Some(ticket), "GET", "/api/auth/whoami", None)
        .await
        .refused(401);
    let refresh = json!({ "refresh_token": ticket });
    app.send(None, "POST", "/api/auth/refresh", Some(refresh))
        .await
        .refused(401);

    // It ends by itself.
    app.hands.advance(Duration::from_mins(5));
    let code = ana.phone.now(&app);
    finish(&app.router(), ticket, &code).await.refused(401);
    finish(&app.router(), "", &code).await.refused(401);
    // Whoever was not let in by password and Secret Key is told what a stranger is told.
    let guesser = ByHand {
        secret: b"x".to_vec(),
        ..ByHand::new("ana@example.net")
    };
    let stranger = ByHand::new("nobody@example.net");
    let mut known = guesser.sign_in(&app).await.refused(401);
    let unknown = stranger.sign_in(&app).await.refused(401);
    known.request_id.clone_from(&unknown.request_id);
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn codes_are_tried_three_times_a_sign_in_and_ten_times_an_hour_on_all_servers() {
    let app = TestApp::new().await;
    let mut ana = Ana::new(&app).await;
    let routers = [app.router(), app.replica().router()];

    let mut refused = 0;
    for n in 0..3 {
        app.hands.advance(STEP);
        let ticket = ana.first_step(&app).await;
        for wrong in ["000000", "no code", "AAAA-AAAA-AAAA-AAAA"] {
            finish(&routers[n % 2], &ticket, wrong).await.refused(401);
            refused += 1;
        }
        // The fourth is not looked at: the right one does not help.
        let code = ana.phone.now(&app);
        let ended = finish(&routers[n % 2], &ticket, &code).await.refused(401);
        assert!(ended.message.contains("ended"), "{ended:?}");
    }
    let ticket = ana.first_step(&app).await;
    finish(&routers[0], &ticket, "111111").await.refused(401);
    assert_eq!(acts(&app, "account.totp_failed").await, refused + 1);
    app.hands.advance(STEP);
    let code = ana.phone.now(&app);
    for router in &routers {
        let limited = finish(router, &ticket, &code).await;
        limited.refused(429);
        assert!(limited.headers.contains_key("retry-after"));
    }

    app.hands.advance(Duration::from_hours(1));
    let ticket = ana.first_step(&app).await;
    let code = ana.phone.now(&app);
    finish(&routers[1], &ticket, &code).await.ok::<SignedIn>();
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_only_its_hash_is_kept() {
    let app = TestApp::new().await;
    let ana = Ana::new(&app).await;
    assert_eq!(ana.paper.len(), 10);
    assert_eq!(ana.status(&app).await.recovery_codes, 10);
    let code = &ana.paper[3];

    let ticket = ana.first_step(&app).await;
    finish(&app.router(), &ticket, &code.to_lowercase())
        .await
        .ok::<SignedIn>();
    assert_eq!(ana.status(&app).await.recovery_codes, 9);
    let ticket = ana.first_step(&app).await;
    finish(&app.router(), &ticket, code).await.refused(401);
    finish(&app.router(), &ticket, &ana.paper[4])
        .await
        .ok::<SignedIn>();

    let kept: Vec<Vec<u8>> = sqlx::query_scalar("select code_hash from recovery_codes")
        .fetch_all(&mut app.superuser().await)
        .await
        .unwrap();
    assert_eq!(kept.len(), 8);
    for hash in &kept {
        assert_eq!(hash.len(), 32);
        for code in &ana.paper {
            let plain = code.replace('-', "");
            assert!(
                !hash
                    .windows(8)
                    .any(|part| plain.as_bytes().starts_with(part))
            );
        }
    }
}

/// The secret lies sealed in its own row: neither in the clear nor under another person.
#[tokio::test]
async fn the_secret_lies_sealed_and_opens_for_its_person_only() {
    let app = TestApp::new().await;
    let mut ana = Ana::new(&app).await;
    let bo = app.member(ana.tenant, Role::Viewer).await;
    let mut conn = app.superuser().await;
    let sealed: Vec<u8> = sqlx::query_scalar("select sealed from totp_secrets")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains(&ana.phone.secret));

    // Whoever writes into the database gives Ana's secret to Bo, and the other way round.
    sqlx::query("insert into totp_secrets values ($1, $2, 0, now())")
        .bind(bo.user.0)
        .bind(&sealed)
        .execute(&mut conn)
        .await
        .unwrap();
    app.hands.advance(STEP);
    let code = ana.phone.now(&app);
    app.post(&bo, ENABLE, json!({ "code": code }))
        .await
        .refused(503);
    let ticket = ana.first_step(&app).await;
    finish(&app.router(), &ticket, &code).await.ok::<SignedIn>();
}

#[tokio::test]
async fn a_second_step_comes_and_goes_by_a_proof_and_a_code() {
    let app = TestApp::new().await;
    let mut ana = Ana::new(&app).await;
    let since = ana.status(&app).await.since;
    assert!(since.is_some());
    let export: OwnData = app
        .send(Some(&ana.token), "GET", "/api/auth/export", None)
        .await
        .ok();
    assert_eq!(export.totp_since, since);
    assert!(
        !serde_json::to_string(&export)
            .unwrap()
            .contains(&ana.phone.secret)
    );

    // An open terminal is not enough: neither to put another one in its place nor to end it.
    let body = json!({ "proof": proof(&app, &ana.by_hand).await });
    post(&app, &ana.token, BEGIN, body).await.refused(409);
    app.hands.advance(STEP);
    let mut wrong = proof(&app, &ana.by_hand).await;
    wrong["client_proof"] = json!("00".repeat(32));
    let body = json!({ "proof": wrong, "code": ana.phone.now(&app) });
    post(&app, &ana.token, DISABLE, body).await.refused(401);
    let body = json!({ "proof": proof(&app, &ana.by_hand).await, "code": "000000" });
    post(&app, &ana.token, DISABLE, body).await.refused(400);
    assert!(ana.status(&app).await.since.is_some());

    let code = ana.phone.now(&app);
    let body = json!({ "proof": proof(&app, &ana.by_hand).await, "code": code });
    post(&app, &ana.token, DISABLE, body).await.ok::<Value>();
    ana.by_hand.sign_in(&app).await.ok::<SrpSession>();
    let status = ana.status(&app).await;
    assert_eq!((status.since, status.recovery_codes), (None, 0));
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from totp_secrets) + (select count(*) from recovery_codes)",
    )
    .fetch_one(&mut app.superuser().await)
    .await
    .unwrap();
    assert_eq!(left, 0);
    for act in [
        "account.totp_begin",
        "account.totp_enable",
        "account.totp_disable",
    ] {
        assert_eq!(acts(&app, act).await, 1, "{act}");
    }
}

#[tokio::test]
async fn a_second_step_is_not_in_use_before_a_code_of_it() {
    let app = TestApp::new().await;
    let bo = enrolled(&app, "bo@example.net").await;
    let session: SrpSession = bo.sign_in(&app).await.ok();
    let token = session.tokens.access_token;
    post(&app, &token, ENABLE, json!({ "code": "000000" }))
        .await
        .refused(409);
    let body = json!({ "proof": proof(&app, &bo).await });
    let new: NewSecret = post(&app, &token, BEGIN, body).await.ok();

    let mut phone = Phone::new(&new.secret);
    let code = phone.now(&app);
    let other = if code == "123456" { "654321" } else { "123456" };
    for wrong in [other, "", "AAAA-AAAA-AAAA-AAAA"] {
        post(&app, &token, ENABLE, json!({ "code": wrong }))
            .await
            .refused(400);
    }
    bo.sign_in(&app).await.ok::<SrpSession>();
    app.hands.advance(Duration::from_mins(31));
    let late = json!({ "code": phone.now(&app) });
    let bo_again: SrpSession = bo.sign_in(&app).await.ok();
    post(&app, &bo_again.tokens.access_token, ENABLE, late)
        .await
        .refused(409);
}

#[tokio::test]
async fn an_administrator_takes_a_lost_second_step_away_and_a_reset_does_too() {
    let app = TestApp::new().await;
    let ana = Ana::new(&app).await;
    let users = format!("/api/tenants/{}/users", ana.tenant);
    let boss = app.member(ana.tenant, Role::Admin).await;
    let root = app.person(None, Role::SuperAdmin).await;
    let page: Page<User> = app.get(&boss, &users).await.ok();
    let user = page.items.iter().find(|user| user.totp).unwrap().id;
    let path = format!("{users}/{user}/totp");

    // Ana is a super administrator: an administrator does not reach her.
    app.delete(&boss, &path).await.refused(403);
    app.delete(&root, &format!("{users}/{}/totp", boss.user))
        .await
        .refused(409);
    app.delete(&root, &path).await.ok::<Empty>();
    ana.by_hand.sign_in(&app).await.ok::<SrpSession>();
    assert_eq!(acts(&app, "user.remove_totp").await, 1);

    // With another one, after a reset.
    let body = json!({ "proof": proof(&app, &ana.by_hand).await });
    let new: NewSecret = post(&app, &ana.token, BEGIN, body).await.ok();
    let body = json!({ "code": Phone::new(&new.secret).now(&app) });
    post(&app, &ana.token, ENABLE, body)
        .await
        .ok::<RecoveryCodes>();
    let reset = app
        .post(&root, &format!("{users}/{user}/reset"), json!({}))
        .await;
    let token = reset.ok::<Invitation>().token;
    let body = ana.by_hand.enrolment(&token, None);
    app.send(None, "POST", "/api/enrol", Some(body))
        .await
        .ok::<Value>();
    ana.by_hand.sign_in(&app).await.ok::<SrpSession>();
}

#[tokio::test]
async fn who_has_none_in_a_tenant_that_asks_for_one_can_only_take_it_up() {
    let app = TestApp::new().await;
    let bo = enrolled(&app, "bo@example.net").await;
    let session: SrpSession = bo.sign_in(&app).await.ok();
    let (token, tenant) = (session.tokens.access_token, session.me.tenant.unwrap());
    let root = app.person(None, Role::SuperAdmin).await;
    let elsewhere = app.replica().router();
    let devices = format!("/api/tenants/{tenant}/devices");
    let get = async |path: &str| send(elsewhere.clone(), Some(&token), "GET", path, None).await;
    assert_eq!(get(&devices).await.status, 200);

    let path = format!("/api/tenants/{tenant}");
    app.patch(&root, &path, json!({ "totp_required": true }))
        .await
        .ok::<Value>();
    app.hands.advance(Duration::from_secs(5));

    let said = get(&devices).await.refused(403);
    assert!(said.hint.unwrap().contains("totp enable"));
    for path in ["/api/auth/sessions", "/api/auth/export", "/api/tenants"] {
        get(path).await.refused(403);
    }
    assert_eq!(get("/api/auth/whoami").await.status, 200);
    assert!(get(STATUS).await.ok::<TotpStatus>().required);
    let body = json!({ "proof": proof(&app, &bo).await });
    let new: NewSecret = post(&app, &token, BEGIN, body).await.ok();
    let body = json!({ "code": Phone::new(&new.secret).now(&app) });
    post(&app, &token, ENABLE, body).await.ok::<RecoveryCodes>();
    app.hands.advance(Duration::from_secs(5));
    assert_eq!(get(&devices).await.status, 200);
}
