//! What servers ask for: commands, polls, steps of changes, relays.

use std::time::Duration;

use routeros::command::Command;
use routeros::error::TrapKind;
use routeros::row::RowRef;
use routeros::session::{Budget, Failure};
use routeros::text::lossy;
use tod_proto::api::runs::Row;
use tod_proto::bus::task::{Report, Task, TaskFailure, What};
use tod_proto::error::ErrorCode;
use tod_proto::untrusted::Untrusted;
use tod_service::bus::Refusal;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::device::error::LinkError;
use crate::fleet::Fleet;
use crate::relay::{Call, Relays};
use crate::worker::{Ask, Handle, Job, Worker};

/// The most rows that a command returns.
const MAX_ROWS: u64 = 5_000;
/// The most bytes that a command returns, as the device sends them.
const MAX_BYTES: u64 = 1 << 20;
/// The most bytes of JSON that the rows may take, so that they fit a message.
const MAX_JSON: usize = 900_000;
/// The longest word of a command.
const MAX_WORD: usize = 64 << 10;
/// The longest time that anything may take.
const MAX_DEADLINE: Duration = Duration::from_hours(1);

/// For how long after its deadline a worker is heard: it says what it waited for.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Commands that are about the session and not about the device.
const SESSION: &[&str] = &["/login", "/quit", "/cancel"];

/// Does what servers ask.
#[derive(Clone, Debug)]
pub struct Tasks {
    fleet: Fleet,
    relays: Relays,
}

impl Tasks {
    /// Does it to the devices of `fleet`.
    pub fn new(fleet: Fleet, relays: Relays) -> Self {
        Self { fleet, relays }
    }

    /// Does it and says what happened.
    pub async fn perform(&self, task: Task) -> Result<Report, Refusal> {
        let deadline = Duration::from_secs(task.deadline_seconds.into()).min(MAX_DEADLINE);
        // The answer has to travel as well.
        let deadline = Instant::now() + deadline - (deadline / 10).min(Duration::from_secs(1));
        let handle = self.fleet.find(task.device);
        let handle = handle.filter(|handle| handle.target.borrow().fence == task.fence);
        let Some(handle) = handle else {
            return Ok(not_ours());
        };
        let job = match task.what {
            What::Command { command, arguments } => Job::Command { command, arguments },
            What::Poll => Job::Poll,
            What::Push {
                change,
                number,
                step,
            } => Job::Push {
                change,
                number,
                step,
            },
            What::Relay {
                relay,
                kind,
                ticket,
                server,
                server_pin,
            } => {
                let call = Call {
                    relay,
                    kind,
                    ticket,
                    server,
                    server_pin,
                };
                return Ok(self.relays.open(handle, call));
            }
        };
        Ok(ask(&handle, job, deadline).await)
    }
}

async fn ask(handle: &Handle, job: Job, deadline: Instant) -> Report {
    let may_change = matches!(job, Job::Push { .. } | Job::Command { .. });
    let (reply, answer) = oneshot::channel();
    let ask = Ask {
        job,
        deadline,
        reply,
    };
    if handle.asks.try_send(ask).is_err() {
        return failed(
            ErrorCode::Unavailable,
            "too much is being asked of the device at once",
            Some("try again in a moment"),
            false,
        );
    }
    // The worker gives up at the deadline and knows why: its reason comes first.
    match timeout_at(deadline + LAST_WORDS, answer).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) => failed(
            ErrorCode::Conflict,
            "the device was withdrawn from the poller meanwhile",
            None,
            may_change,
        ),
        Err(_) => {
            let message = "the device was busy with something else all the time";
            failed(ErrorCode::DeviceUnreachable, message, None, may_change)
        }
    }
}

/// Runs a command on the session of a worker.
pub async fn command(
    worker: &mut Worker,
    path: &str,
    words: &[String],
    deadline: Instant,
) -> Report {
    let command = match build(path, words) {
        Ok(command) => command,
        Err(why) => return failed(ErrorCode::Invalid, why, None, false),
    };
    let start = Instant::now();
    let left = deadline.saturating_duration_since(start);
    let budget = Budget {
        first_reply: Some(left),
        progress: Some(left),
        total: Some(left),
        rows: MAX_ROWS,
        bytes: MAX_BYTES,
    };
    let sent = match worker.link().await {
        Ok(link) => link.exchange(&[command], budget).await,
        Err(error) => {
            worker.failed(&error);
            return unreachable(&error, false);
        }
    };
    let answer = match sent {
        Ok(mut answers) => answers.pop().unwrap_or_default(),
        Err(error) => {
            worker.failed(&error);
            return unreachable(&error, true);
        }
    };
    if let Some(trap) = &answer.trap {
        return refused(trap);
    }
    if answer.rows.is_empty() && answer.failure.is_some() {
        let message = "the device did not answer in time";
        return failed(ErrorCode::DeviceUnreachable, message, None, true);
    }
    let (rows, is_cut) = fitting(answer.rows.iter().map(|each| row(&each)));
    Report::Command {
        rows,
        ret: answer.ret.map(|ret| Untrusted::new(lossy(&ret))),
        truncated: is_cut
            || answer
                .failure
                .is_some_and(|failure| failure != Failure::Closed),
        duration_ms: u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX),
    }
}

