//! The bus over NATS JetStream.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};

use super::{BusError, Stream};
use crate::backoff::Backoff;

pub(super) use self::live::{Questions, Reply};
pub(super) use self::log::{Puller, Ticket};

mod live;
mod log;
mod table;

/// How long JetStream may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the start waits for the first connection before it goes on without.
const FIRST_CONNECTION: Duration = Duration::from_secs(3);
/// How many messages wait for one subscription before it misses some.
const WAITING: usize = 4096;

/// How to reach NATS.
#[derive(Clone, Debug, Default)]
pub struct NatsOptions {
    /// `nats://host:4222` or `tls://…`, several joined by commas.
    pub url: String,
    /// Names this connection to people who look at the server.
    pub name: String,
    /// A file of credentials (`.creds`).
    pub credentials: Option<PathBuf>,
    /// Certificates of authorities to trust besides the system's.
    pub authorities: Option<PathBuf>,
    /// On how many servers each stream is kept; 0 means 1.
    pub replicas: usize,
}

/// A bus over NATS. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Nats {
    client: Client,
    jetstream: Context,
    replicas: usize,
    /// The streams that are known to be there.
    ensured: Arc<Mutex<HashSet<String>>>,
}

impl Nats {
    pub(super) async fn connect(options: NatsOptions) -> Result<Self, BusError> {
        let mut connect = ConnectOptions::new()
            .name(&options.name)
            .retry_on_initial_connect()
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(ANSWER))
            .subscription_capacity(WAITING)
            .ping_interval(Duration::from_secs(15))
            .reconnect_delay_callback(|attempts| {
                let most = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
                let failures = u32::try_from(attempts).unwrap_or(u32::MAX);
                most.unwrap_or(Backoff::DEFAULT).jittered(failures)
            })
            .event_callback(|event| async move { report(&event) });
        if let Some(path) = &options.credentials {
            let read = connect.credentials_file(path).await;
            let unread = |error| BusError::Unavailable(format!("{}: {error}", path.display()));
            connect = read.map_err(unread)?;
        }
        if let Some(path) = options.authorities {
            connect = connect.add_root_certificates(path);
        }
        let mut servers = Vec::new();
        for server in options.url.split(',').map(str::trim) {
            let (address, who) = without_password(server);
            // The library leaves aside who a URL names.
            connect = match who {
                Some((user, Some(password))) => {
                    connect.user_and_password(user.to_owned(), password.to_owned())
                }
                Some((token, None)) => connect.token(token.to_owned()),
                None => connect,
            };
            servers.push(address);
        }
        let client = connect
            .connect(servers)
            .await
            .map_err(BusError::unavailable)?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(ANSWER);
        let replicas = options.replicas.max(1);
        let nats = Self {
            client,
            jetstream,
            replicas,
            ensured: Arc::default(),
        };
        nats.first_connection().await;
        Ok(nats)
    }

    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    async fn first_connection(&self) {
        let up = async {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            while !self.is_up() {
                tick.tick().await;
            }
        };
        if tokio::time::timeout(FIRST_CONNECTION, up).await.is_err() {
            tracing::warn!("NATS cannot be reached yet");
        }
    }

    fn check_up(&self) -> Result<(), BusError> {
        if self.is_up() {
            return Ok(());
        }
        Err(BusError::Unavailable("NATS cannot be reached".to_owned()))
    }

    /// Makes sure that a stream is there as `config` says, once.
    async fn ensure(&self, config: jetstream::stream::Config) -> Result<(), BusError> {
        self.check_up()?;
        if self.ensured().contains(&config.name) {
            return Ok(());
        }
        let name = config.name.clone();
        let made = self.jetstream.create_or_update_stream(config).await;
        made.map_err(|error| BusError::Unavailable(format!("stream {name}: {error}")))?;
        self.ensured().insert(name);
        Ok(())
    }

    async fn ensure_stream(&self, stream: &Stream) -> Result<(), BusError> {
        self.ensure(self.stream_config(stream)).await
    }

    /// Looks again next time whether the stream is there.
    fn forget(&self, name: &str) {
        self.ensured().remove(name);
    }

    fn ensured(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.ensured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stream_config(&self, stream: &Stream) -> jetstream::stream::Config {
        jetstream::stream::Config {
            name: stream.name.to_owned(),
            subjects: vec![stream.pattern()],
            max_bytes: i64::try_from(stream.max_bytes).unwrap_or(i64::MAX),
            max_age: stream.max_age,
            duplicate_window: stream.dedup_window.min(stream.max_age),
            discard: jetstream::stream::DiscardPolicy::Old,
            num_replicas: self.replicas,
            ..jetstream::stream::Config::default()
        }
    }
}

/// A server's address, and who is to sign in there with which password, as they stand in its URL;
/// one word alone is a token.
/// The address alone may be logged.
fn without_password(url: &str) -> (String, Option<(&str, Option<&str>)>) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let Some((who, address)) = rest.rsplit_once('@') else {
        return (url.to_owned(), None);
    };
    let who = match who.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (who, None),
    };
    (format!("{scheme}://{address}"), Some(who))
}

fn report(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("lost the connection to NATS"),
        Event::SlowConsumer(_) => tracing::warn!("a slow subscriber misses messages"),
        Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
        Event::ClientError(error) => tracing::debug!(%error, "a NATS connection failed"),
        event => tracing::debug!(%event, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_the_address() {
        let plain = ("nats://h:4222".to_owned(), None);
        assert_eq!(without_password("nats://h:4222"), plain);
        let (address, who) = without_password("tls://tod:p@ss:word@h:4222");
        assert_eq!(address, "tls://h:4222");
        assert_eq!(who, Some(("tod", Some("p@ss:word"))));
        let (address, who) = without_password("s3cret@h");
        assert_eq!((&*address, who), ("nats://h", Some(("s3cret", None))));
    }
}
