//! The undo timer: a scheduler entry that holds the inverse script and removes itself.

use std::time::Duration;

use routeros::capability::Capabilities;
use routeros::command::Command;
use routeros::error::TrapKind;
use routeros::row::Row;
use routeros::text::escape;
use routeros::value::format_duration;
use tod_proto::bus::task::{Report, TaskFailure};
use tod_proto::error::ErrorCode;
use tod_proto::untrusted::Untrusted;
use tokio::time::Instant;

use super::super::prepare::another_is_armed;
use super::super::read::{self, SCHEDULER};
use super::super::{Change, Memory, StepError};
use super::{PREFIX, safe_mode, start};
use crate::device::link::{Answer, Link};
use crate::worker::Worker;

/// The policies that an inverse script may need. The entry gets those that the account has: it
/// cannot give more, and with less the script would fail in silence.
const POLICIES: &[&str] = &[
    "ftp",
    "reboot",
    "read",
    "write",
    "policy",
    "test",
    "password",
    "sniff",
    "sensitive",
    "romon",
];
/// What a scheduler entry must have to undo anything.
const NEEDED: &[&str] = &["read", "write", "policy"];
/// How soon a timer that is let run out does.
const SOON: Duration = Duration::from_secs(2);

/// An entry of ours on the device.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    id: String,
    row: Row,
}

impl Timer {
    fn new(row: Row) -> Option<Self> {
        let id = row.id()?.to_owned();
        Some(Self { id, row })
    }

    fn name(&self) -> String {
        self.row.text("name").unwrap_or_default().into_owned()
    }

    /// Whether it holds the script that the device was given.
    pub(crate) fn holds(&self, undo_script: &str) -> bool {
        self.row.raw("on-event") == Some(undo_script.as_bytes())
    }

    /// Whether it is what the device was given.
    fn is_as_given(&self, undo_script: &str, window: Duration) -> bool {
        self.holds(undo_script) && self.row.maybe::<Duration>("interval") == Ok(Some(window))
    }

    /// What keeps it from running.
    fn defect(&self) -> Option<String> {
        let row = &self.row;
        let notes = [".about", "about"].iter().filter_map(|name| row.text(name));
        for note in notes {
            if note.contains("inactivated") || note.contains("not allowed") {
                return Some(escape(&note).into_owned());
            }
        }
        if row.flag("disabled") {
            return Some("it is disabled".to_owned());
        }
        if row.raw("next-run").is_none_or(<[u8]>::is_empty) {
            return Some("it has no time to run".to_owned());
        }
        None
    }
}

/// The name of the timer of a change.
pub(crate) fn name(number: u64) -> String {
    format!("{PREFIX}c{number}")
}

/// The timer of a change, if it is on the device. Other timers of ours are refused.
pub(crate) async fn find(link: &mut Link, change: Change) -> Result<Option<Timer>, StepError> {
    let answer = read::ask_one(link, print(), change.deadline).await?;
    let timers = timers(&answer)?;
    let ours = name(change.number);
    Ok(timers.into_iter().find(|timer| timer.name() == ours))
}

/// What keeps the device from guarding itself. Changes nothing.
pub(crate) async fn obstacle(
    link: &mut Link,
    known: &Capabilities,
    change: Change,
) -> Result<Option<String>, StepError> {
    let answer = read::ask_one(link, print(), change.deadline).await?;
    if let Some(trap) = &answer.trap {
        return Ok(Some(format!("timers cannot be read: {trap}")));
    }
    if let Some(other) = timers(&answer)?.first() {
        return Err(another_is_armed(&escape(&other.name())));
    }
    let held = policies(known);
    let missing = NEEDED.iter().find(|policy| !held.contains(policy));
    Ok(if known.is_flagged() {
        Some("the device is flagged, which blocks its scheduler".to_owned())
    } else if !known.allows("scheduler") {
        let why = "device-mode forbids the scheduler: allow it with /system/device-mode/update";
        Some(why.to_owned())
    } else {
        missing.map(|policy| format!("the account lacks the policy `{policy}`"))
    })
}

