//! Holds every answer that a test gets against the description of the API: the status, the kind of
//! content, the headers and the document itself. What the description does not know fails the test,
//! whatever the test is about.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// A router whose answers are held against the description.
pub(crate) fn watched(router: Router) -> Router {
    router.layer(from_fn(watch))
}

async fn watch(request: Request, next: Next) -> Response {
    let (method, path) = (
        request.method().to_string(),
        request.uri().path().to_owned(),
    );
    let response = next.run(request).await;
    check(&method, &path, response).await
}

async fn check(method: &str, path: &str, response: Response) -> Response {
    let status = response.status().as_u16();
    let what = format!("{method} {path} -> {status}");
    let Some(declared) = API.response(method, path, status) else {
        // No operation: only a refusal can be the answer.
        assert!(matches!(status, 404 | 405), "{what}: no such operation");
        return check_json(&what, &reference("ErrorBody"), response).await;
    };
    for (name, header) in declared["headers"].as_object().into_iter().flatten() {
        let header = API.resolved(header);
        let sent = response.headers().get(name.as_str());
        assert!(
            sent.is_some() || header["required"] != true,
            "{what}: no {name}"
        );
        if let Some(sent) = sent {
            let text = sent.to_str().unwrap().to_owned();
            let value = match text.parse::<u64>() {
                Ok(number) if header["schema"]["type"] == "integer" => json!(number),
                _ => json!(text),
            };
            valid(&format!("{what}: {name}"), &header["schema"], &value);
        }
    }
    let kind = response.headers().get("content-type");
    let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
    let Some(content) = declared["content"].as_object() else {
        assert_eq!(kind, None, "{what}: content where none is declared");
        return response;
    };
    let kind = kind.unwrap_or_else(|| panic!("{what}: no content type"));
    let media_type = kind.split(';').next().unwrap_or_default();
    let content = content
        .get(media_type)
        .unwrap_or_else(|| panic!("{what}: {media_type} is not declared"));
    match media_type {
        "application/json" => check_json(&what, &content["schema"], response).await,
        "text/event-stream" => {
            response.map(|body| events(what, content["x-event-data"].clone(), body))
        }
        _ => response,
    }
}

async fn check_json(what: &str, schema: &Value, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&bytes)));
    valid(what, schema, &value);
    Response::from_parts(parts, Body::from(bytes))
}

fn events(what: String, schema: Value, body: Body) -> Body {
    let pieces = body.into_data_stream().map(Result::unwrap).boxed();
    Body::from_stream(Watched {
        what,
        schema,
        pieces,
        held: Vec::new(),
    })
}

/// A feed whose events are looked at as they pass.
struct Watched {
    what: String,
    schema: Value,
    pieces: Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    /// What has no end yet.
    held: Vec<u8>,
}

impl Stream for Watched {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.pieces.poll_next_unpin(cx);
        if let Poll::Ready(Some(piece)) = &polled {
            self.held.extend_from_slice(piece);
            while let Some(end) = self.held.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.held.drain(..end + 2).collect();
                let event = String::from_utf8(event).unwrap();
                for data in event.lines().filter_map(|line| line.strip_prefix("data:")) {
                    let value = serde_json::from_str(data).unwrap();
                    valid(&self.what, &self.schema, &value);
                }
            }
        }
        polled.map(|piece| piece.map(Ok))
    }
}

static API: LazyLock<Api> = LazyLock::new(Api::new);

struct Api {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Api {
    fn new() -> Self {
        let mut document = tod_proto::openapi::document();
        close(&mut document["components"]["schemas"]);
        Self {
            document,
            validators: Mutex::default(),
        }
    }

    /// What the description says of this answer; nothing if there is no such operation.
    fn response(&self, method: &str, path: &str, status: u16) -> Option<Value> {
        let method = if method == "HEAD" { "GET" } else { method };
        let paths = self.document["paths"].as_object().unwrap();
        // What is written out goes before a placeholder, as in the router.
        let template = paths
            .keys()
            .filter(|template| fits(template, path))
            .min_by_key(|template| template.matches('{').count())?;
        let operation = paths[template].get(method.to_lowercase())?;
        let response = operation["responses"]
            .get(status.to_string())
            .unwrap_or_else(|| {
                panic!(
                    "{} answers with the undeclared status {status}",
                    operation["operationId"]
                )
            });
        Some(self.resolved(response).clone())
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(to) => self.document.pointer(&to[1..]).unwrap(),
            None => value,
        }
    }

