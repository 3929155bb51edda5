//! The bus: the only way between server and poller.
//!
//! Two implementations with one behaviour, held to it by one test suite: inside one process, and
//! NATS JetStream between processes. These are the kinds of talk:
//!
//! | verb | promise |
//! |---|---|
//! | [`Bus::publish`] → [`Bus::consume`] | durable, at least once, told apart by the dedup id |
//! | [`Bus::request`] → [`Bus::serve`] | one answer, or an error before the deadline |
//! | [`Bus::request_sealed`] → [`Bus::serve_sealed`] | the same, readable by the two alone |
//! | [`Bus::notify`] → [`Bus::subscribe`] | at most once, to everybody who listens now |
//! | [`Bus::kv`] | compare and swap, entries that expire |
//!
//! The bus is a conveyor, not a ledger: whatever a person would miss is in the database first.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::consume::{Handle, HandleBatch, Verdict};
pub use self::dead::DeadLetter;
pub use self::error::{BusError, Refusal};
pub use self::kv::{Entry, Kv};
pub use self::nats::NatsOptions;
pub use self::stream::{ALARM_PERCENT, DEAD, Fill, SAMPLES, STREAMS, Stream};
pub use self::subscribe::Subscription;

mod consume;
mod dead;
mod error;
mod kv;
mod local;
mod nats;
mod request;
mod sealed;
mod stream;
pub mod subject;
mod subscribe;

/// The largest message, in bytes of JSON. NATS allows 1 MiB with headers; this leaves them room.
pub const MAX_MESSAGE: usize = 1_000_000;

/// A way to talk to the other services. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus {
    backend: Backend,
    streams: &'static [Stream],
}

#[derive(Clone, Debug)]
enum Backend {
    Local(local::Local),
    Nats(Box<nats::Nats>),
}

impl Bus {
    /// A bus inside this process.
    pub fn in_process() -> Self {
        Self::in_process_with(STREAMS)
    }

    /// A bus inside this process that knows other streams than [`STREAMS`].
    pub fn in_process_with(streams: &'static [Stream]) -> Self {
        Self {
            backend: Backend::Local(local::Local::new(streams)),
            streams,
        }
    }

    /// A bus over NATS. Succeeds while the server is away: what is asked then is unavailable.
    pub async fn nats(options: NatsOptions) -> Result<Self, BusError> {
        Self::nats_with(options, STREAMS).await
    }

    /// A bus over NATS that knows other streams than [`STREAMS`].
    pub async fn nats_with(
        options: NatsOptions,
        streams: &'static [Stream],
    ) -> Result<Self, BusError> {
        let nats = nats::Nats::connect(options).await?;
        Ok(Self {
            backend: Backend::Nats(Box::new(nats)),
            streams,
        })
    }

    /// Whether both ends live in this process.
    pub fn is_in_process(&self) -> bool {
        matches!(self.backend, Backend::Local(_))
    }

    /// Whether the bus can be reached now.
    pub fn is_up(&self) -> bool {
        match &self.backend {
            Backend::Local(_) => true,
            Backend::Nats(nats) => nats.is_up(),
        }
    }

    /// Puts `message` on the stream that covers `subject`.
    ///
    /// The same `dedup` id within the stream's window is stored once, so a doubtful publish is
    /// simply repeated.
    pub async fn publish<T>(&self, subject: &str, dedup: &str, message: &T) -> Result<(), BusError>
    where
        T: Serialize + Sync + ?Sized,
    {
        subject::check(subject)?;
        let stream = self.stream_of(subject)?;
        let payload = encode(message)?;
        match &self.backend {
            Backend::Local(local) => local.publish(&stream, subject, dedup, payload),
            Backend::Nats(nats) => nats.publish(&stream, subject, dedup, payload).await,
        }
    }

    /// Tells everybody who listens to `subject` now. Nobody may be there.
    pub async fn notify<T>(&self, subject: &str, message: &T) -> Result<(), BusError>
    where
        T: Serialize + Sync + ?Sized,
    {
        subject::check(subject)?;
        let payload = encode(message)?;
        match &self.backend {
            Backend::Local(local) => {
                local.notify(subject, &payload);
                Ok(())
            }
            Backend::Nats(nats) => nats.notify(subject, payload).await,
        }
    }

    /// Listens to what is notified on `subject` (`*` stands for one token, `>` for the rest).
    pub async fn subscribe<T>(&self, subject: &str) -> Result<Subscription<T>, BusError>
    where
        T: DeserializeOwned,
    {
        subject::check_pattern(subject)?;
        let payloads = match &self.backend {
            Backend::Local(local) => local.subscribe(subject),
            Backend::Nats(nats) => nats.subscribe(subject).await?,
        };
        Ok(Subscription::new(subject, payloads))
    }

    /// A store of small values whose entries vanish `ttl` after they were last written.
    ///
    /// One bucket for each time to live: it belongs to the bucket, not to the entry.
    pub fn kv(&self, bucket: &str, ttl: Option<Duration>) -> Kv {
        Kv::new(self.backend.clone(), bucket, ttl)
    }

    /// How full a stream is.
    pub async fn fill(&self, stream: &Stream) -> Result<Fill, BusError> {
        self.check_declared(stream)?;
        match &self.backend {
            Backend::Local(local) => local.fill(stream),
            Backend::Nats(nats) => nats.fill(stream).await,
        }
    }

    /// The streams that this bus knows.
    pub fn streams(&self) -> &'static [Stream] {
        self.streams
    }

    fn stream_of(&self, subject: &str) -> Result<Stream, BusError> {
        let covers = |stream: &&Stream| stream.covers(subject);
        let stream = self.streams.iter().find(covers).copied();
        stream.ok_or_else(|| BusError::NotDurable(subject.to_owned()))
    }

    fn check_declared(&self, stream: &Stream) -> Result<(), BusError> {
        if self.streams.contains(stream) {
            return Ok(());
        }
        Err(BusError::UnknownStream(stream.name))
    }
}

fn encode<T: Serialize + ?Sized>(message: &T) -> Result<Bytes, BusError> {
    let payload = serde_json::to_vec(message).map_err(|error| BusError::malformed(&error))?;
    if payload.len() > MAX_MESSAGE {
        return Err(BusError::TooLarge {
            bytes: payload.len(),
        });
    }
    Ok(payload.into())
}

fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, BusError> {
    if payload.len() > MAX_MESSAGE {
        return Err(BusError::TooLarge {
            bytes: payload.len(),
        });
    }
    serde_json::from_slice(payload).map_err(|error| BusError::malformed(&error))
}
