//! What is usual and what is allowed, when it is set to something else.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::account::{SrpSession, Tokens};
use tod_proto::api::devices::Device;
use tod_proto::endpoint::Role;
use tod_server::auth::token::LEEWAY;
use tod_server::startup::Policy;

use crate::account::enrolled;
use crate::harness::TestApp;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_access_token_is_good_for_as_long_as_is_set() {
    for access in [Duration::from_mins(1), Duration::from_hours(1)] {
        let policy = Policy {
            access,
            ..Policy::default()
        };
        let app = TestApp::with_policy(policy).await;
        let ana = enrolled(&app, "ana@example.net").await;
        let tokens = ana.sign_in(&app).await.ok::<SrpSession>().tokens;
        let token = Some(&*tokens.access_token);
        let whoami = async || app.send(token, "GET", "/api/auth/whoami", None).await;

        let left = tokens.access_expires.duration_since(tokens.server_time);
        assert_eq!(left, access.try_into().unwrap());
        app.hands.advance(access + LEEWAY.saturating_sub(SECOND));
        assert_eq!(whoami().await.status, 200);
        app.hands.advance(SECOND);
        whoami().await.refused(401);

        // The session goes on, with another token that is as good.
        let body = json!({ "refresh_token": tokens.refresh_token });
        let renewed = app
            .send(None, "POST", "/api/auth/refresh", Some(body))
            .await;
        let renewed: Tokens = renewed.ok();
        let left = renewed.access_expires.duration_since(renewed.server_time);
        assert_eq!(left, access.try_into().unwrap());
    }
}

#[tokio::test]
async fn a_session_lasts_without_being_used_for_as_long_as_is_set() {
    let session = Duration::from_hours(3);
    let policy = Policy {
        session,
        ..Policy::default()
    };
    let app = TestApp::with_policy(policy).await;
    let ana = enrolled(&app, "ana@example.net").await;
    let tokens = ana.sign_in(&app).await.ok::<SrpSession>().tokens;
    let refresh = async |token: &str| {
        let body = json!({ "refresh_token": token });
        app.send(None, "POST", "/api/auth/refresh", Some(body))
            .await
    };

    // Whoever uses it in time has as long again.
    app.hands.advance(session.saturating_sub(SECOND));
    let renewed: Tokens = refresh(&tokens.refresh_token).await.ok();
    app.hands.advance(session.saturating_sub(SECOND));
    let renewed: Tokens = refresh(&renewed.refresh_token).await.ok();
    app.hands.advance(session + SECOND);
    refresh(&renewed.refresh_token).await.refused(401);
}

#[tokio::test]
async fn a_device_that_does_not_say_is_polled_as_often_as_is_set() {
    let policy = Policy {
        poll_seconds: 17,
        ..Policy::default()
    };
    let app = TestApp::with_policy(policy).await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Operator).await;
    let path = format!("/api/tenants/{tenant}/devices");
    let device = |(name, address): (&str, &str), says: Option<u32>| {
        json!({
            "name": name, "address": address, "username": "tod", "password": "hunter2",
            "poll_seconds": says,
        })
    };

    let silent: Device = app
        .post(&ana, &path, device(("one", "10.0.0.1"), None))
        .await
        .ok();
    let other: Device = app
        .post(&ana, &path, device(("two", "10.0.0.2"), Some(90)))
        .await
        .ok();

    assert_eq!((silent.poll_seconds, other.poll_seconds), (17, 90));
}
