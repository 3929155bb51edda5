//! Reading menus, and snapshots of them on the wire.

use routeros::capability::Capabilities;
use routeros::command::Command;
use routeros::error::TrapKind;
use routeros::row::Row;
use routeros::script::operation::Operation;
use routeros::script::{self};
use routeros::text::escape;
use routeros::undo::{self, Plan, Snapshot};
use tod_proto::bus::task::{ConfigSnapshot, MenuSnapshot};
use tod_proto::error::ErrorCode;
use tokio::time::Instant;

use super::StepError;
use super::guard::PREFIX;
use crate::device::link::{Answer, Link};

/// The menu of timers, where ours lives.
pub(super) const SCHEDULER: &str = "/system/scheduler";
/// The most bytes of JSON that a snapshot may take, so that it fits a message with the rest.
const MAX_SNAPSHOT: usize = 600_000;

/// Sends commands and waits for their answers, within the deadline of the step.
pub(super) async fn ask(
    link: &mut Link,
    commands: &[Command],
    deadline: Instant,
) -> Result<Vec<Answer>, StepError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let answers = link.exchange(commands, link.budget(left)).await?;
    let failure = answers.iter().find_map(|answer| answer.failure);
    match failure {
        Some(failure) => Err(StepError::from(crate::device::error::LinkError::from(
            failure,
        ))),
        None => Ok(answers),
    }
}

/// Sends one command.
pub(super) async fn ask_one(
    link: &mut Link,
    command: Command,
    deadline: Instant,
) -> Result<Answer, StepError> {
    let mut answers = ask(link, &[command], deadline).await?;
    Ok(answers.pop().unwrap_or_default())
}

/// Reads a script as changes of configuration.
pub(super) fn operations(script: &str) -> Result<Vec<Operation>, StepError> {
    let parsed = script::parse(script.as_bytes()).and_then(|block| script::operations(&block));
    let operations = parsed.map_err(|error| {
        let hint = "a change adds, sets, removes, enables, disables or moves items";
        StepError::refused(ErrorCode::Invalid, error.to_string(), Some(hint))
    })?;
    if operations.is_empty() {
        let message = "the script changes nothing";
        return Err(StepError::refused(ErrorCode::Invalid, message, None));
    }
    Ok(operations)
}

/// The same before anything is planned: a menu that is to be changed must be there.
pub(super) async fn known_menus(
    link: &mut Link,
    operations: &[Operation],
    known: &Capabilities,
    deadline: Instant,
) -> Result<Snapshot, StepError> {
    let (snapshot, absent) = read_menus(link, operations, deadline).await?;
    let is_changed = |menu: &&String| operations.iter().any(|o| o.menu == **menu);
    let Some(menu) = absent.iter().find(is_changed) else {
        return Ok(snapshot);
    };
    let package = known.package_for(menu);
    let hint = package.map(|package| {
        format!("it comes with the package `{package}`, which is not installed or not enabled")
    });
    let message = format!("the device has no {}", escape(menu));
    Err(StepError::refused(
        ErrorCode::Incompatible,
        message,
        hint.as_deref(),
    ))
}

/// Reads the menus that operations touch, all with one write. One that is not there is empty.
pub(super) async fn menus(
    link: &mut Link,
    operations: &[Operation],
    deadline: Instant,
) -> Result<Snapshot, StepError> {
    let (snapshot, _) = read_menus(link, operations, deadline).await?;
    Ok(snapshot)
}