fn build(path: &str, words: &[String]) -> Result<Command, &'static str> {
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    if !path.starts_with('/') || path.len() > 200 || !path.bytes().all(is_path) {
        return Err("a command is a path such as /ip/address/print");
    }
    if SESSION.contains(&path.trim_end_matches('/')) {
        return Err("this command is about the session, which is not yours");
    }
    if !words
        .iter()
        .all(|word| word.starts_with(['=', '?']) && word.len() <= MAX_WORD)
    {
        return Err("an argument is =name=value or a query that starts with ?");
    }
    let command = Command::new(path);
    Ok(words
        .iter()
        .fold(command, |command, word| command.word(word.as_bytes())))
}

fn row(row: &RowRef<'_>) -> Row {
    row.iter()
        .map(|(name, value)| (name.to_owned(), Untrusted::new(lossy(value))))
        .collect()
}

/// As many rows as fit a message, and whether any were left out.
fn fitting(rows: impl Iterator<Item = Row>) -> (Vec<Row>, bool) {
    let mut size = 0;
    let mut kept = Vec::new();
    for row in rows {
        size += serde_json::to_vec(&row).map_or(MAX_JSON, |json| json.len() + 1);
        if size > MAX_JSON {
            return (kept, true);
        }
        kept.push(row);
    }
    (kept, false)
}

/// What is said when a device could be talked to, and not any more once it was being changed.
pub fn lost(error: &LinkError) -> Report {
    let code = ErrorCode::DeviceUnreachable;
    let message = format!("contact was lost after the change had begun: {error}");
    failed(code, message, error.hint(), true)
}

/// The device cannot be talked to.
pub fn unreachable(error: &LinkError, may_have_changed: bool) -> Report {
    let code = match error {
        LinkError::AddressRefused(_) | LinkError::Trust(_) | LinkError::HostKey { .. } => {
            ErrorCode::Halted
        }
        _ => ErrorCode::DeviceUnreachable,
    };
    failed(code, error.to_string(), error.hint(), may_have_changed)
}

/// The device refused a command.
fn refused(trap: &routeros::error::Trap) -> Report {
    let code = match trap.kind() {
        TrapKind::NoPermission | TrapKind::DeviceMode => ErrorCode::Forbidden,
        TrapKind::NoSuchCommand | TrapKind::UnknownParameter => ErrorCode::Incompatible,
        TrapKind::NoSuchItem => ErrorCode::NotFound,
        TrapKind::AlreadyHave => ErrorCode::Conflict,
        _ => ErrorCode::Invalid,
    };
    failed(code, trap.message.as_str(), None, false)
}

/// Nothing is tried because the device refused our login too often.
pub fn parked() -> Report {
    failed(
        ErrorCode::DeviceUnreachable,
        "the device refused our login three times, so nothing more is tried",
        Some("correct the account: todctl device set NAME --password-stdin"),
        false,
    )
}

/// Nothing was done: the server may ask whoever holds the device now.
fn not_ours() -> Report {
    failed(
        ErrorCode::Unavailable,
        "this poller does not hold the device under that lease",
        Some("try again in a few seconds"),
        false,
    )
}

/// A failure.
pub fn failed(
    code: ErrorCode,
    message: impl Into<String>,
    hint: Option<&str>,
    may_have_changed: bool,
) -> Report {
    Report::Failed(TaskFailure {
        code,
        message: Untrusted::new(message),
        hint: hint.map(str::to_owned),
        may_have_changed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_path_and_words() {
        let words = ["=.proplist=name".to_owned(), "?type=ether".to_owned()];

        assert!(build("/interface/print", &words).is_ok());
        for bad in [
            "interface print",
            "/login",
            "/quit",
            "/a\u{1b}[2J",
            "/a b",
            "",
        ] {
            assert!(build(bad, &[]).is_err(), "{bad}");
        }
        for bad in [".tag=7", "name=x", ""] {
            assert!(
                build("/interface/print", &[bad.to_owned()]).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn rows_that_do_not_fit_a_message_are_left_out() {
        let wide = || Row::from([("comment".to_owned(), Untrusted::new("\u{1}".repeat(50_000)))]);

        let (kept, is_cut) = fitting((0..10).map(|_| wide()));

        assert!(is_cut);
        assert_eq!(kept.len(), 2);
    }
}
