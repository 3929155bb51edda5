//! Owns every task and stops them in order.
//!
//! A task started with [`Supervisor::spawn`] is meant to run until the stop. When one ends, fails
//! or panics before that, the whole service stops and reports failure: better started anew by the
//! init system than half alive. Work that is meant to end goes through [`Supervisor::spawn_job`].

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a service stopped by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A task that should have run until the stop did not.
    #[error("`{task}` {how}")]
    Task {
        /// Its name.
        task: String,
        /// What it did, as a phrase.
        how: String,
    },
    /// Tasks were still running when the time to stop was over.
    #[error("{tasks} tasks did not stop in time")]
    Stuck {
        /// How many.
        tasks: usize,
    },
}

/// A panic that was kept from spreading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(pub String);

/// Starts tasks and stops them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Supervisor(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    failure: Mutex<Option<Failure>>,
}

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Is cancelled when everything should finish what it is doing and end.
    pub fn stop(&self) -> CancellationToken {
        self.0.soft.child_token()
    }

    /// Is cancelled when there is no more time to finish anything.
    pub fn hard_stop(&self) -> CancellationToken {
        self.0.hard.child_token()
    }

    /// Asks everything to end.
    pub fn ask_to_stop(&self) {
        self.0.soft.cancel();
    }

    /// Ends everything at once: tasks are dropped where they wait.
    pub fn kill(&self) {
        self.0.soft.cancel();
        self.0.hard.cancel();
    }

    /// Starts a task that runs until the stop. Anything else it does stops the service.
    pub fn spawn<F, E>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        let (name, this) = (name.into(), self.clone());
        let hard = self.hard_stop();
        self.track(async move {
            let end = tokio::select! {
                biased;
                () = hard.cancelled() => return,
                end = contain(task) => end,
            };
            let how = match end {
                Ok(Ok(())) if this.0.soft.is_cancelled() => {
                    tracing::debug!(task = name, "stopped");
                    return;
                }
                Ok(Ok(())) => "ended before the stop".to_owned(),
                Ok(Err(error)) => format!("failed: {:#}", error.into()),
                Err(panicked) => panicked.to_string(),
            };
            tracing::error!(task = name, how, "a task ended that should run");
            this.fail(Failure::Task { task: name, how });
        });
    }

    /// Starts a task that may end when it is done. A panic is logged and goes no further.
    pub fn spawn_job<F>(&self, name: impl Into<String>, job: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (name, hard) = (name.into(), self.hard_stop());
        self.track(async move {
            tokio::select! {
                biased;
                () = hard.cancelled() => {}
                end = contain(job) => if let Err(panicked) = end {
                    tracing::error!(job = name, error = %panicked, "a job panicked");
                },
            }
        });
    }

    /// How many tasks and jobs are running.
    pub fn running(&self) -> usize {
        self.0.tasks.len()
    }

    /// Waits for `signal` or the failure of a task, asks everything to end, and gives it `grace`.
    pub async fn run_until(
        &self,
        signal: impl Future<Output = ()> + Send,
        grace: Duration,
    ) -> Result<(), Failure> {
        tokio::select! {
            () = signal => {}
            () = self.0.soft.cancelled() => {}
        }
        self.finish(grace).await
    }

    /// Asks everything to end, gives it `grace`, then ends what is left.
    pub async fn finish(&self, grace: Duration) -> Result<(), Failure> {
        self.ask_to_stop();
        self.0.tasks.close();
        let hard = self.hard_stop();
        let on_time = tokio::select! {
            done = tokio::time::timeout(grace, self.0.tasks.wait()) => done.is_ok(),
            () = hard.cancelled() => false,
        };
        if !on_time {
            let tasks = self.0.tasks.len();
            self.kill();
            self.0.tasks.wait().await;
            if tasks > 0 {
                self.fail(Failure::Stuck { tasks });
            }
        }
        let failure = self.0.failure.lock();
        failure
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .map_or(Ok(()), Err)
    }

    fn fail(&self, failure: Failure) {
        let mut first = self
            .0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
        drop(first);
        self.ask_to_stop();
    }

    fn track(&self, task: impl Future<Output = ()> + Send + 'static) {
        // The tracker is what waits for it.
        drop(self.0.tasks.spawn(task));
    }
}

/// Runs `work` and turns a panic in it into a value.
pub async fn contain<F: Future>(work: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|panic| Panicked(message(&*panic)))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

/// SIGTERM and SIGINT, remembered from when this was made.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the signals do not end the process by themselves.
    pub fn install() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self {
            terminate,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Runs `supervisor` until the first signal, and kills its tasks at the second.
    pub async fn run(&mut self, supervisor: &Supervisor, grace: Duration) -> Result<(), Failure> {
        tokio::select! {
            () = self.next() => tracing::info!("stopping"),
            () = supervisor.0.soft.cancelled() => {}
        }
        let finish = supervisor.finish(grace);
        let mut finish = std::pin::pin!(finish);
        loop {
            tokio::select! {
                end = &mut finish => return end,
                () = self.next() => {
                    tracing::warn!("stopping at once");
                    supervisor.kill();
                }
            }
        }
    }
}
