//! Following a change until it is decided.

use std::time::Duration;

use tod_client::Client;
use tod_client::view::change as view;
use tod_proto::api::changes::{Change, ChangeState, Show, ShowQuery};
use tod_proto::id::TenantId;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::output::Listing;
use crate::term::Paint;

/// How often we look. A change takes seconds.
const EVERY: Duration = Duration::from_millis(250);

/// What the person wants of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// That it stays.
    Kept,
    /// That it goes away.
    Undone,
}

/// Follows a change until it is in one of these states, or final; says each step.
pub(super) async fn until(
    cx: &mut Cx,
    client: &Client,
    tenant: TenantId,
    mut change: Change,
    stop: &[ChangeState],
) -> Result<Change, CliError> {
    let mut said = change.timeline.len();
    let spinner = cx.say.spinner(change.state.as_str());
    loop {
        // How it ended is said in the end.
        let steps = change.timeline.iter().skip(said);
        for step in steps.filter(|step| !step.state.is_final()) {
            spinner.aside(|| say_step(cx, step.state, step.message.raw()));
        }
        said = said.max(change.timeline.len());
        if change.state.is_final() || stop.contains(&change.state) {
            return Ok(change);
        }
        spinner.says(&format!("c-{} {}", change.number, change.state.as_str()));
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Err(interrupted(cx, &change)),
        }
        change = client
            .call(
                Show,
                (tenant, change.number),
                ShowQuery::default(),
                Empty {},
            )
            .await?;
    }
}

/// Follows a change that was confirmed or reverted.
pub(super) async fn to_end(
    cx: &mut Cx,
    client: &Client,
    tenant: TenantId,
    change: Change,
) -> Result<Change, CliError> {
    until(cx, client, tenant, change, &[]).await
}

fn say_step(cx: &Cx, state: ChangeState, message: &str) {
    let mark = view::glyph(state).to_string();
    let mark = Paint::tone(view::tone(state), &mark).to_string();
    cx.say
        .note(format!("{mark} {:<10} {}", state.as_str(), plain(message)));
}

/// Says what happens if nobody does anything, at once.
pub(super) fn interrupted(cx: &Cx, change: &Change) -> CliError {
    let number = change.number;
    let line = match (change.state, left(cx, change)) {
        (ChangeState::Preparing, _) => "stopped; nothing was changed".to_owned(),
        (_, Some(left)) => format!("not confirmed; the device reverts in {}", minutes(left)),
        (_, None) => "the server goes on without us".to_owned(),
    };
    cx.say
        .loud(format!("{line}   todctl config show c-{number}"));
    CliError::outcome(exit::INTERRUPTED)
}

/// Seconds until the device reverts by itself.
pub(super) fn left(cx: &Cx, change: &Change) -> Option<u64> {
    let at = change.reverts_at?;
    u64::try_from(at.duration_since(cx.clock.now()).as_secs()).ok()
}

/// `1:47`
pub(super) fn minutes(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Says how a change ended, writes it, and turns it into an exit status.
pub(super) fn finish(cx: &mut Cx, change: Change, wanted: Wanted) -> Result<(), CliError> {
    let verdict = verdict(cx, &change, wanted);
    if cx.out.is_for_programs() {
        cx.out.list(Listing::all(vec![change]))?;
        cx.out.flush()?;
    }
    match verdict {
        exit::OK => Ok(()),
        status => Err(CliError::outcome(status)),
    }
}

/// Says how a change ended; returns the exit status.
fn verdict(cx: &Cx, change: &Change, wanted: Wanted) -> u8 {
    let (number, device) = (change.number, plain(&change.device_name));
    let why = change.reason.as_ref().map(|reason| plain(reason.raw()));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    match (change.state, wanted) {
        (ChangeState::Planned, _) => exit::OK,
        (ChangeState::Confirmed, Wanted::Kept) | (ChangeState::Reverted, Wanted::Undone) => {
            let word = change.state.as_str();
            cx.say.note(format!(
                "✓ {word} c-{number} on {device}, as read back from it"
            ));
            exit::OK
        }
        (ChangeState::Confirmed, Wanted::Undone) => {
            cx.say
                .loud(format!("c-{number} was confirmed already{why}"));
            exit::CONFLICT
        }
        (ChangeState::Reverted, Wanted::Kept) => {
            cx.say
                .loud(format!("↩ reverted c-{number} on {device}{why}"));
            exit::REVERTED
        }
        (ChangeState::Refused, _) => {
            cx.say.loud(format!(
                "✗ refused c-{number}: nothing was changed on {device}{why}"
            ));
            exit::HALTED
        }
        (ChangeState::Unknown, _) => {
            let text = format!(
                "c-{number} on {device}: STATE UNKNOWN{why}. Look at it now: todctl config show \
                 c-{number}; todctl ssh {device}"
            );
            cx.say.loud(Paint::bad(&text).to_string());
            exit::FAILURE
        }
        (ChangeState::Pending, _) => {
            let left = left(cx, change).map(minutes).unwrap_or_default();
            cx.say.loud(format!(
                "pending: c-{number} reverts in {left} unless confirmed"
            ));
            cx.say.note(format!(
                "  todctl config confirm c-{number}   todctl config revert c-{number}"
            ));
            exit::PENDING
        }
        (state, _) => {
            let state = state.as_str();
            cx.say.note(format!(
                "c-{number} is {state}: todctl config show c-{number}"
            ));
            exit::PENDING
        }
    }
}
