//! Files of the server itself, which a client keeps until they change.

use aws_lc_rs::digest;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

/// What is in a file.
#[derive(Debug)]
pub struct Contents {
    bytes: Bytes,
    etag: HeaderValue,
    /// What a browser may load for it; without one, nothing.
    policy: Option<HeaderValue>,
}

impl Contents {
    /// Takes what is in a file.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let hash = digest::digest(&digest::SHA256, &bytes);
        let hash = hex::encode(hash.as_ref().get(..16).unwrap_or_default());
        let etag = HeaderValue::from_str(&format!("\"{hash}\""));
        Self {
            bytes,
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")),
            policy: None,
        }
    }

    /// Says what a browser may load for it.
    #[must_use]
    pub fn with_policy(self, policy: &'static str) -> Self {
        Self {
            policy: Some(HeaderValue::from_static(policy)),
            ..self
        }
    }
}

/// Sends a file, or says that the client has it already. It may be kept, and is asked for each
/// time: a new version of the server may have another one.
pub(super) fn respond(
    headers: &HeaderMap,
    content_type: &'static str,
    contents: &'static Contents,
) -> Response {
    let mut response = if has_it(headers, &contents.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = contents.bytes.clone().into_response();
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    };
    let answered = response.headers_mut();
    if let Some(policy) = &contents.policy {
        answered.insert(CONTENT_SECURITY_POLICY, policy.clone());
    }
    answered.insert(ETAG, contents.etag.clone());
    answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn has_it(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter();
    tags.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag.as_bytes() == etag.as_bytes())
}
