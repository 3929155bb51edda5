//! What becomes of sessions after the sign-in, and how soon.

use std::time::Duration;

use http::StatusCode;
use sqlx::AssertSqlSafe;
use tod_proto::api::account::{Me, Session, SrpSession, Tokens};
use tod_proto::api::sessions::{Ended, PersonSession};
use tod_proto::endpoint::Role;
use tod_proto::page::Page;
use tod_server::auth::token::{ACCESS, LEEWAY};

use crate::account::enrolled;
use crate::fake::eventually;
use crate::harness::{Person, TestApp, send};

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

/// Two at once with one token, on two servers: one gets new tokens, and the session ends, because
/// one of the two may be a thief.
#[tokio::test]
async fn of_two_refreshes_at_once_one_is_reuse_and_ends_the_session() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let (here, there) = (app.router(), app.replica().router());
    for _ in 0..5 {
        let session = ana.sign_in(&app).await.ok::<SrpSession>();
        let other = ana.sign_in(&app).await.ok::<SrpSession>();
        let refresh = |router: &axum::Router, token: &str| {
            let body = serde_json::json!({ "refresh_token": token });
            send(
                router.clone(),
                None,
                "POST",
                "/api/auth/refresh",
                Some(body),
            )
        };

        let token = &session.tokens.refresh_token;
        let (one, two) = tokio::join!(refresh(&here, token), refresh(&there, token));

        let (won, lost) = if one.status == 200 {
            (one, two)
        } else {
            (two, one)
        };
        lost.refused(401);
        let won: Tokens = won.ok();
        refresh(&here, &won.refresh_token).await.refused(401);
        app.hands.advance(Duration::from_secs(5));
        for router in [&here, &there] {
            let whoami = "/api/auth/whoami";
            send(router.clone(), Some(&won.access_token), "GET", whoami, None)
                .await
                .refused(401);
        }
        // Another session of the same person is none of its business.
        refresh(&there, &other.tokens.refresh_token)
            .await
            .ok::<Tokens>();
    }
}

/// What is no refresh token of a live session gets nothing, and says nothing.
#[tokio::test]
async fn nothing_but_the_newest_refresh_token_of_a_live_session_is_good() {
    let app = TestApp::new().await;
    let ana = enrolled(&app, "ana@example.net").await;
    let tokens = ana.sign_in(&app).await.ok::<SrpSession>().tokens;
    let refresh = |token: &str| {
        let body = serde_json::json!({ "refresh_token": token });
        app.send(None, "POST", "/api/auth/refresh", Some(body))
    };
    for wrong in ["", "rt_", &tokens.access_token, &"x".repeat(1 << 16)] {
        refresh(wrong).await.refused(401);
    }
    app.send(Some(&tokens.refresh_token), "GET", "/api/auth/whoami", None)
        .await
        .refused(401);

    let body = serde_json::json!({ "refresh_token": tokens.refresh_token });
    app.send(None, "POST", "/api/auth/sign-out", Some(body))
        .await;
    refresh(&tokens.refresh_token).await.refused(401);
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

/// Who of these is still let in, on a server that has just seen all of them.
async fn let_in(router: &axum::Router, people: &[&Person]) -> Vec<StatusCode> {
    let mut seen = Vec::new();
    for person in people {
        let whoami = "/api/auth/whoami";
        seen.push(
            send(router.clone(), Some(&person.token), "GET", whoami, None)
                .await
                .status,
        );
    }
    seen
}

/// The signature of a token is computed once. What may change is looked at with every request.
#[tokio::test]
async fn a_token_that_was_good_ends_with_its_session_and_its_time_on_every_server() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;
    let bo = app.member(tenant, Role::Viewer).await;
    let servers = [app.router(), app.replica().router()];
    let [ok, gone] = [StatusCode::OK, StatusCode::UNAUTHORIZED];
    for server in servers.iter().chain(&servers) {
        assert_eq!(let_in(server, &[&ana, &bo]).await, [ok, ok]);
    }

    // Whoever did it told nobody.
    sqlx::query("update sign_in_sessions set revoked_at = now() where id = $1")
        .bind(ana.session.0)
        .execute(&mut app.superuser().await)
        .await
        .unwrap();
    app.hands.advance(Duration::from_secs(5));
    for server in &servers {
        assert_eq!(let_in(server, &[&ana, &bo]).await, [gone, ok]);
    }
    app.hands.advance(ACCESS + LEEWAY);
    for server in &servers {
        assert_eq!(let_in(server, &[&ana, &bo]).await, [gone, gone]);
    }
}

/// A burst of requests after a pause looks once, not once each.
#[tokio::test]
async fn requests_that_come_at_once_look_for_their_session_and_the_keys_together() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;
    let router = app.router();
    assert_eq!(let_in(&router, &[&ana]).await, [StatusCode::OK]);
    for table in ["signing_keys", "sign_in_sessions"] {
        let mut holder = app.superuser().await;
        let lock = format!("begin; lock table {table} in access exclusive mode");
        sqlx::raw_sql(AssertSqlSafe(lock))
            .execute(&mut holder)
            .await
            .unwrap();
        app.hands.advance(Duration::from_secs(4));
        let who = [&ana];
        let burst = futures_util::future::join_all((0..50).map(|_| let_in(&router, &who)));
        let looks = async {
            // All of them have asked by then: who looks is held up.
            let mut conn = app.superuser().await;
            let held_up = async || Some(waiting(&mut conn).await).filter(|n| *n > 0);
            let mut most = eventually(held_up).await;
            for _ in 0..50 {
                most = most.max(waiting(&mut conn).await);
            }
            sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
            most
        };
        let (burst, looks) = tokio::join!(burst, looks);
        assert!(
            burst.iter().all(|seen| seen == &[StatusCode::OK]),
            "{table}"
        );
        assert_eq!(looks, 1, "{table}");
    }
}

