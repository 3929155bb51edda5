//! Durable consumers.
//!
//! A handler never touches the acknowledgement: it returns a [`Verdict`], and the one place that
//! knows the backend settles the message.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{Backend, Bus, BusError, Stream, decode, local, nats, subject};
use crate::backoff::Backoff;
use crate::supervisor::{Panicked, contain};

/// How often the backend is told that a handler is still at work.
const PROGRESS: Duration = Duration::from_secs(10);
/// After this many panics over one message it is given up.
const PANICS: u64 = 5;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is dealt with.
    Done,
    /// It may go better after a while.
    Later(Duration),
    /// It will never go well. It is kept among the dead letters and not sent again.
    Never,
}

/// Deals with one kind of message, one at a time.
///
/// A message may come more than once, so handling must be idempotent.
pub trait Handle: Send {
    /// Names the handler in logs, and the durable consumer unless [`Self::durable`] says otherwise.
    const NAME: &'static str;
    /// What the payload is.
    type Payload: DeserializeOwned + Send;

    /// The name of the durable consumer: handlers of one name share its messages.
    fn durable(&self) -> String {
        Self::NAME.to_owned()
    }

    /// Which subjects of the stream it wants; all of them when there is none.
    fn filter(&self) -> Option<String> {
        None
    }

    /// Deals with a message.
    fn handle(&mut self, payload: Self::Payload) -> impl Future<Output = Verdict> + Send;
}

/// Deals with many messages of one kind at once: those that wait when it is free again.
pub trait HandleBatch: Send {
    /// Names the handler in logs, and the durable consumer unless [`Self::durable`] says otherwise.
    const NAME: &'static str;
    /// The most messages it takes at once.
    const MOST: usize;
    /// What the payloads are.
    type Payload: DeserializeOwned + Send;

    /// The name of the durable consumer: handlers of one name share its messages.
    fn durable(&self) -> String {
        Self::NAME.to_owned()
    }

    /// Which subjects of the stream it wants; all of them when there is none.
    fn filter(&self) -> Option<String> {
        None
    }

    /// Deals with the messages and says what becomes of each, in their order. A verdict that is
    /// missing means [`Verdict::Later`] with a short wait.
    fn handle(&mut self, payloads: Vec<Self::Payload>)
    -> impl Future<Output = Vec<Verdict>> + Send;
}

struct One<H>(H);

impl<H: Handle> HandleBatch for One<H> {
    const NAME: &'static str = H::NAME;
    const MOST: usize = 1;
    type Payload = H::Payload;

    fn durable(&self) -> String {
        self.0.durable()
    }

    fn filter(&self) -> Option<String> {
        self.0.filter()
    }

    async fn handle(&mut self, payloads: Vec<H::Payload>) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(payloads.len());
        for payload in payloads {
            verdicts.push(self.0.handle(payload).await);
        }
        verdicts
    }
}

/// A message on its way to a handler. One that is dropped comes again.
pub(super) struct Delivery {
    pub(super) subject: String,
    /// Its number in the stream.
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    /// The how-manieth delivery of this message this is, from 1.
    pub(super) attempt: u64,
    pub(super) ticket: Ticket,
}

/// What settles a message in the backend.
pub(super) enum Ticket {
    Local(local::Ticket),
    Nats(nats::Ticket),
}

/// Takes messages for one durable consumer.
enum Puller {
    Local(local::Puller),
    Nats(Box<nats::Puller>),
}

impl Puller {
    async fn pull(&mut self, most: usize) -> Result<Vec<Delivery>, BusError> {
        match self {
            Self::Local(puller) => Ok(puller.pull(most).await),
            Self::Nats(puller) => puller.pull(most).await,
        }
    }
}

impl Delivery {
    pub(super) async fn settle(self, verdict: Verdict) -> Result<(), BusError> {
        match self.ticket {
            Ticket::Local(ticket) => {
                ticket.settle(verdict);
                Ok(())
            }
            Ticket::Nats(ticket) => ticket.settle(verdict).await,
        }
    }

    async fn progress(&self) {
        if let Ticket::Nats(ticket) = &self.ticket {
            ticket.progress().await;
        }
    }
}

impl Bus {
    /// Feeds `handler` from `stream` until `stop`. Ends before that only when it was called wrongly:
    /// while the bus is away it waits and tries again.
    ///
    /// A consumer that is new to the stream gets everything from then on, and of what came before
    /// what is still kept: in one process, what all who are known have dealt with is not.
    pub async fn consume<H: Handle>(
        &self,
        stream: &Stream,
        handler: H,
        stop: CancellationToken,
    ) -> Result<(), BusError> {
        self.consume_batch(stream, One(handler), stop).await
    }

