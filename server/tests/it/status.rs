//! Health, status, and what every response has.

use http::StatusCode;
use tod_proto::api::status::{Health, Status};
use tod_proto::error::ErrorCode;

use crate::harness::TestApp;

#[tokio::test]
async fn a_server_with_everything_is_ready() {
    let app = TestApp::new().await;

    let live: Health = app.send(None, "GET", "/health", None).await.ok();
    let ready: Health = app.send(None, "GET", "/health/ready", None).await.ok();

    assert_eq!(live.status, "ok");
    assert_eq!(ready.checks["database"], "ok");
    assert_eq!(ready.checks["bus"], "ok");
}

#[tokio::test]
async fn the_status_tells_version_and_time() {
    let start = "2026-11-21T12:00:00Z".parse().unwrap();
    let app = TestApp::with_clock(start).await;

    let status: Status = app.send(None, "GET", "/api/status", None).await.ok();

    assert_eq!(status.time, start);
    assert_eq!(status.api_version, "tod/v1");
}

#[tokio::test]
async fn what_matches_no_route_gets_our_error_body() {
    let app = TestApp::new().await;

    let lost = app.send(None, "GET", "/api/nothing", None).await;
    let wrong_method = app.send(None, "DELETE", "/api/status", None).await;

    let body = lost.refused(404);
    assert_eq!(body.code, ErrorCode::NotFound);
    assert!(body.request_id.starts_with("rq_"), "{body:?}");
    assert_eq!(lost.headers["x-request-id"], *body.request_id);
    assert_eq!(wrong_method.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn no_answer_is_kept_framed_or_guessed_at() {
    let app = TestApp::new().await;
    for path in ["/health", "/api/auth/whoami", "/nowhere"] {
        let answer = app.send(None, "GET", path, None).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}
