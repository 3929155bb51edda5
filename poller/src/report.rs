//! Samples to the bus, and a bounded buffer for when it is away.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tod_proto::bus::sample::{Outcome, Sample};
use tod_proto::bus::sampled;
use tod_service::backoff::Backoff;
use tod_service::bus::{Bus, BusError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many samples are published at once.
const AT_ONCE: usize = 64;
/// What a sample takes in memory beside its interfaces, about.
const BASE_BYTES: usize = 1_000;
/// What an interface takes, about.
const INTERFACE_BYTES: usize = 400;
/// How long the last samples may take at the end.
const LAST: Duration = Duration::from_secs(2);

/// Samples that wait to be published. The oldest go when there are too many. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_bytes: usize,
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    next: u64,
    dropped: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    bytes: usize,
    sample: Arc<Sample>,
}

impl Spool {
    /// An empty spool that holds about `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Shared {
            max_bytes,
            queue: Mutex::default(),
            news: Notify::new(),
        }))
    }

    /// Takes a sample; never waits.
    pub fn push(&self, sample: Sample) {
        let bytes = size(&sample);
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back(Waiting {
            number,
            bytes,
            sample: Arc::new(sample),
        });
        queue.bytes += bytes;
        while queue.bytes > self.0.max_bytes {
            let Some(oldest) = queue.waiting.pop_front() else {
                break;
            };
            queue.bytes -= oldest.bytes;
            queue.dropped += 1;
        }
        drop(queue);
        self.0.news.notify_one();
    }

    /// How many samples wait.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// How many samples were lost.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Publishes until `stop`, then what is left, within a short time.
    pub async fn drain(&self, bus: &Bus, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let pause = match self.publish_some(bus).await {
                Ok(0) => None,
                Ok(_) => {
                    failures = 0;
                    continue;
                }
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(%error, "samples wait for the bus");
                    }
                    Some(Backoff::DEFAULT.jittered(failures))
                }
            };
            let wake = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => self.0.news.notified().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = wake => {}
            }
        }
        let rest = async { while self.publish_some(bus).await.is_ok_and(|sent| sent > 0) {} };
        if tokio::time::timeout(LAST, rest).await.is_err() || self.waiting() > 0 {
            tracing::warn!(samples = self.waiting(), "samples are left behind");
        }
    }

    /// Publishes the oldest samples. Those that went are taken off; returns how many.
    async fn publish_some(&self, bus: &Bus) -> Result<usize, BusError> {
        let some: Vec<Waiting> = self.lock().waiting.iter().take(AT_ONCE).cloned().collect();
        let results: Vec<(u64, Result<(), BusError>)> = stream::iter(some)
            .map(|waiting| async move { (waiting.number, publish(bus, &waiting).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut sent = 0;
        let mut failed = None;
        for (number, result) in results {
            match result {
                Err(error) if error.is_unavailable() => failed = Some(error),
                Err(error) => {
                    tracing::error!(%error, "a sample cannot be published and is lost");
                    self.take(number);
                    self.lock().dropped += 1;
                    sent += 1;
                }
                Ok(()) => {
                    self.take(number);
                    sent += 1;
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(sent),
        }
    }

    fn take(&self, number: u64) {
        let mut queue = self.lock();
        let at = queue
            .waiting
            .iter()
            .position(|waiting| waiting.number == number);
        if let Some(waiting) = at.and_then(|at| queue.waiting.remove(at)) {
            queue.bytes -= waiting.bytes;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn publish(bus: &Bus, waiting: &Waiting) -> Result<(), BusError> {
    let sample = &*waiting.sample;
    let subject = sampled(sample.tenant, sample.device);
    let dedup = format!("{}-{}", sample.poller, waiting.number);
    match bus.publish(&subject, &dedup, sample).await {
        Err(BusError::TooLarge { .. }) => {
            bus.publish(&subject, &dedup, &without_interfaces(sample))
                .await
        }
        result => result,
    }
}

/// The sample without its largest part, which says so.
fn without_interfaces(sample: &Sample) -> Sample {
    let mut sample = sample.clone();
    if let Outcome::Answered(seen) = &mut sample.outcome {
        let count = seen.interfaces.take().map_or(0, |all| all.len());
        let why = format!("{count} interfaces are too many for one sample");
        seen.problems
            .push(("interfaces".to_owned(), why.as_str().into()));
    }
    sample
}

fn size(sample: &Sample) -> usize {
    let interfaces = match &sample.outcome {
        Outcome::Answered(seen) => seen.interfaces.as_ref().map_or(0, Vec::len),
        Outcome::Failed(_) => 0,
    };
    BASE_BYTES + interfaces * INTERFACE_BYTES
}

#[cfg(test)]
mod tests;
