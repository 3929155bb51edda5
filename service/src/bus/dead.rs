//! Messages that will never go well, kept where people can look at them.

use serde::{Deserialize, Serialize};

use super::consume::Delivery;
use super::{Backend, Bus, BusError, DEAD, Stream, Verdict, decode};

/// How much of a payload is kept.
const KEPT: usize = 64 << 10;

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The stream it was on.
    pub stream: String,
    /// The consumer that gave it up.
    pub consumer: String,
    /// Its subject.
    pub subject: String,
    /// Its number in the stream.
    pub sequence: u64,
    /// How often it was tried.
    pub attempts: u64,
    /// Why it was given up.
    pub reason: String,
    /// What it said, as text; the beginning of it when it is long.
    pub payload: String,
}

impl Bus {
    /// How many messages were given up and are still kept.
    pub async fn dead_count(&self) -> Result<u64, BusError> {
        Ok(self.fill(&DEAD).await?.messages)
    }

    /// The latest messages that were given up, the newest first, at most `most`.
    pub async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>, BusError> {
        let payloads = match &self.backend {
            Backend::Local(local) => local.latest(&DEAD, most)?,
            Backend::Nats(nats) => nats.latest(&DEAD, most).await?,
        };
        payloads.iter().map(|payload| decode(payload)).collect()
    }

    pub(super) async fn bury(
        &self,
        stream: &Stream,
        consumer: &str,
        delivery: Delivery,
        reason: &str,
    ) {
        let (sequence, subject) = (
            delivery.sequence,
            delivery.subject.escape_debug().to_string(),
        );
        tracing::error!(consumer, subject, sequence, reason, "a message is given up");
        let kept = delivery.payload.get(..KEPT).unwrap_or(&delivery.payload);
        let letter = DeadLetter {
            stream: stream.name.to_owned(),
            consumer: consumer.to_owned(),
            subject,
            sequence,
            attempts: delivery.attempt,
            reason: reason.to_owned(),
            payload: String::from_utf8_lossy(kept).into_owned(),
        };
        let target = format!("{}.{}.{consumer}", DEAD.prefix, stream.name);
        let dedup = format!("{}/{consumer}/{sequence}", stream.name);
        let keep = *stream != DEAD && self.streams().contains(&DEAD);
        if keep && let Err(error) = self.publish(&target, &dedup, &letter).await {
            // It comes again, and is buried then.
            tracing::warn!(%error, "a dead letter could not be kept");
            return;
        }
        if let Err(error) = delivery.settle(Verdict::Never).await {
            tracing::debug!(%error, "not settled, so it comes again");
        }
    }
}
