//! Performs what a change needs next, and feeds the result back.
//!
//! One worker for each change, over all servers: it holds the row, and lets go when its server
//! stops. What it does is read from the row each time, so it can die between any two lines.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::FleetNotice;
use tod_proto::bus::task::{ConfigSnapshot, Prepared, PushStep, Report, TaskFailure, What};
use tod_proto::id::{ChangeId, TenantId};
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

use super::model::{Event, Plan, Sight, StepKind};
use super::store::{self, Record};
use super::transition::{By, Happened, transition};
use crate::api::App;
use crate::api::error::Error;
use crate::ask::{Unanswered, ask};
use crate::audit;
use crate::fleet::told;
use crate::kms::Keyring;

/// For how long a worker that says nothing is believed to be at work.
const ALIVE: Duration = Duration::from_secs(15);
/// How often it says so.
const SIGN_OF_LIFE: Duration = Duration::from_secs(4);
/// How often the row is looked at although nothing was told.
const LOOK: Duration = Duration::from_millis(500);

/// Works on a change beside requests, unless another worker does.
pub fn spawn(app: &App, tenant: TenantId, change: ChangeId, number: u64) {
    let app = app.clone();
    let supervisor = app.supervisor.clone();
    supervisor.spawn_job(format!("change c-{number}"), async move {
        let worker = Worker {
            app,
            tenant,
            change,
            number,
            me: Uuid::now_v7(),
        };
        if let Err(error) = worker.run().await {
            // The row is the truth: the reconciler starts another worker.
            tracing::warn!(change = number, %error, "the worker of a change gives up for now");
        }
    });
}

struct Worker {
    app: App,
    tenant: TenantId,
    change: ChangeId,
    number: u64,
    me: Uuid,
}

impl Worker {
    async fn run(&self) -> Result<(), Error> {
        let mut notices = self.app.fleet.follow(self.tenant);
        if !self.claim().await? {
            return Ok(());
        }
        let stop = self.app.supervisor.stop();
        let ended = tokio::select! {
            ended = self.work(&mut notices) => ended,
            ended = self.keep() => ended,
            () = stop.cancelled() => Ok(()),
        };
        let mut tx = self.app.db.tenant(self.tenant).await?;
        store::disclaim(&mut tx, self.change, self.me).await?;
        tx.commit().await?;
        ended
    }

    async fn claim(&self) -> Result<bool, Error> {
        let now = self.app.clock.now();
        let mut tx = self.app.db.tenant(self.tenant).await?;
        let until = later(now, ALIVE);
        let claimed = store::claim(&mut tx, self.change, self.me, now, until).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Ends when the row is not ours any more.
    async fn keep(&self) -> Result<(), Error> {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE).await;
            if !self.claim().await? {
                return Ok(());
            }
        }
    }

    fn keys(&self) -> Keyring<'_> {
        let now = self.app.clock.now();
        self.app.kms.keyring(audit::TOD, "change.work", now)
    }

    async fn work(&self, notices: &mut Receiver<FleetNotice>) -> Result<(), Error> {
        let mut is_first = true;
        loop {
            self.app.kms.warm(&self.app.db, self.tenant).await;
            let mut tx = self.app.db.tenant(self.tenant).await?;
            let record = store::find(&self.keys(), &mut tx, self.number).await?;
            tx.commit().await?;
            let Some(record) = record.filter(|record| !record.push.state.is_final()) else {
                return Ok(());
            };
            let now = self.app.clock.now();
            // What another worker was doing may be done, although nothing says so.
            let taken_over = record.push.turn > 0 && record.push.asking.is_some();
            if std::mem::take(&mut is_first) && taken_over {
                self.feed(&record, Event::Resumed, None).await?;
                continue;
            }
            if record.push.is_overdue(now) {
                self.feed(&record, Event::Due, None).await?;
                continue;
            }
            match record
                .push
                .asking
                .filter(|_| record.push.wake_at.is_none_or(|at| at <= now))
            {
                Some(step) => {
                    let (event, plan) = self.perform(&record, step, now).await?;
                    self.feed(&record, event, plan).await?;
                }
                None => self.wait(notices).await,
            }
        }
    }

    async fn feed(
        &self,
        record: &Record,
        event: Event,
        plan: Option<Prepared>,
    ) -> Result<(), Error> {
        let turn = Some(record.push.turn);
        let happened = Happened {
            event,
            by: By::TOD,
            turn,
            plan,
        };
        transition(&self.app, self.tenant, record, happened).await?;
        Ok(())
    }

    /// Until something is told about this change, or for a short while.
    async fn wait(&self, notices: &mut Receiver<FleetNotice>) {
        let number = self.number;
        let about_us = move |notice: &FleetNotice| matches!(notice, FleetNotice::Change { number: told, .. } if *told == number);
        told(notices, LOOK, about_us).await;
    }

    async fn perform(
        &self,
        record: &Record,
        step: StepKind,
        now: Timestamp,
    ) -> Result<(Event, Option<Prepared>), Error> {
        let mut tx = self.app.db.tenant(self.tenant).await?;
        let before = store::before(&self.keys(), &mut tx, record.id).await?;
        tx.commit().await?;
        let what = What::Push {
            change: record.id,
            number: record.number,
            step: Box::new(push_step(record, step, before)),
        };
        let deadline = deadline(record, step, now);
        let report = ask(&self.app, self.tenant, record.device, what, deadline).await;
        Ok(event(report))
    }
}

