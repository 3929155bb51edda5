//! Binds endpoints to handlers.
//!
//! **Invariant:** a handler is reached only by a caller whom the scope of its operation admits, and
//! every path that exists was bound here: [`Routes::ops`] is the list that tests walk.

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use futures_util::Stream;
use http::request::Parts;
use serde::Serialize;
use tod_proto::endpoint::{Endpoint, Feed, File, Method, Op, Pipe};

use super::App;
use super::cx::Cx;
use super::error::Error;
use super::{decode, feed, file};

/// The decoded parts of a request to `E`.
#[derive(Debug)]
pub struct Req<E: Endpoint> {
    /// The values of the path's placeholders.
    pub path: E::Path,
    /// The query string.
    pub query: E::Query,
    /// The body.
    pub body: E::Body,
}

/// The decoded parts of a request to follow `F`.
#[derive(Debug)]
pub struct FeedReq<F: Feed> {
    /// The values of the path's placeholders.
    pub path: F::Path,
    /// The query string.
    pub query: F::Query,
    /// `Last-Event-ID`: the cursor of the last item that the client has seen.
    pub after: Option<String>,
}

/// An item of a feed.
#[derive(Debug)]
pub struct FeedItem<T> {
    /// Its cursor, if a client can resume after it. It must not hold line ends.
    pub cursor: Option<String>,
    /// What happened.
    pub item: T,
}

/// The decoded parts of a request to open `P`.
#[derive(Debug)]
pub struct PipeReq<P: Pipe> {
    /// The values of the path's placeholders.
    pub path: P::Path,
    /// The query string.
    pub query: P::Query,
}

/// A router that takes endpoints only.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router<App>,
    /// What has been bound, for the test that compares it with `proto`.
    pub ops: Vec<Op>,
}

impl Routes {
    /// Makes an empty router.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds `handler` to `E`.
    #[must_use]
    pub fn bind<E, H, F>(self, _: E, handler: H) -> Self
    where
        E: Endpoint + 'static,
        H: Fn(Cx, Req<E>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<E::Output, Error>> + Send,
    {
        self.add(E::OP, move |app, parts, body| {
            let handler = handler.clone();
            async move {
                let patience = app.config.door.limits.body;
                let (cx, mut parts) = Cx::admit(app, parts, &E::OP).await?;
                let req = Req {
                    path: decode::path(&mut parts).await?,
                    query: decode::query(&parts)?,
                    body: decode::body(body, patience).await?,
                };
                decode::answer(&handler(cx, req).await?)
            }
        })
    }

    /// Binds `read` to `E`. Who asks for the same at the same time gets the same answer, read once
    /// after all of them asked. It follows from the path and the query: `read` sees no caller.
    #[must_use]
    pub fn bind_shared<E, H, F>(self, _: E, read: H) -> Self
    where
        E: Endpoint + 'static,
        E::Path: Clone + Sync,
        E::Query: Clone + Sync,
        H: Fn(App, E::Path, E::Query) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<E::Output, Error>> + Send + 'static,
    {
        self.add(E::OP, move |app, parts, _| {
            let read = read.clone();
            async move {
                let key = format!("{} {}", E::OP.name, parts.uri);
                let (cx, mut parts) = Cx::admit(app, parts, &E::OP).await?;
                let path: E::Path = decode::path(&mut parts).await?;
                let query: E::Query = decode::query(&parts)?;
                let app = cx.app.clone();
                let read = move || encoded(read(app.clone(), path.clone(), query.clone()));
                let json = cx.app.answers.read(&cx.app.supervisor, key, read);
                Ok(decode::respond(json.await?))
            }
        })
    }

    /// Binds `handler` to `F`. The stream ends when the caller's access does.
    #[must_use]
    pub fn bind_feed<F, H, Fut, S>(self, _: F, handler: H) -> Self
    where
        F: Feed + 'static,
        F::Item: 'static,
        H: Fn(Cx, FeedReq<F>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<S, Error>> + Send,
        S: Stream<Item = FeedItem<F::Item>> + Send + 'static,
    {
        self.add(F::OP, move |app, parts, _| {
            let handler = handler.clone();
            async move {
                let (cx, mut parts) = Cx::admit(app, parts, &F::OP).await?;
                let req = FeedReq {
                    path: decode::path(&mut parts).await?,
                    query: decode::query(&parts)?,
                    after: feed::last_event_id(&parts.headers),
                };
                let stream = handler(cx.clone(), req).await?;
                Ok(feed::respond(&cx, F::OP.scope, parts.headers, stream))
            }
        })
    }

    /// Binds `handler` to `P`. It answers with [`WebSocketUpgrade::on_upgrade`].
    #[must_use]
    pub fn bind_pipe<P, H, Fut>(self, _: P, handler: H) -> Self
    where
        P: Pipe + 'static,
        H: Fn(Cx, PipeReq<P>, WebSocketUpgrade) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Response, Error>> + Send,
    {
        self.add(P::OP, move |app, parts, _| {
            let handler = handler.clone();
            async move {
                let (cx, mut parts) = Cx::admit(app, parts, &P::OP).await?;
                let req = PipeReq {
                    path: decode::path(&mut parts).await?,
                    query: decode::query(&parts)?,
                };
                let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
                    .await
                    .map_err(|error| {
                        Error::invalid("this path speaks WebSocket").detail(error.body_text())
                    })?;
                handler(cx, req, upgrade).await
            }
        })
    }

    /// Binds what `contents` makes to `F`. It is made once for each process.
    #[must_use]
    pub fn bind_file<F: File + 'static>(
        self,
        _: F,
        contents: fn() -> &'static file::Contents,
    ) -> Self {
        self.add(F::OP, move |app, parts, _| async move {
            let (_, parts) = Cx::admit(app, parts, &F::OP).await?;
            Ok(file::respond(&parts.headers, F::CONTENT_TYPE, contents()))
        })
    }

    fn add<H, F>(mut self, op: Op, handler: H) -> Self
    where
        H: Fn(App, Parts, Body) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response, Error>> + Send,
    {
        let method = match op.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        let endpoint = move |State(app): State<App>, request: Request| {
            let handler = handler.clone();
            async move {
                let (parts, body) = request.into_parts();
                let id = super::envelope::request_id(&parts.extensions);
                handler(app, parts, body)
                    .await
                    .unwrap_or_else(|error| error.respond(&id))
            }
        };
        self.router = self.router.route(op.path, on(method, endpoint));
        self.ops.push(op);
        self
    }

    /// Adds the routes of another resource.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.ops.extend(other.ops);
        self
    }

    /// The finished router.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}

async fn encoded<T: Serialize>(
    output: impl Future<Output = Result<T, Error>>,
) -> Result<Bytes, Error> {
    decode::json(&output.await?)
}
