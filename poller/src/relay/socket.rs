//! The WebSocket to the server: terminal bytes, and control messages beside them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tod_proto::api::relays::{Dial, RelayControl};
use tod_proto::endpoint::Pipe as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Call, RelayDial};
use crate::device::dial::Stream;

/// How long the last message may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the server may take to accept the WebSocket.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The largest message that a server may send.
const MAX_MESSAGE: usize = 1 << 20;

type Inner = WebSocketStream<Box<dyn Stream>>;

/// Something that came from the server.
#[derive(Debug)]
pub(super) enum Frame {
    /// Terminal bytes.
    Bytes(Bytes),
    /// A control message.
    Control(RelayControl),
}

/// The WebSocket, in its two directions.
pub(super) struct Socket {
    pub(super) tx: Tx,
    pub(super) rx: Rx,
}

/// The way to the server.
pub(super) struct Tx(SplitSink<Inner, Message>);

/// The way from the server.
pub(super) struct Rx {
    stream: SplitStream<Inner>,
    /// What came while nobody asked.
    early: Option<Frame>,
}

impl Socket {
    /// Dials the server.
    pub(super) async fn open(servers: &dyn RelayDial, call: &Call) -> anyhow::Result<Self> {
        let stream = servers
            .connect(&call.server, call.server_pin.as_deref())
            .await?;
        let request = address(call).into_client_request()?;
        let config = WebSocketConfig::default()
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let handshake = client_async_with_config(request, stream, Some(config));
        let (inner, _) = timeout(HANDSHAKE, handshake).await??;
        let (sink, stream) = inner.split();
        Ok(Self {
            tx: Tx(sink),
            rx: Rx {
                stream,
                early: None,
            },
        })
    }

    /// Waits until the other side has gone. What it sends first is kept, and no more is read.
    pub(super) async fn gone(&mut self) {
        if self.rx.early.is_none() {
            self.rx.early = self.rx.next().await;
        }
        if self.rx.early.is_some() {
            std::future::pending::<()>().await;
        }
    }

    /// Says the last word and closes.
    pub(super) async fn finish(mut self, last_word: RelayControl) {
        let farewell = async {
            self.tx.control(&last_word).await?;
            self.tx.0.close().await?;
            // A connection that is dropped with something unread takes along what is on its way.
            while self
                .rx
                .stream
                .next()
                .await
                .is_some_and(|frame| frame.is_ok())
            {}
            Ok::<_, Error>(())
        };
        if !matches!(timeout(FAREWELL, farewell).await, Ok(Ok(()))) {
            tracing::debug!("the server did not hear how the relay ended");
        }
    }
}

impl Tx {
    /// Sends terminal bytes; waits while the server does not take them.
    pub(super) async fn bytes(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.0.send(Message::Binary(bytes)).await
    }

    /// Sends a control message.
    pub(super) async fn control(&mut self, control: &RelayControl) -> Result<(), Error> {
        let json = serde_json::to_string(control).map_err(std::io::Error::other)?;
        self.0.send(Message::text(json)).await
    }

    /// Shows that we are there.
    pub(super) async fn ping(&mut self) -> Result<(), Error> {
        self.0.send(Message::Ping(Bytes::new())).await
    }
}

impl Rx {
    /// What comes next; nothing once the other side has gone.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        if let Some(frame) = self.early.take() {
            return Some(frame);
        }
        loop {
            match self.stream.next().await?.ok()? {
                Message::Binary(bytes) => return Some(Frame::Bytes(bytes)),
                Message::Text(text) => match serde_json::from_str(&text) {
                    Ok(control) => return Some(Frame::Control(control)),
                    // A message that a newer server may send.
                    Err(error) => tracing::debug!(%error, "a control message is skipped"),
                },
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

/// Where our end of the relay is.
fn address(call: &Call) -> String {
    let base = call.server.trim_end_matches('/');
    let base = match base.split_once("://") {
        Some(("https" | "wss", rest)) => format!("wss://{rest}"),
        Some((_, rest)) => format!("ws://{rest}"),
        None => format!("wss://{base}"),
    };
    let path = Dial::OP.path.replace("{relay}", &call.relay.to_string());
    format!("{base}{path}?ticket={}", encoded(&call.ticket))
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use tod_proto::api::relays::RelayKind;
    use tod_proto::id::RelayId;

    use super::*;

    #[test]
    fn the_address_names_the_relay_and_carries_the_ticket() {
        let relay = RelayId::generate();
        let call = Call {
            relay,
            kind: RelayKind::Exec {
                command: String::new(),
            },
            ticket: "a+b/c=".to_owned(),
            server: "https://10.0.0.5:8443/".to_owned(),
            server_pin: None,
        };

        let expected = format!("wss://10.0.0.5:8443/api/relays/{relay}/dial?ticket=a%2Bb%2Fc%3D");
        assert_eq!(address(&call), expected);
    }
}
