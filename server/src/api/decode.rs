//! From bytes to the parts of a request, and from an answer to bytes. Errors name the field.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts as _, Path, Query};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::number;

/// The largest body of a request.
pub(super) const MAX_BODY: usize = 1 << 20;
/// What most answers fit into.
const TYPICAL: usize = 1 << 10;
/// How many headers an answer gets, here and from those who pass it on.
const HEADERS: usize = 12;

pub(super) async fn path<T: DeserializeOwned + Send>(parts: &mut Parts) -> Result<T, Error> {
    match Path::<T>::from_request_parts(parts, &()).await {
        Ok(Path(path)) => Ok(path),
        Err(PathRejection::FailedToDeserializePathParams(error)) => {
            Err(Error::invalid(after_prefix(&error.body_text())).detail("in the path"))
        }
        Err(error) => Err(Error::invalid(error.body_text())),
    }
}

pub(super) fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, Error> {
    match Query::<T>::try_from_uri(&parts.uri) {
        Ok(Query(query)) => Ok(query),
        Err(error) => Err(Error::invalid(after_prefix(&error.body_text())).detail("in the query")),
    }
}

pub(super) async fn body<T: DeserializeOwned>(body: Body, patience: Duration) -> Result<T, Error> {
    // What says that it is too large is refused before any of it is read.
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let read = tokio::time::timeout(patience, axum::body::to_bytes(body, MAX_BODY));
    let bytes = read
        .await
        .map_err(|_| Error::invalid(format!("the body did not come within {patience:?}")))?
        .map_err(cut_short)?;
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    // A list would be taken for the fields of a body, in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Error::invalid("not a JSON object").detail("in the body"));
    }
    let error = match Json::<T>::from_bytes(bytes) {
        Ok(Json(body)) => return Ok(body),
        Err(error) => error,
    };
    let plain = number::without_fractions(bytes).map(|bytes| Json::<T>::from_bytes(&bytes));
    match plain {
        Some(Ok(Json(body))) => Ok(body),
        _ => Err(Error::invalid(after_prefix(&error.body_text())).detail("in the body")),
    }
}

fn too_large() -> Error {
    let message = format!("the body is larger than {MAX_BODY} bytes");
    Error::invalid(message).status(StatusCode::PAYLOAD_TOO_LARGE)
}

fn cut_short(error: axum::Error) -> Error {
    if error.into_inner().is::<LengthLimitError>() {
        return too_large();
    }
    Error::invalid("the body is cut short")
}

pub(super) fn answer<T: Serialize>(output: &T) -> Result<Response, Error> {
    Ok(respond(json(output)?))
}

pub(super) fn json<T: Serialize>(output: &T) -> Result<Bytes, Error> {
    let mut bytes = Vec::with_capacity(TYPICAL);
    serde_json::to_writer(&mut bytes, output).map_err(Error::internal)?;
    Ok(Bytes::from(bytes))
}

pub(super) fn respond(json: Bytes) -> Response {
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The libraries begin with a sentence about themselves: `Failed to …: port: invalid value`.
fn after_prefix(text: &str) -> String {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    tod_proto::untrusted::plain(text)
        .chars()
        .take(500)
        .collect()
}
