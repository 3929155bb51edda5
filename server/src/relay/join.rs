//! Joins two sockets: what one says, the other hears, until one ends or a deadline does.
//!
//! One message at a time is under way in each direction: a slow reader slows its writer down, and
//! nothing is dropped or piled up.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tod_proto::api::relays::RelayControl;
use tod_proto::untrusted::Untrusted;
use tokio::time::Instant;

/// A session is ended after so long, whatever is said.
pub const LONGEST: Duration = Duration::from_hours(12);
/// How often a silent socket is asked whether it lives.
const PING: Duration = Duration::from_secs(30);
/// How long a reader may take for one message.
const STUCK: Duration = Duration::from_mins(2);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it, or went away.
    Client,
    /// The poller's side closed it: the shell ended, or the device went away.
    Device,
    /// Nothing was said for too long.
    Idle,
    /// It was open for too long.
    TooLong,
    /// The server stops.
    Stopping,
    /// The person may not do this any more.
    Revoked,
}

impl End {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "the client left",
            Self::Device => "the device's side ended it",
            Self::Idle => "nothing was typed or shown for too long",
            Self::TooLong => "it was open for 12 hours",
            Self::Stopping => "the server is stopping",
            Self::Revoked => "the person may not open sessions any more",
        }
    }
}

/// Joins the two until one ends, nothing is said for `silence`, or `over` ends.
pub async fn join(
    client: WebSocket,
    poller: WebSocket,
    silence: Duration,
    over: impl Future<Output = End> + Send,
) -> End {
    let (mut to_client, mut from_client) = client.split();
    let (mut to_poller, mut from_poller) = poller.split();
    let (said, heard) = tokio::sync::watch::channel(Instant::now());
    let end = {
        let up = async {
            // What was said before the poller's side closed is still on its way to the client.
            if pump(&mut from_client, &mut to_poller, &said).await == Stop::Refused {
                tokio::time::sleep(GOODBYE).await;
            }
        };
        let down = pump(&mut from_poller, &mut to_client, &said);
        tokio::select! {
            () = up => End::Client,
            _ = down => End::Device,
            () = idle(heard, silence) => End::Idle,
            () = tokio::time::sleep(LONGEST) => End::TooLong,
            end = over => end,
        }
    };
    let told = !matches!(end, End::Client | End::Device);
    let last = told.then(|| failed(end.as_str(), None));
    goodbye(&mut to_client, &mut from_client, last).await;
    goodbye(&mut to_poller, &mut from_poller, None).await;
    end
}

/// Why messages are carried no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The source ended.
    Source,
    /// The sink takes nothing any more.
    Refused,
    /// The sink took too long for one message.
    Stuck,
}

/// Carries messages until the source ends or the sink does not take them.
async fn pump(
    from: &mut SplitStream<WebSocket>,
    to: &mut SplitSink<WebSocket, Message>,
    said: &tokio::sync::watch::Sender<Instant>,
) -> Stop {
    loop {
        let message = tokio::select! {
            message = from.next() => message,
            () = tokio::time::sleep(PING) => Some(Ok(Message::Ping(bytes::Bytes::new()))),
        };
        let message = match message {
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Stop::Source,
            Some(Ok(message)) => message,
        };
        match message {
            Message::Binary(_) | Message::Text(_) => {
                said.send_replace(Instant::now());
            }
            Message::Ping(_) => {}
            Message::Pong(_) | Message::Close(_) => continue,
        }
        match tokio::time::timeout(STUCK, to.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Stop::Refused,
            Err(_) => return Stop::Stuck,
        }
    }
}

async fn idle(mut heard: tokio::sync::watch::Receiver<Instant>, silence: Duration) {
    loop {
        let until = *heard.borrow_and_update() + silence;
        tokio::select! {
            changed = heard.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(until) => return,
        }
    }
}

async fn goodbye(
    to: &mut SplitSink<WebSocket, Message>,
    from: &mut SplitStream<WebSocket>,
    last: Option<Message>,
) {
    let close = CloseFrame {
        code: close_code::NORMAL,
        reason: "".into(),
    };
    let said = async {
        if let Some(last) = last {
            to.send(last).await?;
        }
        to.send(Message::Close(Some(close))).await?;
        // A connection that is dropped with something unread takes along what is on its way.
        while from.next().await.is_some_and(|said| said.is_ok()) {}
        Ok::<_, axum::Error>(())
    };
    if tokio::time::timeout(GOODBYE, said).await.is_err() {
        tracing::debug!("a socket did not take its goodbye");
    }
}

/// Tells a client that its session could not be opened, and closes the socket.
pub async fn refuse(client: WebSocket, message: &str, hint: Option<String>) {
    let (mut to_client, mut from_client) = client.split();
    goodbye(
        &mut to_client,
        &mut from_client,
        Some(failed(message, hint)),
    )
    .await;
}

fn failed(message: &str, hint: Option<String>) -> Message {
    let control = RelayControl::Failed {
        message: Untrusted::new(message),
        hint,
    };
    Message::text(serde_json::to_string(&control).unwrap_or_default())
}