/// Puts the timer on the device and reads it back.
pub(crate) async fn arm(
    worker: &mut Worker,
    change: Change,
    undo_script: &str,
    window_seconds: u32,
) -> Result<Report, StepError> {
    let window = Duration::from_secs(window_seconds.into());
    let held = policies(&worker.capabilities(change.deadline).await?);
    let link = worker.link().await?;
    if let Some(timer) = find(link, change).await? {
        // The step came twice. What is not as given may be of another installation.
        return if timer.is_as_given(undo_script, window) && timer.defect().is_none() {
            Ok(Report::Armed)
        } else {
            Err(another_is_armed(&escape(&timer.name())))
        };
    }
    let comment = format!("tod: undoes c-{} unless confirmed", change.number);
    let add = Command::new(format!("{SCHEDULER}/add"))
        .attribute("name", name(change.number))
        .attribute("interval", format_duration(window))
        .attribute("policy", held.join(","))
        .attribute("comment", comment)
        .attribute("on-event", undo_script);
    let clock = start::clock(link, change).await?;
    let start = Instant::now();
    add_timer(link, add, clock.map(|clock| clock.start(window)), change).await?;
    let timer = find(link, change).await.map_err(StepError::after_changes)?;
    let Some(timer) = timer else {
        let why = "the timer is not there: the device took it and does not show it";
        return Err(not_armed(why));
    };
    if !timer.is_as_given(undo_script, window) {
        return Err(take_off_altered(link, &timer, change).await);
    }
    let late = clock.and_then(|clock| clock.lateness(timer.row.raw("next-run")?, window));
    if let Some(defect) = timer.defect().or(late) {
        remove(link, &timer, change)
            .await
            .map_err(StepError::after_changes)?;
        return Err(not_armed(&format!(
            "the timer would not undo the change: {defect}"
        )));
    }
    if safe_mode::covers(link, change)
        .await
        .map_err(StepError::after_changes)?
    {
        return Err(safe_mode::let_go(link, &timer, change).await);
    }
    worker.remember(Memory {
        change: change.id,
        armed: Some((start, window)),
        has_sent: false,
    });
    Ok(Report::Armed)
}

/// Adds the timer, with a start of its own if the device takes one.
async fn add_timer(
    link: &mut Link,
    add: Command,
    start: Option<(String, String)>,
    change: Change,
) -> Result<(), StepError> {
    let with_start = start.map(|(date, time)| {
        let add = add.clone().attribute("start-date", date);
        add.attribute("start-time", time)
    });
    let mut refusal = None;
    for command in with_start.into_iter().chain([add]) {
        // From here on the timer may be there even if no answer comes.
        let answer = read::ask_one(link, command, change.deadline)
            .await
            .map_err(StepError::after_changes)?;
        let Some(trap) = answer.trap else {
            return Ok(());
        };
        let is_value = matches!(trap.kind(), TrapKind::BadValue | TrapKind::UnknownParameter);
        refusal = Some(trap);
        if !is_value {
            break;
        }
    }
    let why = refusal.map(|trap| trap.to_string()).unwrap_or_default();
    Err(not_armed(&format!("the device refuses the timer: {why}")))
}

fn not_armed(why: &str) -> StepError {
    let hint = "nothing was changed; --unguarded changes the device without a guard";
    StepError::refused(ErrorCode::Halted, why, Some(hint))
}

/// The device keeps another timer than the one that it was given. Takes it off, and says that a
/// device of which this is known is not one to believe.
pub(crate) async fn take_off_altered(link: &mut Link, timer: &Timer, change: Change) -> StepError {
    let name = name(change.number);
    let removed = async {
        remove(link, timer, change).await?;
        find(link, change).await
    };
    let left = match removed.await {
        Ok(None) => format!("`{name}` was taken off and nothing else was sent"),
        Ok(Some(_)) | Err(_) => format!("`{name}` may still be in its scheduler"),
    };
    StepError::Altered(TaskFailure {
        code: ErrorCode::Halted,
        message: Untrusted::new(format!(
            "the device keeps another undo script than the one that it was given; {left}"
        )),
        hint: Some("look at its configuration, storage and memory before it is changed".to_owned()),
        may_have_changed: true,
    })
}

