//! A double of OpenBao, written from its published API: what the client of the Transit engine is
//! tested against, because no OpenBao can be had from the registries of packages.
//!
//! It is stricter than the original where that finds mistakes: fields that a call does not have are
//! refused. `strangers::a_client_that_we_did_not_write_finds_what_openbao_documents` holds it
//! against Python's hvac.

// The tests of `todd` have this file as a module, too, which looks for its own beside it.
#[path = "openbao/engine.rs"]
mod engine;
#[path = "openbao/tokens.rs"]
mod tokens;
#[path = "openbao/wire.rs"]
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use self::wire::Asked;
pub(crate) use self::wire::{Standing, State};

/// A way to misbehave.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers only after so long.
    Slow(Duration),
    /// Answers with a page of a proxy.
    Garbage,
    /// Answers without end.
    Huge,
    /// Points elsewhere.
    Redirect(String),
    /// Answers so many times with a status, then as usual.
    Status(u16, usize),
}

/// A running double. It ends with this value.
pub(crate) struct Double {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    tls: Option<TlsAcceptor>,
    serving: JoinSet<()>,
}

/// The token that may do everything.
pub(crate) const ROOT: &str = "s.root";
/// What unseals it.
pub(crate) const UNSEAL_KEY: &str = "unseal me";

impl Double {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut double = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            tls,
            serving: JoinSet::new(),
        };
        double.serve(listener);
        double
    }

    fn serve(&mut self, listener: TcpListener) {
        let (state, tls) = (Arc::clone(&self.state), self.tls.clone());
        self.serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                connections.spawn(connection(tcp, Arc::clone(&state), tls.clone()));
            }
        });
    }

    /// Nobody listens any more, until [`Self::up`].
    pub(crate) async fn down(&mut self) {
        self.serving.shutdown().await;
    }

    pub(crate) async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Looks at, or changes, what it holds.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    pub(crate) fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.with(|state| state.fault = fault.into());
    }

    /// Gives out a token that a policy stands behind.
    pub(crate) fn token(&self, policy: &str, ttl: u64) -> String {
        self.with(|state| {
            state.tokens.policy("tod", policy).unwrap();
            state.tokens.make(vec!["tod".to_owned()], ttl, true, 0)
        })
    }

    /// What was asked since the last look: `POST transit/encrypt/tod-root`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.log))
    }
}

async fn connection(tcp: TcpStream, state: Arc<Mutex<State>>, tls: Option<TlsAcceptor>) {
    let service = hyper::service::service_fn(async |request| {
        Ok::<_, std::convert::Infallible>(answer(&state, request).await)
    });
    let builder = hyper::server::conn::http1::Builder::new();
    // A client that hangs up is no fault of ours.
    let _ended = match tls {
        None => builder.serve_connection(TokioIo::new(tcp), service).await,
        Some(tls) => match tls.accept(tcp).await {
            Ok(stream) => {
                builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            }
            Err(_) => Ok(()),
        },
    };
}

async fn answer(state: &Mutex<State>, request: Request<hyper::body::Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let token = header("x-vault-token");
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().trim_start_matches("/v1/").to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        token,
        namespace: header("x-vault-namespace"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        is_json: body.is_empty() || serde_json::from_slice::<serde_json::Value>(&body).is_ok(),
    };
    let fault = {
        let mut state = state.lock().unwrap();
        state.log.push(format!("{} {}", asked.method, asked.path));
        match &mut state.fault {
            Some(Fault::Status(_, 0)) => state.fault = None,
            Some(Fault::Status(_, left)) => *left -= 1,
            _ => {}
        }
        state.fault.clone()
    };
    let plain = |status: u16, text: &'static str| {
        let response = Response::builder().status(status);
        response.body(Body::from(text)).unwrap()
    };
    match fault {
        Some(Fault::Slow(wait)) => tokio::time::sleep(wait).await,
        Some(Fault::Garbage) => return plain(200, "<html>Welcome to the hotel</html>"),
        Some(Fault::Huge) => {
            let chunks = futures_util::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b' '; 16 * 1024]))
            });
            return Response::new(Body::from_stream(chunks));
        }
        Some(Fault::Redirect(to)) => {
            let response = Response::builder().status(307).header("location", to);
            return response.body(Body::empty()).unwrap();
        }
        Some(Fault::Status(status, _)) => return plain(status, r#"{"errors":["on purpose"]}"#),
        None => {}
    }
    let (status, value) = state.lock().unwrap().answer(&asked);
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    let text = if value.is_null() {
        String::new()
    } else {
        value.to_string()
    };
    response.body(Body::from(text)).unwrap()
}
