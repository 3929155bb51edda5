//! A server of canned answers, for the tests of those who call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use serde_json::Value;
use tod_proto::endpoint::{Endpoint, Feed, Op};
use tod_proto::error::{ErrorBody, ErrorCode};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::pipe::Socket;
use crate::transport::{Body, Transport};

/// A server of canned answers. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Stub(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: Vec<Canned>,
    calls: Vec<Call>,
    doors: Vec<(Op, mpsc::Sender<Socket>)>,
}

#[derive(Debug)]
struct Canned {
    op: Op,
    answers: VecDeque<(u16, Bytes)>,
    feed: bool,
}

/// A call that the stub has received.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name of the operation, or what was asked for if there is no answer for it.
    pub op: String,
    /// Path and query.
    pub uri: String,
    /// The body; `Null` if there was none.
    pub body: Value,
    /// The token, if there was one.
    pub token: Option<String>,
    /// The `Last-Event-ID`, if there was one.
    pub last_event_id: Option<String>,
    /// Whether the call carried an `Idempotency-Key`.
    pub idempotent: bool,
}

impl Stub {
    /// Answers calls of `E`. Answers given more than once come in that order; the last one stays.
    #[must_use]
    pub fn answer<E: Endpoint>(self, _: E, answer: Result<E::Output, ErrorBody>) -> Self {
        let answer = match answer {
            Ok(output) => (200, serde_json::to_vec(&output)),
            Err(error) => (status(error.code), serde_json::to_vec(&error)),
        };
        self.push(
            E::OP,
            (answer.0, answer.1.unwrap_or_default().into()),
            false,
        )
    }

    /// Answers calls of `E` with this status and body, whatever they are.
    #[must_use]
    pub fn raw<E: Endpoint>(self, _: E, status: u16, body: &str) -> Self {
        self.push(E::OP, (status, body.to_owned().into()), false)
    }

    /// Answers those who follow `F` with these items, each with a cursor; the feed stays open.
    #[must_use]
    pub fn feed<F: Feed>(self, _: F, items: &[F::Item]) -> Self {
        let text = items
            .iter()
            .enumerate()
            .fold(String::new(), |text, (n, item)| {
                let data = serde_json::to_string(item).unwrap_or_default();
                format!("{text}id: {n}\ndata: {data}\n\n")
            });
        self.push(F::OP, (200, text.into()), true)
    }

    /// Takes sockets of the operation `op`: the other ends come out of the receiver.
    pub fn door(&self, op: Op) -> mpsc::Receiver<Socket> {
        let (tx, rx) = mpsc::channel(8);
        self.lock().doors.push((op, tx));
        rx
    }

    /// What has been asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self, op: Op, answer: (u16, Bytes), feed: bool) -> Self {
        let mut state = self.lock();
        match state.answers.iter_mut().find(|c| c.op.name == op.name) {
            Some(canned) => canned.answers.push_back(answer),
            None => state.answers.push(Canned {
                op,
                answers: VecDeque::from([answer]),
                feed,
            }),
        }
        drop(state);
        self
    }
}

/// The status that the server gives to a code.
fn status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::NotFound => 404,
        ErrorCode::Conflict => 409,
        ErrorCode::Invalid | ErrorCode::Halted | ErrorCode::Other => 400,
        ErrorCode::Unauthenticated => 401,
        ErrorCode::Forbidden => 403,
        ErrorCode::RateLimited => 429,
        ErrorCode::DeviceUnreachable | ErrorCode::Incompatible => 422,
        ErrorCode::Unavailable => 503,
        ErrorCode::Internal => 500,
    }
}

/// Whether a path is one of those that a template stands for.
fn fits(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    template.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| wanted.starts_with('{') || wanted == segment)
    }) && segments.next().is_none()
}

impl State {
    fn take(&mut self, request: &Request<Bytes>) -> Option<(u16, Bytes, bool)> {
        let method = request.method().as_str();
        let path = request.uri().path();
        // A template without placeholders is the better match.
        let canned = self
            .answers
            .iter_mut()
            .filter(|c| c.op.method.as_str() == method && fits(c.op.path, path))
            .min_by_key(|c| c.op.path.matches('{').count());
        let header = |name| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        self.calls.push(Call {
            op: match &canned {
                Some(canned) => canned.op.name.to_owned(),
                None => format!("{method} {path}"),
            },
            uri: request.uri().to_string(),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
            token: header("authorization")
                .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
            last_event_id: header("last-event-id"),
            idempotent: header("idempotency-key").is_some(),
        });
        let canned = canned?;
        let (status, body) = match canned.answers.len() {
            0 => return None,
            1 => canned.answers.front().cloned()?,
            _ => canned.answers.pop_front()?,
        };
        Some((status, body, canned.feed))
    }
}

impl Transport for Stub {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        let answer = self.lock().take(&request);
        Box::pin(async move {
            let (status, body, feed) =
                answer.ok_or_else(|| Error::unreachable("the stub has no answer"))?;
            let body = if feed {
                let items = futures_util::stream::once(async move { Ok(body) });
                Body::stream(items.chain(futures_util::stream::pending()))
            } else {
                Body::full(body)
            };
            Response::builder()
                .status(status)
                .body(body)
                .map_err(Error::malformed)
        })
    }

    fn open(&self, request: Request<()>) -> BoxFuture<'_, Result<Socket, Error>> {
        let path = request.uri().path().to_owned();
        let door = {
            let state = self.lock();
            let mut doors = state.doors.iter();
            doors
                .find(|(op, _)| fits(op.path, &path))
                .map(|(_, tx)| tx.clone())
        };
        Box::pin(async move {
            let door = door.ok_or_else(|| Error::unreachable("the stub has no such door"))?;
            let (client, server) = Socket::pair().await;
            door.send(server)
                .await
                .map_err(|_| Error::unreachable("nobody is behind the door"))?;
            Ok(client)
        })
    }
}