/// Takes the timer off. One that is gone already is as good.
pub(crate) async fn remove(
    link: &mut Link,
    timer: &Timer,
    change: Change,
) -> Result<(), StepError> {
    let command = Command::new(format!("{SCHEDULER}/remove")).attribute(".id", &timer.id);
    let answer = read::ask_one(link, command, change.deadline).await?;
    match answer.trap {
        None => Ok(()),
        Some(trap) if trap.kind() == TrapKind::NoSuchItem => Ok(()),
        Some(trap) => {
            let message = format!(
                "the timer `{}` cannot be removed: {trap}",
                name(change.number)
            );
            Err(StepError::refused(ErrorCode::Halted, message, None))
        }
    }
}

/// Lets the timer run out now, so that the device undoes the change on its own.
pub(crate) async fn trigger(worker: &mut Worker, change: Change) -> Result<Report, StepError> {
    let link = worker.link().await?;
    // Without a timer it has run out already, or there never was one: reading back will tell.
    let Some(timer) = find(link, change).await? else {
        return Ok(Report::Reverting);
    };
    let command = Command::new(format!("{SCHEDULER}/set"))
        .attribute(".id", &timer.id)
        .attribute("interval", format_duration(SOON));
    let answer = read::ask_one(link, command, change.deadline).await?;
    match answer.trap {
        None => Ok(Report::Reverting),
        Some(trap) if trap.kind() == TrapKind::NoSuchItem => Ok(Report::Reverting),
        Some(trap) => {
            let message = format!("the timer cannot be hurried: {trap}");
            let hint = "it still runs out in its own time";
            Err(StepError::refused(ErrorCode::Halted, message, Some(hint)).after_changes())
        }
    }
}

fn print() -> Command {
    Command::print(SCHEDULER)
}

/// Our timers among the entries of the scheduler.
fn timers(answer: &Answer) -> Result<Vec<Timer>, StepError> {
    if let Some(trap) = &answer.trap {
        let message = format!("timers cannot be read: {trap}");
        return Err(StepError::refused(ErrorCode::Forbidden, message, None));
    }
    let timers = answer.rows.to_vec().into_iter().filter_map(Timer::new);
    Ok(timers
        .filter(|timer| timer.name().starts_with(PREFIX))
        .collect())
}

/// Those of [`POLICIES`] that the account has, as far as it may read that.
fn policies(known: &Capabilities) -> Vec<&'static str> {
    match known.policies() {
        Some(held) => {
            let wanted = POLICIES.iter().copied();
            wanted.filter(|policy| held.contains(*policy)).collect()
        }
        // Without `policy` the accounts cannot be read, and no entry be made.
        None => vec!["read", "write", "test"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "/ip address remove [find comment=x]\n";
    const WINDOW: Duration = Duration::from_mins(2);

    fn timer() -> Timer {
        let row = Row::new()
            .with(".id", "*7")
            .with("name", "tod-undo-c17")
            .with("interval", "2m")
            .with("on-event", SCRIPT)
            .with("next-run", "2026-11-21 15:00:00")
            .with("disabled", "false");
        Timer::new(row).unwrap()
    }

    #[test]
    fn a_timer_that_is_as_it_should_be_has_no_defect() {
        assert!(timer().is_as_given(SCRIPT, WINDOW));
        assert_eq!(timer().defect(), None);
    }

    #[test]
    fn a_timer_with_another_script_or_interval_is_not_the_one_that_was_given() {
        for (property, value) in [
            ("on-event", "/ip xaddress remove [find comment=x]\n"),
            ("interval", "0s"),
        ] {
            let mut timer = timer();
            timer.row.set(property, value);

            assert!(!timer.is_as_given(SCRIPT, WINDOW), "{property}={value}");
        }
    }

    #[test]
    fn each_way_of_not_running_is_a_defect() {
        for (property, value) in [
            ("next-run", ""),
            ("disabled", "true"),
            (".about", "inactivated, not allowed by device-mode"),
        ] {
            let mut timer = timer();
            timer.row.set(property, value);

            assert!(timer.defect().is_some(), "{property}={value}");
        }
    }
}
