//! A poll: what is asked, and what becomes of the answers.

use std::time::Duration;

use routeros::capability::Capabilities;
use tod_proto::bus::sample::{Failure, Outcome, Sample};
use tod_proto::untrusted::{Untrusted, plain};
use tokio::time::Instant;

use super::Worker;
use crate::collect;
use crate::device::error::LinkError;
use crate::device::link::Answer;

impl Worker {
    /// Polls. A kept session that turns out to be dead is replaced once; nothing, if that has to
    /// wait for its turn.
    pub(super) async fn poll(&mut self) -> Option<Result<Polled, LinkError>> {
        let was_open = self.link.is_some();
        match self.poll_once().await {
            Err(error) if was_open && error.is_closed() => {
                self.link = None;
                if self.may_begin() {
                    Some(self.poll_once().await)
                } else {
                    None
                }
            }
            polled => Some(polled),
        }
    }

    async fn poll_once(&mut self) -> Result<Polled, LinkError> {
        let known = self.known.borrow().clone();
        let is_unknown = known.is_none();
        let known = known.unwrap_or_default();
        let mut commands = collect::commands_for(&known);
        let asked = commands.len();
        if is_unknown {
            // With the poll, so that it costs no round trip of its own.
            let account = &self.target.contact.username;
            commands.extend(Capabilities::questions(account));
        }
        let link = self.link().await?;
        let start = Instant::now();
        let mut answers = link.poll(&commands).await?;
        let took = start.elapsed();
        let about = answers.split_off(asked.min(answers.len()));
        if !about.is_empty() && about.iter().all(|answer| answer.failure.is_none()) {
            self.known.send_replace(Some(collect::capabilities(&about)));
        }
        let answers = collect::aligned(&known, answers);
        // Unless at least one answer is complete, there was no poll.
        let is_answered = answers.iter().any(|answer| answer.failure.is_none());
        let failure = answers.iter().find_map(|answer| answer.failure);
        match failure.filter(|_| !is_answered) {
            Some(failure) => Err(failure.into()),
            None => Ok(Polled { answers, took }),
        }
    }

    pub(super) fn settle(&mut self, polled: Result<Polled, LinkError>) {
        match polled {
            Ok(Polled { answers, took }) => {
                if self.machine.failures() > 0 {
                    let name = plain(&self.target.name);
                    tracing::info!(device.id = %self.target.device, "`{name}` answers again");
                }
                self.machine.answered(Instant::now().into_std());
                let mut seen = collect::observe(&answers);
                let version = seen.version.as_ref().map(Untrusted::raw);
                let uptime = seen.uptime_seconds.map(Duration::from_secs);
                self.known.send_modify(|known| {
                    if known
                        .as_mut()
                        .is_some_and(|known| known.is_outdated_by(version, uptime))
                    {
                        *known = None;
                    }
                });
                seen.tls_pin = unpinned(
                    self.first.certificate.as_ref(),
                    self.target.contact.tls_pin.as_ref(),
                );
                seen.ssh_pin = unpinned(
                    self.first.host_key.as_ref(),
                    self.target.contact.ssh_pin.as_ref(),
                );
                self.publish(took, Outcome::Answered(Box::new(seen)));
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Takes a failure into account: the session is of no use, and the next try may be later.
    pub fn failed(&mut self, error: &LinkError) {
        self.link = None;
        let was_fine = self.machine.failures() == 0;
        let now = Instant::now().into_std();
        let jitter = rand::random_range(0.0..=1.0);
        let wait = self.machine.failed(now, error.kind(), jitter);
        let name = plain(&self.target.name);
        if was_fine || self.machine.is_parked() {
            tracing::info!(device.id = %self.target.device, %error, "`{name}` does not answer");
        }
        let seconds = wait.map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX));
        let parked = if self.machine.is_parked() {
            "; nothing more is tried until its record changes"
        } else {
            ""
        };
        let failure = Failure {
            kind: error.kind(),
            message: Untrusted::new(format!("{error}{parked}")),
            failures: self.machine.failures(),
            retry_seconds: seconds,
        };
        self.publish(Duration::ZERO, Outcome::Failed(failure));
    }

    fn publish(&mut self, took: Duration, outcome: Outcome) {
        self.kit.spool.push(Sample {
            tenant: self.target.tenant,
            device: self.target.device,
            poller: self.kit.poller,
            fence: self.target.fence,
            at: self.kit.clock.now(),
            poll_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            logins: std::mem::take(&mut self.logins),
            outcome,
        });
    }
}

/// What was trusted at first use, as long as nothing is pinned.
fn unpinned(first: Option<&String>, pinned: Option<&String>) -> Option<String> {
    first.filter(|_| pinned.is_none()).cloned()
}

/// The answers of a poll, and how long they took.
pub(super) struct Polled {
    answers: Vec<Answer>,
    took: Duration,
}
