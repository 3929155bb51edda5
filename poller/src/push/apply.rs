//! Applying: the operations, one after the other, on a device that is as it was planned for.

use routeros::undo::{Plan, Step};
use tod_proto::api::changes::GuardKind;
use tod_proto::bus::task::{ConfigSnapshot, Report, TaskFailure};
use tod_proto::error::ErrorCode;
use tod_proto::untrusted::Untrusted;
use tokio::time::Instant;

use super::{Change, Memory, StepError, guard, read};
use crate::device::link::Link;
use crate::worker::Worker;

/// Sends the operations, and stops at the first that the device refuses.
pub(super) async fn run(
    worker: &mut Worker,
    change: Change,
    script: &str,
    before: &ConfigSnapshot,
    guard: GuardKind,
) -> Result<Report, StepError> {
    let plan = read::plan_again(script, before)?;
    let operations = read::operations(script)?;
    let memory = worker.memory(change.id);
    let link = worker.link().await?;
    let now = read::menus(link, &operations, change.deadline).await?;
    if !plan.differs_from_before(&now).is_empty() {
        if plan.differs_from_after(&now).is_empty() {
            // The step came twice.
            return Ok(Report::Applied);
        }
        let is_untouched = memory.is_some_and(|memory| memory.armed.is_some() && !memory.has_sent);
        return Err(has_moved(link, change, is_untouched).await);
    }
    if guard == GuardKind::Undo {
        check_timer(link, change).await?;
        // With less than half of the time left, the timer might run out in the middle.
        let is_late = memory
            .and_then(|memory| memory.armed)
            .is_some_and(|(since, window)| {
                Instant::now().saturating_duration_since(since) > window / 2
            });
        if is_late {
            let message = "too much of the timer's time is gone to begin now";
            return Err(StepError::refused(
                ErrorCode::Conflict,
                message,
                Some("try again"),
            ));
        }
    }
    worker.remember(Memory {
        change: change.id,
        armed: memory.and_then(|memory| memory.armed),
        has_sent: true,
    });
    let link = worker.link().await?;
    send(link, &plan, change).await?;
    Ok(Report::Applied)
}

async fn check_timer(link: &mut Link, change: Change) -> Result<(), StepError> {
    if guard::find(link, change).await?.is_some() {
        return Ok(());
    }
    let message = "the timer is not on the device any more, so nothing was sent";
    Err(StepError::refused(
        ErrorCode::Conflict,
        message,
        Some("try again"),
    ))
}

/// The device is neither as planned for nor as planned: somebody else has changed it, or an attempt
/// was broken off.
async fn has_moved(link: &mut Link, change: Change, is_untouched: bool) -> StepError {
    let message = "the device's configuration is not the one that the change was planned for";
    let error = StepError::refused(
        ErrorCode::Conflict,
        message,
        Some("somebody else may be changing the device: look, and plan anew"),
    );
    if !is_untouched {
        return error.after_changes();
    }
    // Nothing of ours was sent, so our timer must not undo what others did.
    let removed = async {
        if let Some(timer) = guard::find(link, change).await? {
            guard::remove(link, &timer, change).await?;
        }
        Ok::<(), StepError>(())
    };
    match removed.await {
        Ok(()) => error,
        Err(_) => error.after_changes(),
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
