//! Which device answers: an address may belong to another one by now, with the same password.

use routeros::command::Command;
use routeros::row::RowRef;
use routeros::text::escape;
use tod_proto::error::ErrorCode;
use tokio::time::Instant;

use super::{StepError, read};
use crate::device::link::Link;

/// The longest serial number that is remembered.
const MAX_SERIAL: usize = 64;

/// The serial number of the device, or of its licence where there is no board; nothing if it tells
/// neither.
pub(super) async fn serial(
    link: &mut Link,
    deadline: Instant,
) -> Result<Option<String>, StepError> {
    let commands = [
        Command::print("/system/routerboard").proplist(&["serial-number"]),
        Command::print("/system/license").proplist(&["system-id", "software-id"]),
    ];
    let answers = read::ask(link, &commands, deadline).await?;
    let rows = answers.iter().filter_map(|answer| answer.rows.first());
    let serial = rows.into_iter().find_map(|row| {
        let names = ["serial-number", "system-id", "software-id"];
        names.iter().find_map(|name| filled(&row, name))
    });
    Ok(serial)
}

fn filled(row: &RowRef<'_>, name: &str) -> Option<String> {
    let text = row.text(name).filter(|text| !text.is_empty())?;
    Some(text.chars().take(MAX_SERIAL).collect())
}

/// Refuses a device that is not the one that the change was planned for.
pub(super) async fn check(
    link: &mut Link,
    planned_for: Option<&str>,
    deadline: Instant,
) -> Result<(), StepError> {
    let Some(planned_for) = planned_for else {
        return Ok(());
    };
    let found = serial(link, deadline).await?;
    if found.as_deref() == Some(planned_for) {
        return Ok(());
    }
    let found = found.unwrap_or_else(|| "none".to_owned());
    let message = format!(
        "another device answers at this address: the change was planned for serial number {}, \
         this one has {}",
        escape(planned_for),
        escape(&found)
    );
    let hint = "look at which device has the address now";
    Err(StepError::refused(ErrorCode::Halted, message, Some(hint)))
}
