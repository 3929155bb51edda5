//! The client: one request, one answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tod_proto::endpoint::{Carrier, Endpoint, Method, Op, Scope};
use tod_proto::error::{ErrorBody, ErrorCode};

use crate::auth::Auth;
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::error::Error;
use crate::follow::HEARTBEAT;
use crate::store::TokenStore;
use crate::transport::{Body, Transport};

/// How often a read is tried.
const ATTEMPTS: u32 = 4;
/// How long a call may take in all, unless told otherwise.
const DEADLINE: Duration = Duration::from_secs(30);
/// The longest that we wait because the server says so.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Calls the server. Clones share the session and the connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) auth: Arc<Auth>,
    deadline: Duration,
    pub(crate) heartbeat: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

/// A request in parts, so that it can be sent again.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) op: Op,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    /// Calls through `transport` as nobody in particular.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Arc::new(transport),
            auth: Arc::new(Auth::nobody()),
            deadline: DEADLINE,
            heartbeat: HEARTBEAT,
        }
    }

    /// Presents `token` with every call and never refreshes it.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.auth = Arc::new(Auth::fixed(token.into()));
        self
    }

    /// Takes the session from `store` and keeps it fresh there.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn TokenStore>, clock: Clock) -> Self {
        self.auth = Arc::new(Auth::stored(store, clock));
        self
    }

    /// Gives each call this long, retries included.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Gives up on a feed that says nothing for this long, not even a heartbeat.
    #[must_use]
    pub fn with_heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Calls an endpoint.
    ///
    /// Reads are tried again when the server is away or busy. Everything else carries an
    /// `Idempotency-Key` and is sent once.
    pub async fn call<E: Endpoint>(
        &self,
        _: E,
        path: E::Path,
        query: E::Query,
        body: E::Body,
    ) -> Result<E::Output, Error> {
        let draft = Draft::of::<E>(&path, &query, &body)?;
        let answer = tokio::time::timeout(self.deadline, self.deliver(draft))
            .await
            .map_err(|_| Error::Deadline(self.deadline))??;
        // An endpoint without an answer may say 204.
        let answer = if answer.is_empty() { b"{}" } else { &*answer };
        serde_json::from_slice(answer).map_err(Error::garbled)
    }

    /// Sends a draft, again if that makes sense, and collects the answer.
    async fn deliver(&self, draft: Draft) -> Result<Vec<u8>, Error> {
        let attempts = match draft.op.method {
            Method::Get => ATTEMPTS,
            Method::Post | Method::Patch | Method::Delete => 1,
        };
        let mut failures = 0;
        loop {
            let (error, wait) = match self.start(&draft).await {
                Ok(response) => match response.into_body().collect().await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => (error, None),
                },
                Err(failure) => failure,
            };
            failures += 1;
            if failures >= attempts || !error.is_transient() {
                return Err(error);
            }
            let wait = wait.unwrap_or_else(|| Backoff::CALL.after(failures - 1));
            tokio::time::sleep(wait.min(MAX_RETRY_AFTER)).await;
        }
    }

    /// Sends a draft with a fresh token and returns the answer if it is a success. With an error
    /// comes how long the server wants us to wait.
    pub(crate) async fn start(
        &self,
        draft: &Draft,
    ) -> Result<Response<Body>, (Error, Option<Duration>)> {
        let signed = draft.op.scope != Scope::Public;
        let now = |error| (error, None);
        let token = if signed {
            Some(self.auth.token(&*self.transport).await.map_err(now)?)
        } else {
            None
        };
        let request = draft.request(token.as_deref()).map_err(now)?;
        let mut response = self.transport.send(request).await.map_err(now)?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(token) = token
        {
            // The token may have been revoked early: get one other and try once more.
            let other = self.auth.renew(&*self.transport, &token).await;
            if let Some(other) = other.map_err(now)? {
                let request = draft.request(Some(&other)).map_err(now)?;
                response = self.transport.send(request).await.map_err(now)?;
            }
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let wait = retry_after(response.headers());
        Err((refusal(response).await, wait))
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Makes an error of an answer that is not a success.
pub(crate) async fn refusal(response: Response<Body>) -> Error {
    let status = response.status();
    let id = response.headers().get("x-request-id");
    let id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
    let body = match response.into_body().collect().await {
        Ok(body) => body,
        Err(error) => return error,
    };
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(mut body) => {
            if body.request_id.is_empty() {
                body.request_id = id.unwrap_or_default();
            }
            body.into()
        }
        Err(_) => faceless(status, id.unwrap_or_default()),
    }
}

/// An answer without an error body: a proxy, or a server that broke.
fn faceless(status: StatusCode, request_id: String) -> Error {
    let code = match status.as_u16() {
        401 => ErrorCode::Unauthenticated,
        403 => ErrorCode::Forbidden,
        429 => ErrorCode::RateLimited,
        502..=504 => ErrorCode::Unavailable,
        500..=599 => ErrorCode::Internal,
        _ => {
            return Error::garbled(format!("status {status} without a reason"));
        }
    };
    Error::from(ErrorBody {
        code,
        message: format!("the server answered {status}"),
        detail: None,
        hint: None,
        request_id,
    })
}

impl Draft {
    fn of<E: Endpoint>(path: &E::Path, query: &E::Query, body: &E::Body) -> Result<Self, Error> {
        let body = match E::OP.method {
            Method::Get | Method::Delete => Bytes::new(),
            Method::Post | Method::Patch => {
                serde_json::to_vec(body).map_err(Error::malformed)?.into()
            }
        };
        let mut draft = Self {
            op: E::OP,
            uri: uri(E::OP.path, path, query)?,
            headers: HeaderMap::new(),
            body,
        };
        if E::OP.method != Method::Get {
            let key = uuid::Uuid::new_v4().to_string();
            let key = key.try_into().map_err(Error::malformed)?;
            draft.headers.insert("idempotency-key", key);
        }
        Ok(draft)
    }

    /// The request, with a token if there is one.
    pub(crate) fn request(&self, token: Option<&str>) -> Result<Request<Bytes>, Error> {
        let mut request = Request::builder()
            .method(self.op.method.as_str())
            .uri(&self.uri);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&self.headers);
        }
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if self.op.carrier == Carrier::Events {
            request = request.header(ACCEPT, "text/event-stream");
        }
        if let Some(token) = token {
            let mut value =
                http::HeaderValue::try_from(format!("Bearer {token}")).map_err(Error::malformed)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(self.body.clone()).map_err(Error::malformed)
    }
}

