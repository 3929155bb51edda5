//! How the operations of the document say no.

use serde_json::{Map, Value, json};

use super::{Answer, Described, reference};
use crate::endpoint::{Method, Scope};

/// A status and what it means.
const REFUSALS: &[(u16, &str, &str)] = &[
    (
        400,
        "Invalid",
        "The request does not parse, or makes no sense.",
    ),
    (401, "Unauthenticated", "No valid credentials."),
    (
        403,
        "Forbidden",
        "The role is too low, or the key's scopes do not reach here.",
    ),
    (404, "NotFound", "No such thing, or not yours."),
    (
        409,
        "Conflict",
        "It collides with another: it exists, is locked, or is stale.",
    ),
    (413, "TooLarge", "The body is too large."),
    (
        422,
        "Halted",
        "Refused by a safety gate before anything was changed.",
    ),
    (
        429,
        "RateLimited",
        "Too many requests. `Retry-After` says when to come back.",
    ),
    (500, "Internal", "A bug in the server."),
    (
        502,
        "DeviceUnreachable",
        "The device does not answer, or no poller reaches it.",
    ),
    (
        503,
        "Unavailable",
        "A part of the server is away. `Retry-After` says when to come back.",
    ),
];

/// How an operation may refuse.
pub(super) fn refusals(described: &Described) -> Map<String, Value> {
    REFUSALS
        .iter()
        .filter(|(status, ..)| can_be(*status, described))
        .map(|(status, name, _)| {
            let to = json!({ "$ref": format!("#/components/responses/{name}") });
            (status.to_string(), to)
        })
        .collect()
}

fn can_be(status: u16, described: &Described) -> bool {
    let op = &described.op;
    let public = op.scope == Scope::Public;
    let writes = op.method != Method::Get;
    match status {
        _ if matches!(described.answer, Answer::File(_)) => status == 503,
        401 | 429 => !public || writes,
        403 => !public,
        404 => op.path.contains('{') || writes,
        409 | 413 => writes,
        422 | 502 => writes && op.path.contains("{tenant}"),
        _ => true,
    }
}

/// The refusals that operations refer to.
pub(super) fn components() -> Map<String, Value> {
    REFUSALS
        .iter()
        .map(|(status, name, about)| {
            let content = json!({ "application/json": { "schema": reference("ErrorBody") } });
            let mut response = json!({ "description": about, "content": content });
            if matches!(status, 429 | 503)
                && let Value::Object(response) = &mut response
            {
                let wait = json!({ "Retry-After": { "$ref": "#/components/headers/RetryAfter" } });
                response.insert("headers".to_owned(), wait);
            }
            ((*name).to_owned(), identified(response))
        })
        .collect()
}

/// Every response names its request.
pub(super) fn identified(mut response: Value) -> Value {
    let id = json!({ "$ref": "#/components/headers/RequestId" });
    if let Value::Object(response) = &mut response {
        let headers = response.entry("headers").or_insert_with(|| json!({}));
        if let Value::Object(headers) = headers {
            headers.insert("X-Request-Id".to_owned(), id);
        }
    }
    response
}

/// The headers that responses refer to.
pub(super) fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "Names the request in the server's log: what the client sent under \
                this name, if it is harmless, or a new one.",
            "required": true,
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" },
        },
        "RetryAfter": {
            "description": "Seconds until it is worth trying again.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
        "ETag": {
            "description": "Changes when the file does.",
            "required": true,
            "schema": { "type": "string" },
        },
    })
}
