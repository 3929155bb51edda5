//! One step of a change of a device's configuration.
//!
//! | step | connection | changes the device |
//! |---|---|---|
//! | prepare | kept | no |
//! | arm | kept | puts the timer on it |
//! | apply | kept | sends the operations |
//! | verify, read back | new | no |
//! | disarm | kept, or new | takes the timer off, if that leaves no change without one |
//! | revert | kept, or new | lets the timer run out now |
//!
//! **Invariant:** each step may come twice; the second time it changes nothing. A timer that holds
//! another script than the one that was put there is never relied on: nothing is sent under it.

use tod_proto::bus::task::{PushStep, Report, TaskFailure};
use tod_proto::error::ErrorCode;
use tod_proto::id::ChangeId;
use tod_proto::untrusted::Untrusted;
use tokio::time::Instant;

use crate::device::error::LinkError;
use crate::task;
use crate::worker::Worker;

mod apply;
mod guard;
mod owner;
mod prepare;
mod read;
mod verify;

/// What a worker remembers of the change that it works on. It is a help and not the truth: after a
/// restart it is empty, and the device is asked.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    change: ChangeId,
    /// When the timer was put on the device, and for how long, if that was us.
    armed: Option<(Instant, std::time::Duration)>,
    /// Whether operations have been sent.
    has_sent: bool,
}

impl Memory {
    /// Whether it is of this change.
    pub fn is_of(&self, change: ChangeId) -> bool {
        self.change == change
    }
}

/// Why a step could not be done.
#[derive(Debug)]
enum StepError {
    /// The device cannot be talked to.
    Link {
        error: LinkError,
        may_have_changed: bool,
    },
    /// It was talked to, and it cannot be.
    Refused(TaskFailure),
    /// It was talked to and is as it was found, without a timer of ours.
    Untouched(TaskFailure),
    /// It keeps another timer than the one that it was given.
    Altered(TaskFailure),
}

impl From<LinkError> for StepError {
    fn from(error: LinkError) -> Self {
        Self::Link {
            error,
            may_have_changed: false,
        }
    }
}

impl StepError {
    /// A refusal before anything was changed.
    fn refused(code: ErrorCode, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self::Refused(TaskFailure {
            code,
            message: Untrusted::new(message),
            hint: hint.map(str::to_owned),
            may_have_changed: false,
        })
    }

    /// The same, when the device may have been changed before.
    fn after_changes(self) -> Self {
        match self {
            Self::Link { error, .. } => Self::Link {
                error,
                may_have_changed: true,
            },
            Self::Refused(failure) | Self::Untouched(failure) => Self::Refused(TaskFailure {
                may_have_changed: true,
                ..failure
            }),
            Self::Altered(failure) => Self::Altered(failure),
        }
    }
}

/// A change, as a step of it sees it.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The change.
    pub id: ChangeId,
    /// Its number, which names what is on the device.
    pub number: u64,
    /// When the answer is of no use any more.
    pub deadline: Instant,
}

/// Does a step.
pub async fn perform(worker: &mut Worker, change: Change, step: PushStep) -> Report {
    let was_open = worker.has_link();
    let first = attempt(worker, change, &step).await;
    let result = match first {
        // The kept session turned out to be dead before anything was sent on it.
        Err(StepError::Link {
            error,
            may_have_changed: false,
        }) if was_open && error.is_closed() => {
            worker.drop_link();
            attempt(worker, change, &step).await
        }
        result => result,
    };
    match result {
        Ok(report) => report,
        Err(StepError::Refused(failure)) => Report::Failed(failure),
        Err(StepError::Untouched(failure)) => Report::Untouched(failure),
        Err(StepError::Altered(failure)) => Report::Altered(failure),
        Err(StepError::Link {
            error,
            may_have_changed,
        }) => {
            worker.failed(&error);
            if may_have_changed {
                task::lost(&error)
            } else {
                task::unreachable(&error, false)
            }
        }
    }
}

async fn attempt(
    worker: &mut Worker,
    change: Change,
    step: &PushStep,
) -> Result<Report, StepError> {
    match step {
        PushStep::Prepare { script } => prepare::run(worker, change, script).await,
        PushStep::Arm {
            undo_script,
            window_seconds,
            serial,
        } => {
            let link = worker.link().await?;
            owner::check(link, serial.as_deref(), change.deadline).await?;
            guard::arm(worker, change, undo_script, *window_seconds).await
        }
        PushStep::Apply {
            script,
            before,
            guard,
            undo_script,
        } => {
            let wanted = apply::Wanted {
                script,
                before,
                guard: *guard,
                undo_script: undo_script.as_deref(),
            };
            apply::run(worker, change, wanted).await
        }
        PushStep::Verify {
            before,
            script,
            undo_script,
        }
        | PushStep::ReadBack {
            before,
            script,
            undo_script,
        } => verify::look(worker, change, before, script, undo_script.as_deref()).await,
        PushStep::Disarm { before, script } => verify::disarm(worker, change, before, script).await,
        PushStep::Revert => guard::trigger(worker, change).await,
    }
}
