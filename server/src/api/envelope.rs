//! What every request gets, whatever it asks for: an identifier, a deadline, a span in the log, and
//! an error body of our shape even when a handler panics or no route matches.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tod_proto::api::api_keys::PREFIX;
use tod_proto::id::RequestId;
use tod_proto::untrusted::plain;
use tracing::Instrument as _;

use super::error::Error;

/// Longer parts of paths are not logged.
const LONGEST_PART: usize = 64;
const REQUEST_ID: &str = "x-request-id";

/// Where a request came from. The listener adds it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

#[derive(Clone)]
struct Id(Arc<str>);

/// The identifier of a request.
pub(super) fn request_id(extensions: &Extensions) -> Arc<str> {
    extensions
        .get::<Id>()
        .map_or_else(|| Arc::from(""), |id| Arc::clone(&id.0))
}

/// Where a request came from; one that came over no network is local.
pub(super) fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0)
}

/// Names every request, and tells browsers about every answer.
pub(super) async fn stamp(request: Request, next: Next) -> Response {
    stamped(request, |request| next.run(request)).await
}

/// Both at once, when nothing comes between them: each layer costs every request some.
pub(super) async fn stamp_and_wrap(deadline: Duration, request: Request, next: Next) -> Response {
    stamped(request, |request| wrap(deadline, request, next)).await
}

async fn stamped<F>(mut request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let id =
        given_id(request.headers()).unwrap_or_else(|| Arc::from(RequestId::generate().to_string()));
    request.extensions_mut().insert(Id(Arc::clone(&id)));
    let mut response = inner(request).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Wraps every request: `deadline` is for the time until its response begins.
pub(super) async fn wrap(deadline: Duration, request: Request, next: Next) -> Response {
    let id = request_id(request.extensions());
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        peer = %peer(request.extensions()),
        method = %request.method(),
        path = %harmless(request.uri().path()),
    );
    let work = AssertUnwindSafe(tokio::time::timeout(deadline, next.run(request))).catch_unwind();
    let mut response = match work.instrument(span).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::unavailable("the request took too long")
            .detail(format!("nothing came within {deadline:?}"))
            .respond(&id),
        Err(_) => Error::internal(anyhow::anyhow!("a handler panicked")).respond(&id),
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = response.headers_mut().remove(header::ALLOW);
        response = Error::invalid("this path does not take this method")
            .status(StatusCode::METHOD_NOT_ALLOWED)
            .respond(&id);
        if let Some(allowed) = allowed {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
    }
    response
}

/// A path without what somebody took for a place to show a secret: no part of ours is as long. It
/// prints on one line.
fn harmless(path: &str) -> Cow<'_, str> {
    let is_secret = |part: &&str| part.starts_with(PREFIX) || part.len() > LONGEST_PART;
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && !path.split('/').any(|part| is_secret(&part)) {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/');
    let parts: Vec<_> = parts
        .map(|part| if is_secret(&part) { "…" } else { part })
        .collect();
    Cow::Owned(plain(&parts.join("/")))
}

/// What browsers are told: nothing of this is a page, may be framed, kept or guessed at.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
];

/// Answers what matches no route.
pub(super) async fn no_route(request: Request) -> Response {
    let id = request_id(request.extensions());
    Error::not_found("path")
        .hint("client and server may be of different versions: todctl version")
        .respond(&id)
}

/// A client may name its request, with a name that is harmless in a log.
fn given_id(headers: &HeaderMap) -> Option<Arc<str>> {
    let value = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ((1..=64).contains(&value.len()) && value.chars().all(harmless)).then(|| Arc::from(value))
}
