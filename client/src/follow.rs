//! Live feeds: server-sent events that resume where they broke off.
//!
//! **Invariant:** a feed is pulled, never pushed: a reader that is slow slows the server down
//! and loses nothing here.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use tod_proto::endpoint::Feed;

use crate::backoff::Backoff;
use crate::call::{Client, Draft, uri};
use crate::error::Error;
use crate::sse::{Event, Parser};
use crate::transport::Body;

/// A feed that says nothing for this long, not even a heartbeat, is dead. The server sends a
/// heartbeat every 15 seconds.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(40);
/// How long opening a feed may take.
const OPEN: Duration = Duration::from_secs(15);

/// What a feed yields.
#[derive(Debug)]
pub enum Update<T> {
    /// The feed is open, for the first time or again.
    Connected,
    /// Something happened.
    Item(T),
    /// The feed broke off. It is opened again after `retry_in`, by itself.
    Lost {
        /// Why.
        error: Error,
        /// How long it waits.
        retry_in: Duration,
    },
}

/// A live feed. It ends only with an error that trying again does not cure.
pub type Follow<T> = BoxStream<'static, Result<Update<T>, Error>>;

impl Client {
    /// Follows a feed from now on, or from where the query says.
    pub fn follow<F: Feed>(&self, _: F, path: &F::Path, query: &F::Query) -> Follow<F::Item>
    where
        F::Item: 'static,
    {
        let draft = uri(F::OP.path, path, query).map(|uri| Draft {
            op: F::OP,
            uri,
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
        });
        match draft {
            Err(error) => futures_util::stream::once(async { Err(error) }).boxed(),
            Ok(draft) => {
                let state = State {
                    client: self.clone(),
                    draft,
                    open: None,
                    ready: VecDeque::new(),
                    failures: 0,
                    wait: None,
                    over: false,
                };
                futures_util::stream::unfold(state, step).boxed()
            }
        }
    }
}

struct State {
    client: Client,
    draft: Draft,
    open: Option<(Body, Parser)>,
    ready: VecDeque<Event>,
    failures: u32,
    wait: Option<Duration>,
    over: bool,
}

type Step<T> = Option<(Result<Update<T>, Error>, State)>;

async fn step<T: DeserializeOwned>(mut state: State) -> Step<T> {
    if state.over {
        return None;
    }
    loop {
        if let Some(item) = state.take() {
            return Some((Ok(Update::Item(item)), state));
        }
        let result = match state.open {
            None => match state.connect().await {
                Ok(()) => return Some((Ok(Update::Connected), state)),
                Err(error) => Err(error),
            },
            Some(_) => state.read().await,
        };
        if let Err(error) = result {
            return Some(state.lose(error));
        }
    }
}

impl State {
    /// The next item that has arrived. What this version does not understand is left out.
    fn take<T: DeserializeOwned>(&mut self) -> Option<T> {
        while let Some(event) = self.ready.pop_front() {
            if let Some(id) = event.id
                && let Ok(id) = HeaderValue::try_from(id)
            {
                self.draft.headers.insert("last-event-id", id);
            }
            match serde_json::from_str(&event.data) {
                Ok(item) => return Some(item),
                Err(error) => {
                    tracing::warn!(%error, feed = self.draft.op.name, "skipped an unknown event");
                }
            }
        }
        None
    }

    async fn connect(&mut self) -> Result<(), Error> {
        if let Some(wait) = self.wait.take() {
            tokio::time::sleep(wait).await;
        }
        let response = tokio::time::timeout(OPEN, self.client.start(&self.draft))
            .await
            .map_err(|_| Error::unreachable("the server does not answer"))?
            .map_err(|(error, _)| error)?;
        self.open = Some((response.into_body(), Parser::default()));
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Error> {
        let Some((body, parser)) = &mut self.open else {
            return Ok(());
        };
        let piece = tokio::time::timeout(self.client.heartbeat, body.next())
            .await
            .map_err(|_| Error::unreachable("the feed has gone silent"))?
            .ok_or_else(|| Error::unreachable("the server ended the feed"))??;
        let events = parser
            .feed(&piece)
            .map_err(|_| Error::garbled("an event is longer than 4 MiB"))?;
        self.failures = 0;
        self.ready.extend(events);
        Ok(())
    }

    fn lose<T>(mut self, error: Error) -> (Result<Update<T>, Error>, Self) {
        self.open = None;
        if error.is_transient() {
            let retry_in = Backoff::FEED.after(self.failures);
            self.failures = self.failures.saturating_add(1);
            self.wait = Some(retry_in);
            (Ok(Update::Lost { error, retry_in }), self)
        } else {
            self.over = true;
            (Err(error), self)
        }
    }
}
