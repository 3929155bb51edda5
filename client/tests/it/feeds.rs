//! Live feeds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use jiff::Timestamp;
use tod_client::transport::Body;
use tod_client::{Client, Error, Transport, Update};
use tod_proto::api::events::{Event, EventQuery, Follow};
use tod_proto::id::TenantId;

/// A server that ends a feed after two events and goes on where the client says.
#[derive(Default)]
struct Flaky {
    cursors: Mutex<Vec<Option<String>>>,
}

fn event(cursor: u64) -> Event {
    Event {
        cursor,
        time: Timestamp::UNIX_EPOCH,
        kind: "device.status".to_owned(),
        device: None,
        device_name: None,
        from: None,
        to: None,
        message: "x".into(),
        actor: None,
    }
}

impl Transport for Flaky {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        let cursor = request.headers().get("last-event-id");
        let cursor = cursor.map(|id| id.to_str().unwrap().to_owned());
        let last: u64 = cursor.as_deref().map_or(0, |id| id.parse().unwrap());
        self.cursors.lock().unwrap().push(cursor);
        let text = (last + 1..=last + 2).fold(String::new(), |text, n| {
            let data = serde_json::to_string(&event(n)).unwrap();
            text + ": heartbeat\n\nid: " + &n.to_string() + "\ndata: " + &data + "\n\n"
        });
        let text = text + "data: {\"of\":\"another version\"}\n\n";
        Box::pin(async move { Ok(Response::new(Body::full(text))) })
    }
}

#[tokio::test]
async fn a_feed_goes_on_where_it_broke_off() {
    let server = Arc::new(Flaky::default());
    let client = Client::new(Arc::clone(&server)).with_token("t");
    let mut feed = client.follow(Follow, &TenantId::generate(), &EventQuery::default());

    let mut seen = Vec::new();
    let mut connected = 0;
    while seen.len() < 6 {
        match feed.next().await.unwrap().unwrap() {
            Update::Item(event) => seen.push(event.cursor),
            Update::Connected => connected += 1,
            Update::Lost { .. } => {}
        }
    }

    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    assert_eq!(connected, 3);
    let cursors = server.cursors.lock().unwrap().clone();
    assert_eq!(cursors, [None, Some("2".to_owned()), Some("4".to_owned())]);
}

/// A server that opens a feed and then says nothing.
struct Silent;

impl Transport for Silent {
    fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        let body = Body::stream(futures_util::stream::pending());
        Box::pin(async move { Ok(Response::new(body)) })
    }
}

#[tokio::test]
async fn a_silent_feed_is_given_up_and_opened_again() {
    let client = Client::new(Silent)
        .with_token("t")
        .with_heartbeat(Duration::from_millis(50));
    let mut feed = client.follow(Follow, &TenantId::generate(), &EventQuery::default());

    assert!(matches!(feed.next().await, Some(Ok(Update::Connected))));
    assert!(matches!(feed.next().await, Some(Ok(Update::Lost { .. }))));
    assert!(matches!(feed.next().await, Some(Ok(Update::Connected))));
}

#[tokio::test]
async fn a_refusal_ends_a_feed() {
    let client = Client::new(Silent);
    let mut feed = client.follow(Follow, &TenantId::generate(), &EventQuery::default());

    assert!(matches!(feed.next().await, Some(Err(Error::SignedOut))));
    assert!(feed.next().await.is_none());
}