    /// As [`Self::consume`], with many messages at once.
    pub async fn consume_batch<H: HandleBatch>(
        &self,
        stream: &Stream,
        mut handler: H,
        stop: CancellationToken,
    ) -> Result<(), BusError> {
        self.check_declared(stream)?;
        let (durable, filter) = (handler.durable(), handler.filter());
        subject::check_word(&durable)?;
        if let Some(filter) = &filter {
            subject::check_pattern(filter)?;
        }
        let (mut puller, mut failures) = (None, 0);
        loop {
            let pulled = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                pulled = self.pull(&mut puller, stream, &durable, filter.as_deref(), H::MOST) => pulled,
            };
            match pulled {
                Ok(batch) => {
                    failures = 0;
                    self.deal(stream, &durable, &mut handler, batch).await;
                }
                Err(error) => {
                    puller = None;
                    failures += 1;
                    tracing::warn!(consumer = H::NAME, %error, "cannot take messages now");
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(Backoff::DEFAULT.jittered(failures)) => {}
                    }
                }
            }
        }
    }

    async fn pull(
        &self,
        open: &mut Option<Puller>,
        stream: &Stream,
        durable: &str,
        filter: Option<&str>,
        most: usize,
    ) -> Result<Vec<Delivery>, BusError> {
        let puller = match open {
            Some(puller) => puller,
            None => open.insert(match &self.backend {
                Backend::Local(local) => Puller::Local(local.puller(stream, durable, filter)?),
                Backend::Nats(nats) => {
                    Puller::Nats(Box::new(nats.puller(stream, durable, filter).await?))
                }
            }),
        };
        puller.pull(most.max(1)).await
    }

    async fn deal<H: HandleBatch>(
        &self,
        stream: &Stream,
        durable: &str,
        handler: &mut H,
        batch: Vec<Delivery>,
    ) {
        let mut readable = Vec::with_capacity(batch.len());
        let mut payloads = Vec::with_capacity(batch.len());
        for delivery in batch {
            match decode::<H::Payload>(&delivery.payload) {
                Ok(payload) => {
                    payloads.push(payload);
                    readable.push(delivery);
                }
                Err(error) => {
                    let reason = error.to_string();
                    self.bury(stream, durable, delivery, &reason).await;
                }
            }
        }
        if readable.is_empty() {
            return;
        }
        match run(handler, payloads, &readable).await {
            Ok(verdicts) => {
                let missing = std::iter::repeat(Verdict::Later(Duration::from_secs(1)));
                for (delivery, verdict) in readable
                    .into_iter()
                    .zip(verdicts.into_iter().chain(missing))
                {
                    self.settle::<H>(stream, durable, delivery, verdict).await;
                }
            }
            Err(panicked) if readable.len() == 1 => {
                for delivery in readable {
                    self.after_panic::<H>(stream, durable, delivery, &panicked)
                        .await;
                }
            }
            Err(_) => {
                // One of them did it: each alone, so that the others do not suffer for it.
                for delivery in readable {
                    Box::pin(self.deal(stream, durable, handler, vec![delivery])).await;
                }
            }
        }
    }

    async fn settle<H: HandleBatch>(
        &self,
        stream: &Stream,
        durable: &str,
        delivery: Delivery,
        verdict: Verdict,
    ) {
        if verdict == Verdict::Never {
            self.bury(stream, durable, delivery, "the handler gave it up")
                .await;
        } else if let Err(error) = delivery.settle(verdict).await {
            tracing::debug!(consumer = H::NAME, %error, "not settled, so it comes again");
        }
    }

    async fn after_panic<H: HandleBatch>(
        &self,
        stream: &Stream,
        durable: &str,
        delivery: Delivery,
        panicked: &Panicked,
    ) {
        tracing::error!(consumer = H::NAME, attempt = delivery.attempt, error = %panicked, "panicked");
        if delivery.attempt >= PANICS {
            self.bury(stream, durable, delivery, &panicked.to_string())
                .await;
        } else {
            let failures = u32::try_from(delivery.attempt).unwrap_or(u32::MAX);
            let wait = Backoff::DEFAULT.jittered(failures);
            self.settle::<H>(stream, durable, delivery, Verdict::Later(wait))
                .await;
        }
    }
}

async fn run<H: HandleBatch>(
    handler: &mut H,
    payloads: Vec<H::Payload>,
    deliveries: &[Delivery],
) -> Result<Vec<Verdict>, Panicked> {
    let mut work = std::pin::pin!(contain(async move { handler.handle(payloads).await }));
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = tokio::time::sleep(PROGRESS) => {
                for delivery in deliveries {
                    delivery.progress().await;
                }
            }
        }
    }
}