fn push_step(record: &Record, step: StepKind, before: ConfigSnapshot) -> PushStep {
    let script = record.secret.script.clone();
    let undo_script = record.secret.undo_script.clone();
    match step {
        StepKind::Prepare => PushStep::Prepare { script },
        StepKind::Arm => PushStep::Arm {
            undo_script: undo_script.unwrap_or_default(),
            window_seconds: record.push.wanted.window_seconds,
            serial: before.serial,
        },
        StepKind::Apply => {
            let guard = record.push.guard.unwrap_or(GuardKind::Undo);
            PushStep::Apply {
                script,
                before,
                guard,
                undo_script,
            }
        }
        StepKind::Verify => PushStep::Verify {
            before,
            script,
            undo_script,
        },
        StepKind::Disarm => PushStep::Disarm { before, script },
        StepKind::Revert => PushStep::Revert,
        StepKind::ReadBack => PushStep::ReadBack {
            before,
            script,
            undo_script,
        },
    }
}

/// How long a step may take: what is sent must be done with before the device's timer fires.
fn deadline(record: &Record, step: StepKind, now: Timestamp) -> Duration {
    let left = record
        .push
        .reverts_at
        .filter(|_| record.push.guard == Some(GuardKind::Undo));
    let left = left.map_or(Duration::MAX, |at| {
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    });
    let seconds = |most: u64, spare: u64| {
        Duration::from_secs(left.as_secs().saturating_sub(spare).clamp(5, most))
    };
    match step {
        StepKind::Prepare => Duration::from_mins(1),
        StepKind::Arm => Duration::from_secs(30),
        StepKind::Apply => seconds(300, 5),
        StepKind::Verify => seconds(30, 2),
        StepKind::Disarm => seconds(20, 0),
        StepKind::Revert | StepKind::ReadBack => Duration::from_secs(20),
    }
}

fn event(report: Result<Report, Unanswered>) -> (Event, Option<Prepared>) {
    let event = match report {
        Ok(Report::Prepared(prepared)) => {
            let plan = Plan {
                guard: prepared.guard,
                no_guard_because: prepared.no_guard_because.as_ref().map(ToString::to_string),
                is_empty: prepared.diff.is_empty(),
            };
            return (Event::Prepared(plan), Some(*prepared));
        }
        Ok(Report::Armed) => Event::Armed,
        Ok(Report::Applied) => Event::Applied,
        Ok(Report::Reverting) => Event::Undoing,
        Ok(Report::Seen(seen)) => {
            let differences: Vec<String> = seen
                .differences
                .iter()
                .take(5)
                .map(ToString::to_string)
                .collect();
            Event::Seen(Sight {
                config: seen.config,
                timer: seen.timer,
                timer_altered: seen.timer_altered,
                differences: differences.join("; "),
            })
        }
        Ok(Report::Untouched(failure)) => Event::Untouched {
            message: in_words(&failure),
        },
        Ok(Report::Altered(failure)) => Event::Altered {
            message: in_words(&failure),
        },
        Ok(Report::Failed(failure)) => Event::Failed {
            message: in_words(&failure),
            may_have_changed: failure.may_have_changed,
        },
        Ok(Report::Command { .. } | Report::Polling | Report::Dialling) => Event::Failed {
            message: "the poller answered another question".to_owned(),
            may_have_changed: true,
        },
        Err(Unanswered { message, sent, .. }) => Event::Lost { message, sent },
    };
    (event, None)
}

fn in_words(failure: &TaskFailure) -> String {
    match &failure.hint {
        Some(hint) => format!("{} ({hint})", failure.message),
        None => failure.message.to_string(),
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
