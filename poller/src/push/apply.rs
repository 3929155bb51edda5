//! Applying: the operations, one after the other, on a device that is as it was planned for.

use routeros::undo::{Plan, Step};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{ConfigSnapshot, Report, TaskFailure};
use tod_proto::error::ErrorCode;
use tod_proto::untrusted::Untrusted;
use tokio::time::Instant;

use super::{Change, Memory, StepError, guard, owner, read};
use crate::device::link::Link;
use crate::worker::Worker;

/// What is to be applied, and under which guard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The script.
    pub(super) script: &'a str,
    /// The configuration that it was planned for.
    pub(super) before: &'a ConfigSnapshot,
    /// What has been armed.
    pub(super) guard: GuardKind,
    /// What the timer must hold.
    pub(super) undo_script: Option<&'a str>,
}

/// Sends the operations, and stops at the first that the device refuses.
pub(super) async fn run(
    worker: &mut Worker,
    change: Change,
    wanted: Wanted<'_>,
) -> Result<Report, StepError> {
    let plan = read::plan_again(wanted.script, wanted.before)?;
    let operations = read::operations(wanted.script)?;
    let memory = worker.memory(change.id);
    let link = worker.link().await?;
    owner::check(link, wanted.before.serial.as_deref(), change.deadline).await?;
    let now = read::menus(link, &operations, change.deadline).await?;
    if !plan.differs_from_before(&now).is_empty() {
        if plan.differs_from_after(&now).is_empty() {
            // The step came twice.
            return Ok(Report::Applied);
        }
        let error = has_moved();
        let is_untouched = memory.is_some_and(|memory| memory.armed.is_some() && !memory.has_sent);
        return Err(if is_untouched {
            // Nothing of ours was sent, so our timer must not undo what others did.
            let_go(link, change, error).await
        } else {
            error.after_changes()
        });
    }
    // The rows may have other ids than when they were read.
    let fresh = read::plan(&operations, &now)?;
    let name = guard::name(change.number);
    if fresh.inverse(&name) != plan.inverse(&name) {
        return Err(let_go(link, change, has_moved()).await);
    }
    if wanted.guard == GuardKind::Undo {
        check_timer(link, change, memory, wanted.undo_script).await?;
    }
    worker.remember(Memory {
        change: change.id,
        armed: memory.and_then(|memory| memory.armed),
        has_sent: true,
    });
    let link = worker.link().await?;
    send(link, &fresh, change).await?;
    Ok(Report::Applied)
}

/// Looks whether the timer is there, is ours, and has time left. The device is as before.
async fn check_timer(
    link: &mut Link,
    change: Change,
    memory: Option<Memory>,
    undo_script: Option<&str>,
) -> Result<(), StepError> {
    let again = Some("try again");
    let Some(timer) = guard::find(link, change).await? else {
        let message = "the timer is not on the device any more, so nothing was sent";
        let error = StepError::refused(ErrorCode::Conflict, message, again);
        // If something was sent before, the timer has undone it.
        let has_sent = memory.is_some_and(|memory| memory.has_sent);
        return Err(if has_sent { error } else { untouched(error) });
    };
    if undo_script.is_some_and(|script| !timer.holds(script)) {
        return Err(guard::take_off_altered(link, &timer, change).await);
    }
    // With less than half of the time left, the timer might run out in the middle.
    let is_late = memory
        .and_then(|memory| memory.armed)
        .is_some_and(|(since, window)| {
            Instant::now().saturating_duration_since(since) > window / 2
        });
    if is_late {
        let message = "too much of the timer's time is gone to begin now";
        let error = StepError::refused(ErrorCode::Conflict, message, again);
        return Err(let_go(link, change, error).await);
    }
    Ok(())
}

/// The device is neither as planned for nor as planned: somebody else has changed it, or an attempt
/// was broken off.
fn has_moved() -> StepError {
    StepError::refused(
        ErrorCode::Conflict,
        "the device's configuration is not the one that the change was planned for",
        Some("somebody else may be changing the device: look, and plan anew"),
    )
}

/// Takes the timer off a device to which nothing was sent, and sees that it is gone.
async fn let_go(link: &mut Link, change: Change, error: StepError) -> StepError {
    let gone = async {
        if let Some(timer) = guard::find(link, change).await? {
            guard::remove(link, &timer, change).await?;
        }
        guard::find(link, change).await
    };
    match gone.await {
        Ok(None) => untouched(error),
        Ok(Some(_)) | Err(_) => error.after_changes(),
    }
}

fn untouched(error: StepError) -> StepError {
    match error {
        StepError::Refused(failure) => StepError::Untouched(failure),
        other => other,
    }
}

async fn send(link: &mut Link, plan: &Plan, change: Change) -> Result<(), StepError> {
    let steps = plan.steps();
    let mut added: Vec<Option<String>> = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let failed = |error: StepError| {
            if at == 0 {
                error
            } else {
                error.after_changes()
            }
        };
        let Some(command) = step.command(&added) else {
            return Err(failed(refusal(
                at,
                steps,
                "an item that it needs was not made",
            )));
        };
        // From here on the device may have done it even if no answer comes.
        let answer = read::ask_one(link, command, change.deadline)
            .await
            .map_err(StepError::after_changes)?;
        if let Some(trap) = &answer.trap {
            return Err(failed(refusal(at, steps, &trap.to_string())));
        }
        added.push(
            answer
                .ret
                .map(|ret| String::from_utf8_lossy(&ret).into_owned()),
        );
    }
    Ok(())
}

fn refusal(at: usize, steps: &[Step], why: &str) -> StepError {
    let place = steps
        .get(at)
        .map(|step| (step.position.line, step.menu.as_str()));
    let (line, menu) = place.unwrap_or_default();
    let message = format!("line {line}, {menu}: {why}");
    StepError::Refused(TaskFailure {
        code: ErrorCode::Invalid,
        message: Untrusted::new(message),
        hint: None,
        may_have_changed: false,
    })
}
