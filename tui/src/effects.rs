//! What takes time: performed here with the client, answered with events.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;
use secrecy::SecretString;
use tod_client::clock::Clock;
use tod_client::follow::Update;
use tod_client::secret_key::SecretKey;
use tod_client::sign_in::Begun;
use tod_client::{Client, Error};
use tod_proto::api::changes::{self, ChangeQuery};
use tod_proto::api::devices::{self, ListQuery, SeriesQuery};
use tod_proto::api::events::{self, EventQuery};
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::page::{Empty, MAX_PAGE};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::event::{Effect, Event, Link, Secret};

/// How many updates are taken in one go.
const BATCH: usize = 512;

/// How many events of the past are shown.
const HISTORY: u32 = 200;

/// What talks to the server.
#[derive(Clone, Debug)]
pub struct Server {
    /// The client.
    pub client: Client,
    /// Whose fleet is shown.
    pub tenant: TenantId,
    /// Who signs in.
    pub user: String,
    /// The Secret Key that this machine holds.
    pub secret_key: Option<SecretKey>,
    /// The clock.
    pub clock: Clock,
}

/// Performs effects. Dropping it ends what is under way.
#[derive(Debug)]
pub struct Effects {
    server: Arc<Server>,
    out: mpsc::Sender<Event>,
    feeds: JoinSet<()>,
    tasks: JoinSet<()>,
}

impl Effects {
    /// Begins to follow the fleet; what happens is sent to `out`.
    pub fn start(server: Server, out: mpsc::Sender<Event>) -> Self {
        let mut effects = Self {
            server: Arc::new(server),
            out,
            feeds: JoinSet::new(),
            tasks: JoinSet::new(),
        };
        effects.follow();
        effects
    }

    fn follow(&mut self) {
        self.feeds.abort_all();
        self.feeds
            .spawn(follow_fleet(Arc::clone(&self.server), self.out.clone()));
        self.feeds
            .spawn(follow_events(Arc::clone(&self.server), self.out.clone()));
    }

    /// Opens the feeds again, after the person has signed in.
    pub fn restart(&mut self) {
        self.follow();
    }

    /// Begins to perform an effect. Those of the terminal are the loop's own.
    pub fn perform(&mut self, effect: Effect) {
        while self.tasks.try_join_next().is_some() {}
        let (server, out) = (Arc::clone(&self.server), self.out.clone());
        self.tasks.spawn(async move {
            let event = match effect {
                Effect::Refresh => server.list().await.map(Event::Devices),
                Effect::LoadChanges => server.changes().await,
                Effect::LoadInterfaces(device) => server.interfaces(device).await,
                Effect::LoadSeries(device) => {
                    for metric in ["cpu", "rx", "tx"] {
                        tell(&out, server.series(device, metric).await).await;
                    }
                    return;
                }
                Effect::Unlock {
                    password,
                    secret_key,
                    code,
                } => Ok(server.unlock(password, secret_key, code).await),
                Effect::Copy(_) | Effect::Suspend | Effect::Redraw | Effect::Quit => return,
            };
            tell(&out, event).await;
        });
    }
}

/// Sends what came of a call. If nobody listens any more, nothing is to be done.
async fn tell(out: &mpsc::Sender<Event>, result: Result<Event, Error>) {
    let event = result.unwrap_or_else(|error| {
        if is_locked(&error) {
            Event::Link(Link::Locked {
                reason: error.to_string(),
            })
        } else {
            Event::Failed(chain(&error))
        }
    });
    drop(out.send(event).await);
}

