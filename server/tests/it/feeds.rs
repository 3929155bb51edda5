//! What every feed does, whatever it carries.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::json;
use tod_proto::endpoint::Role;
use tower::ServiceExt as _;

use crate::harness::{Person, TestApp};

#[tokio::test]
async fn a_feed_ends_within_five_seconds_of_its_session() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;
    let feed = follow(&app, &ana, &format!("/api/tenants/{tenant}/events/follow")).await;

    app.delete(&ana, &format!("/api/auth/sessions/{}", ana.session))
        .await;

    ends(feed).await;
}

#[tokio::test]
async fn a_feed_ends_when_its_reader_is_switched_off_on_another_server() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let (boss, ana) = (
        app.member(tenant, Role::Admin).await,
        app.member(tenant, Role::Viewer).await,
    );
    let feed = follow(&app, &ana, &format!("/api/tenants/{tenant}/devices/follow")).await;
    let elsewhere = app.replica().router();

    let path = format!("/api/tenants/{tenant}/users/{}", ana.user);
    let body = Some(json!({ "active": false }));
    let set = crate::harness::send(elsewhere, Some(&boss.token), "PATCH", &path, body).await;
    app.hands.advance(Duration::from_secs(5));

    assert_eq!(set.status, 200);
    ends(feed).await;
}

#[tokio::test]
async fn a_feed_ends_with_its_access_token() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;
    let feed = follow(&app, &ana, &format!("/api/tenants/{tenant}/events/follow")).await;

    app.hands.advance(Duration::from_mins(16));

    ends(feed).await;
}

#[tokio::test]
async fn a_feed_ends_when_the_server_stops() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let ana = app.member(tenant, Role::Viewer).await;
    let feed = follow(&app, &ana, &format!("/api/tenants/{tenant}/events/follow")).await;

    app.app.stopping.cancel();

    ends(feed).await;
}

async fn follow(app: &TestApp, who: &Person, path: &str) -> Response<Body> {
    let request = Request::builder()
        .uri(path)
        .header("authorization", format!("Bearer {}", who.token))
        .body(Body::empty())
        .unwrap();
    let response = app.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response
}

async fn ends(feed: Response<Body>) {
    let end = tokio::time::timeout(Duration::from_secs(5), feed.into_body().collect()).await;

    assert!(end.is_ok(), "the feed goes on");
}
