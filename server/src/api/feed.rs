//! Server-sent events: heartbeats, cursors, and an end when the caller's access ends.
//!
//! Nothing is buffered here: an item is taken from its source when the client has taken the one
//! before. What a slow client misses is up to the source, which is bounded.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse as _, Response, Sse};
use futures_util::{Stream, StreamExt as _};
use http::HeaderMap;
use serde::Serialize;
use tod_proto::endpoint::Scope;

use super::cx::Cx;
use super::route::FeedItem;

/// How often a silent stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the caller's access is looked at.
const RECHECK: Duration = Duration::from_secs(2);

pub(super) fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("last-event-id")?.to_str().ok()?;
    (!value.is_empty() && value.len() <= 128).then(|| value.to_owned())
}

pub(super) fn respond<T, S>(cx: &Cx, scope: Scope, headers: HeaderMap, stream: S) -> Response
where
    T: Serialize + Send,
    S: Stream<Item = FeedItem<T>> + Send + 'static,
{
    let until = access_ends(cx.clone(), scope, headers);
    let events = stream
        .take_until(Box::pin(until))
        .filter_map(|item| std::future::ready(event(&item)));
    let sse = Sse::new(events.map(Ok::<_, Infallible>));
    sse.keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

fn event<T: Serialize>(item: &FeedItem<T>) -> Option<Event> {
    let data = match serde_json::to_string(&item.item) {
        Ok(data) => data,
        Err(error) => {
            tracing::error!(%error, "an item of a feed does not serialise");
            return None;
        }
    };
    let event = Event::default().data(data);
    Some(match &item.cursor {
        Some(cursor) => event.id(cursor),
        None => event,
    })
}

/// Ends when the server stops, the token ends, the session is revoked or the role taken away.
async fn access_ends(cx: Cx, scope: Scope, headers: HeaderMap) {
    let stop = cx.app.stopping.clone();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RECHECK) => {}
        }
        if !cx.readmit(&headers, scope).await {
            return;
        }
    }
}