/// Puts a path and a query into a template.
pub(crate) fn uri(
    template: &str,
    path: &impl Serialize,
    query: &impl Serialize,
) -> Result<String, Error> {
    let query = serde_urlencoded::to_string(query).map_err(Error::malformed)?;
    let path = fill(template, path)?;
    Ok(if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    })
}

/// Puts the values of `path` into the placeholders of `template`, in order.
fn fill(template: &str, path: &impl Serialize) -> Result<String, Error> {
    let values = match serde_json::to_value(path).map_err(Error::malformed)? {
        Value::Array(values) => values,
        Value::Object(_) => Vec::new(),
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => vec![one],
    };
    let mut values = values.iter();
    let segments = template.split('/').map(|segment| {
        if !segment.starts_with('{') {
            return Ok(segment.to_owned());
        }
        match values.next() {
            Some(Value::String(text)) => Ok(escape(text)),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(Error::malformed(format!("nothing for {segment}"))),
        }
    });
    Ok(segments.collect::<Result<Vec<_>, _>>()?.join("/"))
}

/// Escapes what may not stand in a segment of a path.
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_take_values_in_order() {
        let uri = fill("/api/{a}/x/{b}", &("one two/..", 7)).unwrap();

        assert_eq!(uri, "/api/one%20two%2F../x/7");
    }

    #[test]
    fn a_missing_value_is_refused() {
        assert!(fill("/api/{a}/{b}", &"one").is_err());
    }
}
