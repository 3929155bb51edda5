//! The one seam: what carries a request.
//!
//! There are three transports: [`crate::Https`] in production, a router in the server's tests,
//! and [`crate::stub::Stub`] in the tests of those who call.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Request, Response};

use crate::error::Error;
use crate::pipe::Socket;

/// The most bytes of an answer that is read at once. Feeds are read piece by piece.
const MAX_ANSWER: usize = 64 << 20;

/// Carries requests. A request's URI is a path and query; the transport knows the host.
pub trait Transport: Send + Sync {
    /// Sends a request and returns the answer, whatever its status.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>>;

    /// Opens a WebSocket.
    fn open(&self, request: Request<()>) -> BoxFuture<'_, Result<Socket, Error>> {
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            Err(Error::unreachable(format!(
                "this transport has no sockets for {path}"
            )))
        })
    }
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        (**self).send(request)
    }

    fn open(&self, request: Request<()>) -> BoxFuture<'_, Result<Socket, Error>> {
        (**self).open(request)
    }
}

/// The body of an answer, as it arrives.
pub struct Body(BoxStream<'static, Result<Bytes, Error>>);

impl Body {
    /// A body that is there already.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(futures_util::stream::once(async move { Ok(bytes) }).boxed())
    }

    /// A body that arrives piece by piece.
    pub fn stream(
        pieces: impl futures_util::Stream<Item = Result<Bytes, Error>> + Send + 'static,
    ) -> Self {
        Self(pieces.boxed())
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        self.0.next().await
    }

    /// All of it.
    pub async fn collect(mut self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(piece) = self.0.try_next().await? {
            if all.len() + piece.len() > MAX_ANSWER {
                return Err(Error::Garbled {
                    what: "it is longer than 64 MiB".to_owned(),
                });
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Body").finish()
    }
}
