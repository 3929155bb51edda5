//! Looking: is the device as before, as planned, or neither; and is the timer on it.

use routeros::undo::{Plan, Snapshot};
use tod_proto::bus::task::{ConfigSnapshot, Report, Seen, SeenConfig};
use tod_proto::untrusted::Untrusted;

use super::{Change, StepError, guard, owner, read};
use crate::device::link::Link;
use crate::worker::Worker;

/// The most differences that are told.
const MAX_DIFFERENCES: usize = 50;

/// Looks at the device over a new connection, which shows that it can be reached at all.
pub(super) async fn look(
    worker: &mut Worker,
    change: Change,
    before: &ConfigSnapshot,
    script: &str,
    undo_script: Option<&str>,
) -> Result<Report, StepError> {
    let plan = read::plan_again(script, before)?;
    let link = worker.fresh_link().await?;
    owner::check(link, before.serial.as_deref(), change.deadline).await?;
    let seen = see(link, change, &plan, script, undo_script).await?;
    Ok(Report::Seen(seen))
}

/// Takes the timer off, if the device is as planned or as before, and looks again.
///
/// When it is neither, the timer is the only way back and stays.
pub(super) async fn disarm(
    worker: &mut Worker,
    change: Change,
    before: &ConfigSnapshot,
    script: &str,
) -> Result<Report, StepError> {
    let plan = read::plan_again(script, before)?;
    let link = worker.link().await?;
    owner::check(link, before.serial.as_deref(), change.deadline).await?;
    let seen = see(link, change, &plan, script, None).await?;
    if seen.config == SeenConfig::Neither || !seen.timer {
        return Ok(Report::Seen(seen));
    }
    if let Some(timer) = guard::find(link, change).await? {
        guard::remove(link, &timer, change)
            .await
            .map_err(StepError::after_changes)?;
    }
    let seen = see(link, change, &plan, script, None)
        .await
        .map_err(StepError::after_changes)?;
    Ok(Report::Seen(seen))
}

async fn see(
    link: &mut Link,
    change: Change,
    plan: &Plan,
    script: &str,
    undo_script: Option<&str>,
) -> Result<Seen, StepError> {
    let operations = read::operations(script)?;
    let timer = guard::find(link, change).await?;
    let now = read::menus(link, &operations, change.deadline).await?;
    let (config, differences) = compare(plan, &now);
    Ok(Seen {
        config,
        timer: timer.is_some(),
        timer_altered: timer
            .zip(undo_script)
            .is_some_and(|(timer, script)| !timer.holds(script)),
        differences,
    })
}

fn compare(plan: &Plan, now: &Snapshot) -> (SeenConfig, Vec<Untrusted>) {
    let from_after = plan.differs_from_after(now);
    let is_before = plan.differs_from_before(now).is_empty();
    let config = match (is_before, from_after.is_empty()) {
        (true, true) => SeenConfig::Same,
        (true, false) => SeenConfig::Before,
        (false, true) => SeenConfig::After,
        (false, false) => SeenConfig::Neither,
    };
    if config != SeenConfig::Neither {
        return (config, Vec::new());
    }
    let lines = from_after.iter().take(MAX_DIFFERENCES);
    (
        config,
        lines.map(|line| Untrusted::new(line.to_string())).collect(),
    )
}
