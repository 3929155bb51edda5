//! A WebSocket: bytes both ways, with JSON messages beside them.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use serde::Serialize;
use tod_proto::endpoint::{Pipe, Scope};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::call::{Client, uri};
use crate::error::Error;

/// What a WebSocket runs on.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Stream = WebSocketStream<Box<dyn Io>>;

/// The longest message that is taken.
const MAX_MESSAGE: usize = 1 << 20;

/// What arrives on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Bytes, as they are.
    Bytes(bytes::Bytes),
    /// A message beside the bytes, in JSON.
    Text(String),
}

/// A WebSocket.
pub struct Socket(Stream);

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Socket").finish()
    }
}

/// The half of a socket that sends.
pub struct Sender(SplitSink<Stream, Message>);

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sender").finish()
    }
}

/// The half of a socket that receives.
pub struct Receiver(SplitStream<Stream>);

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Receiver").finish()
    }
}

pub(crate) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

impl Socket {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(stream)
    }

    /// Two sockets joined in memory: the client's end and the server's. For tests of callers.
    pub async fn pair() -> (Self, Self) {
        let (a, b) = tokio::io::duplex(MAX_MESSAGE);
        let client: Box<dyn Io> = Box::new(a);
        let server: Box<dyn Io> = Box::new(b);
        let config = Some(limits());
        (
            Self(WebSocketStream::from_raw_socket(client, Role::Client, config).await),
            Self(WebSocketStream::from_raw_socket(server, Role::Server, config).await),
        )
    }

    /// The two halves, so that one task can send while another receives.
    pub fn split(self) -> (Sender, Receiver) {
        let (sink, stream) = self.0.split();
        (Sender(sink), Receiver(stream))
    }
}

impl Sender {
    /// Sends bytes.
    pub async fn bytes(&mut self, bytes: impl Into<bytes::Bytes>) -> Result<(), Error> {
        let message = Message::Binary(bytes.into());
        self.0.send(message).await.map_err(Error::unreachable)
    }

    /// Sends a message beside the bytes.
    pub async fn message(&mut self, message: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(message).map_err(Error::malformed)?;
        let message = Message::Text(text.into());
        self.0.send(message).await.map_err(Error::unreachable)
    }

    /// Says goodbye.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.0.close().await.map_err(Error::unreachable)
    }
}

impl Receiver {
    /// The next frame; `None` when the other side has closed the socket.
    pub async fn next(&mut self) -> Option<Result<Frame, Error>> {
        loop {
            match self.0.next().await? {
                Ok(Message::Binary(bytes)) => return Some(Ok(Frame::Bytes(bytes))),
                Ok(Message::Text(text)) => return Some(Ok(Frame::Text(text.to_string()))),
                Ok(Message::Close(_)) => return None,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(error) => return Some(Err(Error::unreachable(error))),
            }
        }
    }
}

impl Client {
    /// Opens a WebSocket.
    pub async fn pipe<P: Pipe>(
        &self,
        _: P,
        path: &P::Path,
        query: &P::Query,
    ) -> Result<Socket, Error> {
        let mut request = Request::builder().uri(uri(P::OP.path, path, query)?);
        if P::OP.scope != Scope::Public {
            let token = self.auth.token(&*self.transport).await?;
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(()).map_err(Error::malformed)?;
        self.transport.open(request).await
    }
}