/// How many connections wait for a table.
async fn waiting(conn: &mut sqlx::PgConnection) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_locks l join pg_database d on d.oid = l.database
         where l.locktype = 'relation' and not l.granted and d.datname = current_database()",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

#[tokio::test]
async fn an_administrator_sees_sessions_up_to_their_own_role_in_their_own_tenant() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
    let root = app.member(ours, Role::SuperAdmin).await;
    let boss = app.member(ours, Role::Admin).await;
    let ana = app.member(ours, Role::Viewer).await;
    let foreigner = app.member(theirs, Role::Viewer).await;
    let path = format!("/api/tenants/{ours}/sessions");
    let who = |page: &Page<PersonSession>| {
        let mut who: Vec<_> = page.items.iter().map(|item| item.user).collect();
        who.sort_unstable();
        who
    };

    let by_boss: Page<PersonSession> = app.get(&boss, &path).await.ok();
    let by_root: Page<PersonSession> = app.get(&root, &path).await.ok();
    let of_ana: Page<PersonSession> = app
        .get(&boss, &format!("{path}?user={}", ana.user))
        .await
        .ok();

    let mut below = vec![boss.user, ana.user];
    below.sort_unstable();
    assert_eq!(who(&by_boss), below);
    assert_eq!(by_boss.total, 2);
    assert!(
        by_boss
            .items
            .iter()
            .all(|item| item.session.current == (item.session.id == boss.session))
    );
    assert_eq!(by_root.items.len(), 3);
    assert_eq!(who(&of_ana), [ana.user]);
    // Page by page, nobody twice and nobody lost.
    let mut seen = Vec::new();
    let mut next = format!("{path}?limit=1");
    for _ in 0..2 {
        let page: Page<PersonSession> = app.get(&boss, &next).await.ok();
        seen.extend(page.items.iter().map(|item| item.user));
        next = format!("{path}?limit=1&before={}", page.next.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, below);

    // Above, elsewhere and nowhere look the same.
    let nobody = tod_proto::id::UserId::generate();
    let mut refusals = Vec::new();
    for user in [root.user, foreigner.user, nobody] {
        let asked = app.get(&boss, &format!("{path}?user={user}")).await;
        let ended = app
            .post(
                &boss,
                &format!("{path}/revoke"),
                serde_json::json!({ "user": user }),
            )
            .await;
        for refused in [asked, ended] {
            let mut said = refused.refused(404);
            said.request_id.clear();
            refusals.push(said);
        }
    }
    assert!(refusals.windows(2).all(|two| two[0] == two[1]));
    app.get(&ana, &path).await.refused(403);
}

#[tokio::test]
async fn an_administrator_ends_sessions_within_five_seconds_on_every_server() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.tenant("ours").await, app.tenant("theirs").await);
    let root = app.member(ours, Role::SuperAdmin).await;
    let boss = app.member(ours, Role::Admin).await;
    let ana = app.member(ours, Role::Viewer).await;
    let bo = app.member(ours, Role::Operator).await;
    let foreigner = app.member(theirs, Role::Viewer).await;
    let everybody = [&root, &boss, &ana, &bo, &foreigner];
    let elsewhere = app.replica().router();
    let path = format!("/api/tenants/{ours}/sessions");
    assert_eq!(let_in(&elsewhere, &everybody).await, [StatusCode::OK; 5]);

    // One of them, and what does not exist for an administrator.
    app.delete(&boss, &format!("{path}/{}", ana.session))
        .await
        .ok::<tod_proto::page::Empty>();
    let mut refusals = Vec::new();
    let nothing = tod_proto::id::SessionId::generate();
    for session in [root.session, foreigner.session, ana.session, nothing] {
        let mut said = app
            .delete(&boss, &format!("{path}/{session}"))
            .await
            .refused(404);
        said.request_id.clear();
        refusals.push(said);
    }
    assert!(refusals.windows(2).all(|two| two[0] == two[1]));
    app.hands.advance(Duration::from_secs(5));
    let [ok, gone] = [StatusCode::OK, StatusCode::UNAUTHORIZED];
    for router in [&app.router(), &elsewhere] {
        assert_eq!(let_in(router, &everybody).await, [ok, ok, gone, ok, ok]);
    }

    // All of them: neither those above nor the one that asks.
    let ended: Ended = app
        .post(&boss, &format!("{path}/revoke"), serde_json::json!({}))
        .await
        .ok();
    assert_eq!(ended.ended, 1);
    app.hands.advance(Duration::from_secs(5));
    for router in [&app.router(), &elsewhere] {
        assert_eq!(let_in(router, &everybody).await, [ok, ok, gone, gone, ok]);
    }
    let mut conn = app.superuser().await;
    let acts: Vec<(String, String)> = sqlx::query_as(
        "select act, actor from audit_log where act like 'session.revoke%' order by seq",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let by_boss = |act: &str| (act.to_owned(), boss.user.to_string());
    assert_eq!(
        acts,
        [by_boss("session.revoke_one"), by_boss("session.revoke_all")]
    );
}
