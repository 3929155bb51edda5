//! What is no request that makes sense is refused with a status and a body that say so.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tod_proto::api::OPS;
use tod_proto::endpoint::{Carrier, Method, Op, Role};
use tod_proto::error::ErrorCode;

use crate::fake::Stage;
use crate::harness::{Answer, Person, TestApp, answer};

/// Sends a body as it is.
async fn send(app: &TestApp, who: &Person, method: &str, path: &str, body: Vec<u8>) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", who.token))
        .body(Body::from(body))
        .unwrap();
    answer(app.router(), request).await
}

/// Bodies that are no JSON object, or none that can be read.
fn no_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"x\":{}{}}}",
            open.repeat(100_000),
            close.repeat(100_000)
        )
        .into_bytes()
    };
    vec![
        ("a list", b"[]".to_vec()),
        ("the fields in order", br#"["acme"]"#.to_vec()),
        ("a text", br#""acme""#.to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"1e400".to_vec()),
        ("cut short", br#"{"name":"#.to_vec()),
        ("two", b"{}{}".to_vec()),
        ("a field twice", br#"{"name":"a","name":"b"}"#.to_vec()),
        ("not UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("half a surrogate", br#"{"name":"\ud800"}"#.to_vec()),
        (
            "a byte order mark",
            b"\xef\xbb\xbf{\"name\":\"a\"}".to_vec(),
        ),
        ("deep lists", deep("[", "]")),
        ("deep objects", deep("{\"x\":", "}")),
        ("a NUL", br#"{"name":"a\u0000b"}"#.to_vec()),
    ]
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let app = TestApp::new().await;
    let root = app.person(None, Role::SuperAdmin).await;

    for (what, body) in no_bodies() {
        let answer = send(&app, &root, "POST", "/api/tenants", body).await;

        assert_eq!(answer.refused(400).code, ErrorCode::Invalid, "{what}");
    }
    let large = [
        b"{\"name\":\"".to_vec(),
        vec![b'a'; 2 << 20],
        b"\"}".to_vec(),
    ]
    .concat();
    let answer = send(&app, &root, "POST", "/api/tenants", large).await;
    assert_eq!(answer.refused(413).code, ErrorCode::Invalid);
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_told_those_that_it_does() {
    let stage = Stage::new().await;

    for path in [
        stage.path("devices"),
        "/api/status".to_owned(),
        "/docs".to_owned(),
    ] {
        for method in ["PUT", "TRACE", "OPTIONS", "PATCH", "QUERY"] {
            let answer = send(&stage.app, &stage.ana, method, &path, Vec::new()).await;

            assert_eq!(
                answer.refused(405).code,
                ErrorCode::Invalid,
                "{method} {path}"
            );
            let allowed = answer.headers["allow"].to_str().unwrap();
            assert!(allowed.contains("GET"), "{method} {path}: {allowed}");
        }
    }
}

/// Values of a query that are not what they should be.
const ODD: [&str; 14] = [
    "",
    "x",
    "-1",
    "0",
    "1.5",
    "1e3",
    "%00",
    "%FF%FE",
    "99999999999999999999999",
    "+1",
    "null",
    "%F0%9F%92%A9",
    "%2e%2e%2f",
    "true",
];

/// The fields of an operation's query.
fn fields(op: &Op) -> Vec<String> {
    let document = tod_proto::openapi::document();
    let parameters = document["paths"][op.path]["get"]["parameters"].as_array();
    let named = parameters.into_iter().flatten();
    named
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn whatever_stands_in_a_query_the_answer_is_as_described_or_a_refusal() {
    let stage = Stage::new().await;
    let boss = stage.app.member(stage.tenant, Role::Admin).await;
    let device = stage.add("core", "10.0.0.1").await;
    let mut asked = 0;

    for op in OPS
        .iter()
        .filter(|op| op.method == Method::Get && op.carrier == Carrier::Json)
        .filter(|op| op.path.contains("{tenant}"))
    {
        let path = op
            .path
            .replace("{tenant}", &stage.tenant.to_string())
            .replace("{device}", &device.to_string());
        let named = fields(op);
        let odd = named
            .iter()
            .flat_map(|field| ODD.map(|value| format!("{path}?{field}={value}")));
        for path in odd {
            let answer = send(&stage.app, &boss, "GET", &path, Vec::new()).await;

            asked += 1;
            if answer.status != StatusCode::OK {
                assert_eq!(answer.refused(400).code, ErrorCode::Invalid, "{path}");
            }
        }
    }
    assert!(asked > 300, "{asked}");
}

#[tokio::test]
async fn a_number_that_no_change_or_run_can_have_finds_none() {
    let stage = Stage::new().await;
    stage.add("core", "10.0.0.1").await;
    let run = json!({ "selector": "core", "command": "/system/identity/print" });
    let made: Value = stage
        .app
        .post(&stage.ana, &stage.path("runs"), run)
        .await
        .ok();
    assert_eq!(made["number"], 1);

    for noun in ["runs", "changes"] {
        for number in [2_u64, i64::MAX.unsigned_abs() + 1, u64::MAX] {
            let path = stage.path(&format!("{noun}/{number}"));
            stage.app.get(&stage.ana, &path).await.refused(404);
        }
        for number in ["-1", "1.0", "0x1", "18446744073709551616", "%00", "%C3%A9"] {
            let path = stage.path(&format!("{noun}/{number}"));
            stage.app.get(&stage.ana, &path).await.refused(400);
        }
    }
}

/// Some languages have one kind of number.
#[tokio::test]
async fn five_point_zero_is_five_and_five_point_five_is_refused() {
    let stage = Stage::new().await;
    let id = stage.add("core", "10.0.0.1").await;
    let path = stage.path(&format!("devices/{id}"));

    for (text, status) in [("90.0", 200), ("5.5", 400), ("9e1", 400), ("-5.0", 400)] {
        let body = format!("{{\"note\":\"7.0\",\"poll_seconds\":{text}}}").into_bytes();
        let answer = send(&stage.app, &stage.ana, "PATCH", &path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{text}: {answer}");
    }

    let device = stage.device(id).await;
    assert_eq!(
        (device.poll_seconds, device.note.as_deref()),
        (90, Some("7.0"))
    );
}
