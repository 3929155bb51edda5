//! Somebody's safe mode: it covers what all sessions do. What is done now would be undone after it
//! was confirmed, and is not on the disk until they release it.

use routeros::command::Command;
use tod_proto::error::ErrorCode;

use super::super::read;
use super::super::{Change, StepError};
use super::undo::{Timer, remove};
use crate::device::link::Link;

/// Whether what was just done goes with it.
pub(super) async fn covers(link: &mut Link, change: Change) -> Result<bool, StepError> {
    let command = Command::print("/system/history").proplist(&["floating-undo"]);
    let answer = read::ask_one(link, command, change.deadline).await?;
    // Without rights to read it nobody could tell; the change is not the worse for that.
    Ok(answer.rows.iter().any(|row| row.flag("floating-undo")))
}

/// Takes the timer off again.
pub(super) async fn let_go(link: &mut Link, timer: &Timer, change: Change) -> StepError {
    let message = "somebody holds safe mode on the device: with their session, everything that is \
                   done now is undone";
    let hint = "let them release it, and try again";
    let refusal = StepError::refused(ErrorCode::Conflict, message, Some(hint));
    match remove(link, timer, change).await {
        Ok(()) => refusal,
        Err(error) => error.after_changes(),
    }
}
