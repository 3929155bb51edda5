//! What becomes of sessions after the sign-in, and how soon.

use std::time::Duration;

use tod_proto::api::account::{Me, Session, SrpSession, Tokens};
use tod_proto::endpoint::Role;
use tod_proto::page::Page;

use crate::account::enrolled;
use crate::harness::{TestApp, send};

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_its_session() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let first = ana.sign_in(&app).await.ok::<SrpSession>();
    let refresh = |token: &str| {
        let body = serde_json::json!({ "refresh_token": token });
        app.send(None, "POST", "/api/auth/refresh", Some(body))
    };
    let second: Tokens = refresh(&first.tokens.refresh_token).await.ok();

    let replayed = refresh(&first.tokens.refresh_token).await;

    let said = replayed.refused(401);
    assert!(said.message.contains("used before"), "{said:?}");
    refresh(&second.refresh_token).await.refused(401);
    let whoami = app
        .send(Some(&second.access_token), "GET", "/api/auth/whoami", None)
        .await;
    whoami.refused(401);
    let mut conn = app.superuser().await;
    let acts: i64 =
        sqlx::query_scalar("select count(*) from audit_log where act = 'session.refresh_reused'")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert_eq!(acts, 1);
}

#[tokio::test]
async fn a_session_ends_seven_days_after_its_last_refresh() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let session = ana.sign_in(&app).await.ok::<SrpSession>();
    let body = serde_json::json!({ "refresh_token": session.tokens.refresh_token });

    app.hands.advance(Duration::from_mins(16));
    let token = &session.tokens.access_token;
    app.send(Some(token), "GET", "/api/auth/whoami", None)
        .await
        .refused(401);
    app.hands.advance(Duration::from_hours(7 * 24));
    app.send(None, "POST", "/api/auth/refresh", Some(body))
        .await
        .refused(401);
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let tokens = ana.sign_in(&app).await.ok::<SrpSession>().tokens;
    let me = app
        .send(Some(&tokens.access_token), "GET", "/api/auth/whoami", None)
        .await;
    assert_eq!(me.ok::<Me>().email, "ana@example.net");

    let body = serde_json::json!({ "refresh_token": tokens.refresh_token });
    app.send(None, "POST", "/api/auth/sign-out", Some(body))
        .await;

    let me = app
        .send(Some(&tokens.access_token), "GET", "/api/auth/whoami", None)
        .await;
    me.refused(401);
}

#[tokio::test]
async fn a_person_sees_and_ends_their_own_sessions_only() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let (ana, bo) = (
        app.member(tenant, Role::Viewer).await,
        app.member(tenant, Role::Admin).await,
    );

    let sessions: Page<Session> = app.get(&ana, "/api/auth/sessions").await.ok();
    let foreign = app
        .delete(&bo, &format!("/api/auth/sessions/{}", ana.session))
        .await;
    let own = app
        .delete(&ana, &format!("/api/auth/sessions/{}", ana.session))
        .await;

    assert_eq!(sessions.items.len(), 1);
    assert!(sessions.items[0].current);
    foreign.refused(404);
    own.ok::<tod_proto::page::Empty>();
    app.get(&ana, "/api/auth/whoami").await.refused(401);
}

#[tokio::test]
async fn a_new_role_counts_within_five_seconds_on_every_server() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let (boss, ana) = (
        app.member(tenant, Role::Admin).await,
        app.member(tenant, Role::Admin).await,
    );
    let elsewhere = app.replica().router();
    let users = format!("/api/tenants/{tenant}/users");
    assert_eq!(
        send(elsewhere.clone(), Some(&ana.token), "GET", &users, None)
            .await
            .status,
        200
    );

    let path = format!("{users}/{}", ana.user);
    app.patch(&boss, &path, serde_json::json!({ "role": "viewer" }))
        .await;

    app.get(&ana, &users).await.refused(403);
    app.hands.advance(Duration::from_secs(5));
    let seen = send(elsewhere.clone(), Some(&ana.token), "GET", &users, None).await;
    seen.refused(403);
    app.patch(&boss, &path, serde_json::json!({ "active": false }))
        .await;
    app.get(&ana, "/api/auth/whoami").await.refused(401);
}
