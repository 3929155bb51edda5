//! Background work that brings what is to what should be.
//!
//! A reconciler takes no input. It looks at the world, does what is missing and reports. It runs on
//! a period, and at once when somebody pokes it; since it is told nothing, a lost poke costs time
//! and never correctness. Retries are not written: the next run is the retry.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::supervisor::contain;

/// Idempotent background work.
pub trait Reconcile: Send + 'static {
    /// Names it in logs and in the status.
    const NAME: &'static str;
    /// How often it runs when nobody pokes it.
    const EVERY: Duration;

    /// Does what is missing. Returns how much that was.
    fn run(&mut self) -> impl Future<Output = anyhow::Result<usize>> + Send;
}

/// Makes a reconciler run soon. Cheap to clone.
///
/// A `watch` and not a `Notify`: a second `notify_one` that comes before the woken task has run
/// leaves a permit behind, and so makes a second run.
#[derive(Clone, Debug, Default)]
pub struct Poke(watch::Sender<()>);

impl Poke {
    /// Asks for a run. Many pokes before a run make one run.
    pub fn poke(&self) {
        self.0.send_replace(());
    }
}

/// What a reconciler did lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobStatus {
    /// How often it ran.
    pub runs: u64,
    /// How many of those failed or panicked.
    pub failures: u64,
    /// How many in a row failed up to now.
    pub failing: u32,
    /// What it changed over all runs.
    pub changed: u64,
    /// When the last run began.
    pub last_start: Option<Timestamp>,
    /// When it last ended well.
    pub last_success: Option<Timestamp>,
    /// How long the last run took, in milliseconds.
    pub last_took_ms: u64,
    /// What the last run failed with; nothing when it went well.
    pub last_error: Option<String>,
}

/// The status of all reconcilers of a process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Board {
    clock: Clock,
    jobs: Arc<Mutex<BTreeMap<&'static str, JobStatus>>>,
}

impl Board {
    /// An empty board that takes the time from `clock`.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            jobs: Arc::default(),
        }
    }

    /// The status of every reconciler that has started, by name.
    pub fn all(&self) -> BTreeMap<&'static str, JobStatus> {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, name: &'static str, change: impl FnOnce(&mut JobStatus)) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        change(jobs.entry(name).or_default());
    }
}

/// Runs `work` until `stop`: at once, then on its period with up to a tenth of jitter, and when
/// poked. A run that has begun is finished.
pub async fn drive<R: Reconcile>(mut work: R, poke: &Poke, board: &Board, stop: CancellationToken) {
    let mut poked = poke.0.subscribe();
    let mut due = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Ok(()) = poked.changed() => {}
            () = tokio::time::sleep_until(due) => {}
        }
        poked.mark_unchanged();
        run_once(&mut work, board).await;
        due = Instant::now() + R::EVERY.mul_f64(rand::random_range(0.9..=1.0));
    }
}

async fn run_once<R: Reconcile>(work: &mut R, board: &Board) {
    let (start, begun) = (board.clock.now(), Instant::now());
    board.note(R::NAME, |job| job.last_start = Some(start));
    let result = contain(work.run())
        .await
        .unwrap_or_else(|panicked| Err(panicked.into()));
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = match result {
        Ok(changed) => {
            if changed == 0 {
                tracing::trace!(job = R::NAME, "nothing to do");
            } else {
                tracing::debug!(job = R::NAME, changed, took_ms = took, "reconciled");
            }
            let now = board.clock.now();
            board.note(R::NAME, |job| {
                job.failing = 0;
                job.changed = job.changed.saturating_add(changed as u64);
                job.last_success = Some(now);
            });
            None
        }
        Err(error) => Some(format!("{error:#}")),
    };
    board.note(R::NAME, |job| {
        job.runs += 1;
        job.last_took_ms = took;
        if error.is_some() {
            job.failures += 1;
            job.failing = job.failing.saturating_add(1);
        }
        job.last_error.clone_from(&error);
    });
    if let Some(error) = error {
        tracing::warn!(
            job = R::NAME,
            error,
            "a run failed, the next one tries again"
        );
    }
}

#[cfg(test)]
mod tests;