    /// The named schemas that a schema needs: to read all of them takes long.
    fn reachable(&self, schema: &Value) -> Map<String, Value> {
        let all = &self.document["components"]["schemas"];
        let (mut found, mut left) = (Map::new(), vec![schema]);
        while let Some(value) = left.pop() {
            match value {
                Value::Object(object) => left.extend(object.values()),
                Value::Array(array) => left.extend(array),
                Value::String(text) => {
                    let name = text.strip_prefix("#/components/schemas/");
                    if let Some(name) = name.filter(|name| !found.contains_key(*name)) {
                        found.insert(name.to_owned(), all[name].clone());
                        left.push(&all[name]);
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let key = schema.to_string();
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(key).or_insert_with(|| {
            let mut root = schema.clone();
            root["components"] = json!({ "schemas": self.reachable(schema) });
            let options = jsonschema::options().should_validate_formats(true);
            Arc::new(options.build(&root).unwrap())
        });
        Arc::clone(validator)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) => {
                let any = wanted.starts_with('{') && !given.is_empty();
                if !any && wanted != given {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Clients must bear fields that they do not know; the server must not have any that it does not
/// describe.
fn close(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.contains_key("properties") && object.get("type") == Some(&json!("object")) {
                object.entry("additionalProperties").or_insert(json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(array) => array.iter_mut().for_each(close),
        _ => {}
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn valid(what: &str, schema: &Value, value: &Value) {
    let validator = API.validator(schema);
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{what} is not as described:\n{}",
        errors.join("\n")
    );
}

#[test]
fn what_is_not_as_described_is_found() {
    let refusal = |value: Value| {
        let schema = reference("ErrorBody");
        std::panic::catch_unwind(|| valid("a refusal", &schema, &value)).is_err()
    };
    let good = json!({ "code": "not_found", "message": "no such device", "request_id": "rq_1" });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };

    assert!(!refusal(good.clone()));
    assert!(refusal(with("code", json!("lost"))));
    assert!(refusal(with("message", Value::Null)));
    assert!(refusal(with("stack", json!("at main.rs"))));
    assert!(refusal(json!({ "code": "not_found", "message": "x" })));
    assert!(fits("/a/{b}/c", "/a/1/c") && !fits("/a/{b}/c", "/a//c") && !fits("/a/{b}", "/a/1/c"));
}

#[tokio::test]
async fn an_answer_that_no_operation_declares_is_found() {
    let answer = |method: &'static str, path: &'static str, response: Response| async move {
        let checked = AssertUnwindSafe(check(method, path, response));
        checked.catch_unwind().await.is_err()
    };
    let json = |status: u16, body: &str| {
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .header("x-request-id", "rq_1")
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let status = r#"{"version":"1","api_version":"tod/v1","time":"2026-11-21T12:00:00Z",
        "alarms":[]}"#;

    assert!(!answer("GET", "/api/status", json(200, status)).await);
    assert!(answer("GET", "/api/status", json(201, status)).await);
    assert!(answer("GET", "/api/status", json(200, "{}")).await);
    assert!(answer("GET", "/api/nowhere", json(200, status)).await);
    let late = status.replace("2026-11-21T12", "yesterday");
    assert!(answer("GET", "/api/status", json(200, &late)).await);
    let mut nameless = json(200, status);
    nameless.headers_mut().remove("x-request-id");
    assert!(answer("GET", "/api/status", nameless).await);
    let feed = "/api/tenants/tn_1/events/follow";
    let mut events = json(200, "data: {\"cursor\":1}\n\n");
    let kind = "text/event-stream".parse().unwrap();
    events.headers_mut().insert("content-type", kind);
    let checked = check("GET", feed, events).await;
    let read = AssertUnwindSafe(checked.into_body().collect());
    assert!(read.catch_unwind().await.is_err());
}