fn is_locked(error: &Error) -> bool {
    matches!(error, Error::SessionEnded | Error::SignedOut)
        || error.code() == Some(ErrorCode::Unauthenticated)
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

impl Server {
    async fn list(&self) -> Result<Vec<devices::Device>, Error> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let query = ListQuery {
                selector: None,
                limit: Some(MAX_PAGE),
                cursor,
            };
            let page = self
                .client
                .call(devices::List, self.tenant, query, Empty {})
                .await?;
            all.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    async fn changes(&self) -> Result<Event, Error> {
        let query = ChangeQuery::default();
        let page = self
            .client
            .call(changes::List, self.tenant, query, Empty {})
            .await?;
        Ok(Event::Changes(page.items))
    }

    async fn interfaces(&self, device: DeviceId) -> Result<Event, Error> {
        let path = (self.tenant, device);
        let page = self
            .client
            .call(devices::Interfaces, path, Empty {}, Empty {})
            .await?;
        Ok(Event::Interfaces(device, page.items))
    }

    async fn series(&self, device: DeviceId, metric: &'static str) -> Result<Event, Error> {
        let query = SeriesQuery {
            metric: metric.to_owned(),
            ..SeriesQuery::default()
        };
        let path = (self.tenant, device);
        let page = self
            .client
            .call(devices::Series, path, query, Empty {})
            .await?;
        Ok(Event::Series(device, metric, page.items))
    }

    async fn unlock(&self, password: Secret, typed: Option<Secret>, code: Option<Secret>) -> Event {
        let key = match (&self.secret_key, typed) {
            (_, Some(typed)) => match typed.0.parse::<SecretKey>() {
                Ok(key) => key,
                Err(error) => return Event::UnlockFailed(error.to_string()),
            },
            (Some(key), None) => key.clone(),
            (None, None) => {
                return Event::UnlockFailed("type the Secret Key of your Emergency Kit".to_owned());
            }
        };
        let password = SecretString::from(password.0);
        let begun = self
            .client
            .begin_sign_in(&self.user, &password, &key, "todctl tui")
            .await;
        let done = match (begun, code) {
            (Ok(Begun::SignedIn(_)), _) => Ok(()),
            (Ok(Begun::SecondStep(_)), None) => return Event::CodeWanted,
            (Ok(Begun::SecondStep(step)), Some(code)) => {
                let code = SecretString::from(code.0);
                self.client.second_step(&step, &code).await.map(drop)
            }
            (Err(error), _) => Err(error),
        };
        match done {
            Ok(()) => Event::Unlocked,
            Err(error) => Event::UnlockFailed(chain(&error)),
        }
    }
}

async fn follow_fleet(server: Arc<Server>, out: mpsc::Sender<Event>) {
    let mut feed = server
        .client
        .follow(devices::Follow, &server.tenant, &Empty {})
        .ready_chunks(BATCH);
    while let Some(chunk) = feed.next().await {
        let mut updates = Vec::new();
        for update in chunk {
            match update {
                Ok(Update::Item(item)) => updates.push(item),
                Ok(Update::Connected) => {
                    let asked = Instant::now();
                    let listed = server.list().await.map(Event::Devices);
                    let live = listed.is_ok();
                    tell(&out, listed).await;
                    if live {
                        let ms = u32::try_from(asked.elapsed().as_millis()).unwrap_or(u32::MAX);
                        tell(&out, Ok(Event::Link(Link::Live(ms)))).await;
                    }
                }
                Ok(Update::Lost { error, .. }) => {
                    let lost = Link::Lost {
                        since: server.clock.now(),
                        reason: chain(&error),
                    };
                    tell(&out, Ok(Event::Link(lost))).await;
                }
                Err(error) => tell(&out, Err(error)).await,
            }
        }
        if !updates.is_empty() && out.send(Event::Fleet(updates)).await.is_err() {
            return;
        }
    }
}

async fn follow_events(server: Arc<Server>, out: mpsc::Sender<Event>) {
    let query = EventQuery {
        limit: Some(HISTORY),
        ..EventQuery::default()
    };
    let past = server
        .client
        .call(events::List, server.tenant, query, Empty {})
        .await;
    let after = past
        .as_ref()
        .ok()
        .and_then(|page| page.items.last())
        .map(|event| event.cursor);
    tell(&out, past.map(|page| Event::History(page.items))).await;
    let query = EventQuery {
        after,
        ..EventQuery::default()
    };
    let mut feed = server.client.follow(events::Follow, &server.tenant, &query);
    while let Some(update) = feed.next().await {
        // The other feed tells of the connection.
        if let Ok(Update::Item(event)) = update
            && out.send(Event::Happened(Box::new(event))).await.is_err()
        {
            return;
        }
    }
}
