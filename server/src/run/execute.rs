//! Carries a run out: asks devices, several at a time, and stores what they answer.

use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tod_proto::api::runs::{ResultStatus, Run};
use tod_proto::bus::FleetNotice;
use tod_proto::bus::task::{Report, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::{RunId, TenantId};

use super::command::{Command, Kind};
use super::store::{self, Outcome, Target};
use crate::api::App;
use crate::api::error::Error;
use crate::ask::ask;
use crate::event::{self, NewEvent};

/// For how long a worker that says nothing is believed to be at work.
const ALIVE: Duration = Duration::from_secs(30);
/// How often it says so.
const SIGN_OF_LIFE: Duration = Duration::from_secs(8);

/// A run to carry out. The words of the command live here only.
#[derive(Debug)]
pub struct Job {
    /// Whose it is.
    pub tenant: TenantId,
    /// The run.
    pub run: RunId,
    /// Its number.
    pub number: u64,
    /// What to ask.
    pub command: Command,
    /// Whom, with the state that each was in at the start.
    pub targets: Vec<(Target, State)>,
    /// How many at the same time.
    pub parallel: usize,
    /// How long each may take.
    pub timeout: Duration,
}

/// Whether a device can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It can.
    Reachable,
    /// It does not answer.
    Offline,
    /// Another device answers at its address: it is read from, and not written to.
    Another,
}

/// Until when a worker that speaks at `now` is believed.
pub fn alive_until(now: Timestamp) -> Timestamp {
    let alive = SignedDuration::try_from(ALIVE).unwrap_or(SignedDuration::MAX);
    now.saturating_add(alive).unwrap_or(Timestamp::MAX)
}

/// Carries `job` out beside requests.
pub fn spawn(app: &App, job: Job) {
    let app = app.clone();
    let supervisor = app.supervisor.clone();
    supervisor.spawn_job(format!("run r-{}", job.number), async move {
        let signs = async {
            loop {
                tokio::time::sleep(SIGN_OF_LIFE).await;
                if let Err(error) = sign_of_life(&app, &job).await {
                    tracing::warn!(%error, "a run does not say that it lives");
                }
            }
        };
        tokio::select! {
            () = carry_out(&app, &job) => {}
            () = signs => {}
        }
    });
}

async fn sign_of_life(app: &App, job: &Job) -> Result<(), Error> {
    let mut tx = app.db.tenant(job.tenant).await?;
    store::renew(&mut tx, job.tenant, job.run, alive_until(app.clock.now())).await?;
    tx.commit().await
}

async fn carry_out(app: &App, job: &Job) {
    futures_util::stream::iter(&job.targets)
        .for_each_concurrent(job.parallel, async |(target, state)| {
            if let Err(error) = one(app, job, target, *state).await {
                // It stays open, and the reconciler ends it when this worker is gone.
                tracing::warn!(device.id = %target.device, %error, "a result is not stored");
            }
        })
        .await;
    if let Err(error) = finish(app, job.tenant, job.run).await {
        tracing::warn!(run = job.number, %error, "the end of a run is not stored");
    }
}

async fn one(app: &App, job: &Job, target: &Target, state: State) -> Result<(), Error> {
    let outcome = if app.stopping.is_cancelled() || app.supervisor.stop().is_cancelled() {
        Outcome::skipped(ErrorCode::Unavailable, "the server was stopping")
    } else if state == State::Offline {
        Outcome::skipped(ErrorCode::DeviceUnreachable, "the device is offline")
    } else if state == State::Another && job.command.kind != Kind::Read {
        let why = "another device answers at its address; see todctl device show";
        Outcome::skipped(ErrorCode::Halted, why)
    } else {
        let mut tx = app.db.tenant(job.tenant).await?;
        let open = store::mark_asked(&mut tx, job.run, target.device, app.clock.now()).await?;
        tx.commit().await?;
        if !open {
            return Ok(());
        }
        let what = What::Command {
            command: job.command.path.clone(),
            arguments: job.command.words.clone(),
        };
        match ask(app, job.tenant, target.device, what, job.timeout).await {
            Ok(report) => answered(report),
            Err(error) if error.sent => Outcome::failed(error.code, error.message),
            Err(error) => Outcome::skipped(error.code, error.message),
        }
    };
    let mut tx = app.db.tenant(job.tenant).await?;
    let device = target.device;
    let fresh = store::finish_one(&app.kms, &mut tx, job.tenant, job.run, device, &outcome).await?;
    tx.commit().await?;
    if fresh {
        app.tell(&FleetNotice::Run {
            tenant: job.tenant,
            number: job.number,
        })
        .await;
    }
    Ok(())
}

fn answered(report: Report) -> Outcome {
    match report {
        Report::Command {
            rows,
            ret,
            truncated,
            duration_ms,
        } => Outcome {
            status: ResultStatus::Ok,
            code: None,
            message: None,
            rows,
            ret: ret.map(|ret| ret.raw().to_owned()),
            truncated,
            duration_ms,
        },
        Report::Failed(failure) => {
            let mut message = failure.message.raw().to_owned();
            if let Some(hint) = failure.hint {
                message = format!("{message} ({hint})");
            }
            Outcome::failed(failure.code, message)
        }
        Report::Polling
        | Report::Prepared(_)
        | Report::Armed
        | Report::Applied
        | Report::Untouched(_)
        | Report::Altered(_)
        | Report::Reverting
        | Report::Seen(_)
        | Report::Dialling => {
            Outcome::failed(ErrorCode::Internal, "the poller answered another question")
        }
    }
}

/// Ends a run when all its devices are done, and tells.
pub async fn finish(app: &App, tenant: TenantId, run: RunId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.tenant(tenant).await?;
    let ended = store::finish(&mut tx, tenant, run, now).await?;
    if let Some(run) = &ended {
        event::record(&mut tx, tenant, now, &[end_event(run)]).await?;
    }
    tx.commit().await?;
    if let Some(run) = ended {
        app.tell(&FleetNotice::Run {
            tenant,
            number: run.number,
        })
        .await;
        app.tell(&FleetNotice::Events { tenant }).await;
    }
    Ok(())
}

fn end_event(run: &Run) -> NewEvent {
    let Run {
        number,
        command,
        ok,
        failed,
        skipped,
        ..
    } = run;
    NewEvent {
        kind: "run.finished",
        from: Some("running".to_owned()),
        to: Some("finished".to_owned()),
        message: format!("r-{number} `{command}`: {ok} ok, {failed} failed, {skipped} skipped"),
        actor: Some(run.actor.clone()),
        ..NewEvent::default()
    }
}