/// The menus, and those that are not there.
async fn read_menus(
    link: &mut Link,
    operations: &[Operation],
    deadline: Instant,
) -> Result<(Snapshot, Vec<String>), StepError> {
    let mut absent = Vec::new();
    let menus: Vec<String> = undo::menus_needed(operations).into_iter().collect();
    let commands: Vec<Command> = menus.iter().map(|menu| Command::print(menu)).collect();
    let answers = ask(link, &commands, deadline).await?;
    let mut snapshot = Snapshot::new();
    for (menu, answer) in menus.into_iter().zip(answers) {
        let rows = match &answer.trap {
            None => answer.rows.to_vec(),
            Some(trap) if trap.kind() == TrapKind::NoSuchCommand => {
                absent.push(menu.clone());
                Vec::new()
            }
            Some(trap) => {
                let message = format!("{menu} cannot be read: {trap}");
                return Err(StepError::refused(ErrorCode::Forbidden, message, None));
            }
        };
        let rows = rows.into_iter().filter(|row| !is_our_timer(&menu, row));
        let rows = rows.collect();
        snapshot.insert(menu, rows);
    }
    Ok((snapshot, absent))
}

/// Plans a change on the rows that were read.
pub(super) fn plan(operations: &[Operation], before: &Snapshot) -> Result<Plan, StepError> {
    undo::plan(operations, before).map_err(|error| {
        let message = escape(&error.to_string()).into_owned();
        StepError::refused(ErrorCode::Halted, message, None)
    })
}

/// The plan of a change whose script and configuration before are known.
pub(super) fn plan_again(script: &str, before: &ConfigSnapshot) -> Result<Plan, StepError> {
    plan(&operations(script)?, &from_wire(before)?)
}

/// Timers of ours come and go with changes and are no part of the configuration.
fn is_our_timer(menu: &str, row: &Row) -> bool {
    menu == SCHEDULER
        && row
            .raw("name")
            .is_some_and(|name| name.starts_with(PREFIX.as_bytes()))
}

/// A snapshot as it travels.
pub(super) fn to_wire(
    snapshot: &Snapshot,
    serial: Option<String>,
) -> Result<ConfigSnapshot, StepError> {
    let menus = snapshot.menus().map(|(path, rows)| MenuSnapshot {
        path: path.to_owned(),
        rows: rows.iter().map(row_to_wire).collect(),
    });
    let wire = ConfigSnapshot {
        menus: menus.collect(),
        serial,
    };
    let size = serde_json::to_vec(&wire).map_or(usize::MAX, |json| json.len());
    if size > MAX_SNAPSHOT {
        let message = "the menus that the change touches are too large to be guarded";
        let hint = "split the change by menu";
        return Err(StepError::refused(ErrorCode::Halted, message, Some(hint)));
    }
    Ok(wire)
}

fn row_to_wire(row: &Row) -> Vec<(String, String)> {
    row.iter()
        .map(|(name, value)| (name.to_owned(), hex::encode(value)))
        .collect()
}

fn from_wire(wire: &ConfigSnapshot) -> Result<Snapshot, StepError> {
    let mut snapshot = Snapshot::new();
    for menu in &wire.menus {
        let mut rows = Vec::with_capacity(menu.rows.len());
        for properties in &menu.rows {
            let mut row = Row::new();
            for (name, value) in properties {
                let value = hex::decode(value).map_err(|_| {
                    let message = "the configuration before the change is garbled";
                    StepError::refused(ErrorCode::Invalid, message, None)
                })?;
                row.push(name, value);
            }
            rows.push(row);
        }
        snapshot.insert(&menu.path, rows);
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_survives_the_wire_byte_for_byte() {
        let row = Row::new().with(".id", "*1").with("comment", b"B\xfcro\0");
        let snapshot = Snapshot::new().with("/ip/address", vec![row]);

        let wire = to_wire(&snapshot, None).unwrap();

        assert_eq!(from_wire(&wire).unwrap(), snapshot);
    }

    #[test]
    fn a_script_that_changes_nothing_is_refused() {
        for script in ["", "# remark", "/ip/address/print", "/system/reboot", "{"] {
            assert!(operations(script).is_err(), "{script}");
        }
        assert!(operations("/ip/address/add address=10.0.0.1/24 interface=ether1").is_ok());
    }
}
