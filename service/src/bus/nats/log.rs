//! Durable streams: `JetStream` with pull consumers.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull::BatchError;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::Nats;
use crate::bus::consume::{self, Delivery};
use crate::bus::{BusError, Fill, Stream, Verdict};

/// How long a handler may be silent before its message goes to another.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How long one pull waits for a message.
const PULL: Duration = Duration::from_secs(2);
/// How much longer the answer to a pull may take.
const SLACK: Duration = Duration::from_secs(2);
/// A durable consumer that nobody uses any more goes after this.
const UNUSED: Duration = Duration::from_hours(7 * 24);

impl Nats {
    pub(in crate::bus) async fn publish(
        &self,
        stream: &Stream,
        subject: &str,
        dedup: &str,
        payload: Bytes,
    ) -> Result<(), BusError> {
        self.ensure_stream(stream).await?;
        match self.publish_once(subject, dedup, payload.clone()).await {
            Err(PublishErrorKind::StreamNotFound) => {
                self.forget(stream.name);
                self.ensure_stream(stream).await?;
                self.publish_once(subject, dedup, payload).await
            }
            result => result,
        }
        .map_err(|kind| match kind {
            PublishErrorKind::TimedOut => BusError::Timeout(subject.to_owned()),
            kind => BusError::unavailable(kind),
        })
    }

    async fn publish_once(
        &self,
        subject: &str,
        dedup: &str,
        payload: Bytes,
    ) -> Result<(), PublishErrorKind> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", dedup);
        let sent = self
            .jetstream
            .publish_with_headers(subject.to_owned(), headers, payload)
            .await;
        sent.map_err(|error| error.kind())?
            .await
            .map_err(|error| error.kind())?;
        Ok(())
    }

    pub(in crate::bus) async fn fill(&self, stream: &Stream) -> Result<Fill, BusError> {
        self.ensure_stream(stream).await?;
        let found = self.jetstream.get_stream(stream.name).await;
        let state = found
            .map_err(BusError::unavailable)?
            .cached_info()
            .state
            .clone();
        Ok(Fill {
            messages: state.messages,
            bytes: state.bytes,
            max_bytes: stream.max_bytes,
        })
    }

    pub(in crate::bus) async fn latest(
        &self,
        stream: &Stream,
        most: usize,
    ) -> Result<Vec<Bytes>, BusError> {
        self.ensure_stream(stream).await?;
        let found = self
            .jetstream
            .get_stream(stream.name)
            .await
            .map_err(BusError::unavailable)?;
        let (first, last) = {
            let state = &found.cached_info().state;
            (state.first_sequence, state.last_sequence)
        };
        let mut payloads = Vec::new();
        for sequence in (first.max(1)..=last).rev().take(most) {
            // One may have expired meanwhile.
            if let Ok(message) = found.get_raw_message(sequence).await {
                payloads.push(message.payload);
            }
        }
        Ok(payloads)
    }

    pub(in crate::bus) async fn puller(
        &self,
        stream: &Stream,
        durable: &str,
        filter: Option<&str>,
    ) -> Result<Puller, BusError> {
        self.forget(stream.name);
        self.ensure_stream(stream).await?;
        // `filter_subject`, not `filter_subjects`: servers before 2.10 ignore the latter.
        let config = pull::Config {
            durable_name: Some(durable.to_owned()),
            filter_subject: filter.unwrap_or_default().to_owned(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 20_000,
            inactive_threshold: UNUSED,
            ..pull::Config::default()
        };
        let made = self
            .jetstream
            .create_consumer_on_stream(config, stream.name)
            .await;
        Ok(Puller(made.map_err(BusError::unavailable)?))
    }
}

/// Takes messages for one durable consumer.
pub(in crate::bus) struct Puller(Consumer<pull::Config>);

impl Puller {
    /// Takes what waits, else waits for one a while. May come back with nothing.
    pub(in crate::bus) async fn pull(&mut self, most: usize) -> Result<Vec<Delivery>, BusError> {
        let waiting = self.0.fetch().max_messages(most).messages();
        let deliveries = collect(waiting, SLACK).await?;
        if !deliveries.is_empty() {
            return Ok(deliveries);
        }
        let one = self.0.batch().max_messages(1).expires(PULL).messages();
        collect(one, PULL + SLACK).await
    }
}

/// A pull that was lost with its connection is not waited for: `deadline` ends it.
async fn collect(
    pull: impl Future<Output = Result<pull::Batch, BatchError>>,
    deadline: Duration,
) -> Result<Vec<Delivery>, BusError> {
    let all = async {
        let mut batch = pull.await.map_err(BusError::unavailable)?;
        let mut deliveries = Vec::new();
        while let Some(message) = batch.next().await {
            deliveries.push(delivery(message.map_err(BusError::unavailable)?)?);
        }
        Ok(deliveries)
    };
    let late = |_| BusError::Unavailable("a pull was not answered".to_owned());
    tokio::time::timeout(deadline, all).await.map_err(late)?
}

fn delivery(message: Message) -> Result<Delivery, BusError> {
    let info = message.info().map_err(BusError::unavailable)?;
    let (sequence, attempt) = (info.stream_sequence, info.delivered);
    Ok(Delivery {
        subject: message.subject.to_string(),
        sequence,
        payload: message.payload.clone(),
        attempt: u64::try_from(attempt).unwrap_or(1),
        ticket: consume::Ticket::Nats(Ticket(Box::new(message))),
    })
}

/// Settles a message. Dropped without that, the message comes again after [`ACK_WAIT`].
pub(in crate::bus) struct Ticket(Box<Message>);

impl Ticket {
    pub(in crate::bus) async fn settle(self, verdict: Verdict) -> Result<(), BusError> {
        match verdict {
            Verdict::Done => self.0.double_ack().await,
            Verdict::Later(wait) => self.0.ack_with(AckKind::Nak(Some(wait))).await,
            Verdict::Never => self.0.ack_with(AckKind::Term).await,
        }
        .map_err(BusError::unavailable)
    }

    pub(in crate::bus) async fn progress(&self) {
        if let Err(error) = self.0.ack_with(AckKind::Progress).await {
            tracing::debug!(%error, "progress could not be told");
        }
    }
}
