//! Preparing: the plan, its inverse, what could go wrong, and which guard the device can have.

use routeros::capability::Capabilities;
use routeros::command::Command;
use routeros::script::operation::Operation;
use routeros::undo::{MgmtPath, Sign, lockout};
use tod_proto::api::changes::{DiffLine, GuardKind};
use tod_proto::bus::task::{PlannedLine, Prepared, Report};
use tod_proto::error::ErrorCode;
use tod_proto::untrusted::Untrusted;

use super::{Change, StepError, guard, owner, read};
use crate::device::link::Link;
use crate::worker::Worker;

/// Reads the device and plans. Changes nothing.
pub(super) async fn run(
    worker: &mut Worker,
    change: Change,
    script: &str,
) -> Result<Report, StepError> {
    let operations = read::operations(script)?;
    let user = worker.target().contact.username.clone();
    let known = worker.learn(change.deadline).await?;
    permitted(&known, &operations)?;
    let link = worker.link().await?;
    let before = read::known_menus(link, &operations, &known, change.deadline).await?;
    let plan = read::plan(&operations, &before)?;
    let serial = owner::serial(link, change.deadline).await?;
    let path = management_path(link, &user, change).await?;
    let warnings = lockout(&plan, &path);
    let no_guard = guard::obstacle(link, &known, change).await?;
    let diff = plan.diff().iter().map(line);
    Ok(Report::Prepared(Box::new(Prepared {
        diff: diff.collect(),
        warnings: warnings
            .iter()
            .map(|warning| Untrusted::new(warning.to_string()))
            .collect(),
        guard: match no_guard {
            None => GuardKind::Undo,
            Some(_) => GuardKind::None,
        },
        no_guard_because: no_guard.map(Untrusted::new),
        undo_script: plan.inverse(&guard::name(change.number)),
        before: read::to_wire(&before, serial)?,
    })))
}

/// Refuses what the account may not do, before anything is done.
fn permitted(known: &Capabilities, operations: &[Operation]) -> Result<(), StepError> {
    let is_about_users =
        |operation: &Operation| operation.menu == "/user" || operation.menu.starts_with("/user/");
    let mut needed = vec!["read", "write"];
    if operations.iter().any(is_about_users) {
        needed.push("policy");
    }
    let Some(policy) = needed.into_iter().find(|policy| !known.may(policy)) else {
        return Ok(());
    };
    let message = format!("the account lacks the policy `{policy}`, which the change needs");
    let hint = "give it to the account's group: /user/group/set GROUP policy=…, or use another \
                account: todctl device set NAME username=…";
    Err(StepError::refused(
        ErrorCode::Forbidden,
        message,
        Some(hint),
    ))
}

fn line(line: &routeros::undo::Line) -> PlannedLine {
    let sign = match line.sign {
        Sign::Added => '+',
        Sign::Removed => '-',
        Sign::Changed if line.text.ends_with("moved") => '>',
        Sign::Changed => '~',
    };
    PlannedLine {
        line: DiffLine {
            sign,
            menu: line.menu.clone(),
            text: Untrusted::new(line.text.as_str()),
        },
        secrets: line.secrets().map(hex::encode).collect(),
    }
}

/// The way on which we reach the device: what must not be cut.
async fn management_path(
    link: &mut Link,
    user: &str,
    change: Change,
) -> Result<MgmtPath, StepError> {
    let (peer, local) = link.addresses();
    let command = Command::print("/ip/address").proplist(&["address", "interface"]);
    let answer = read::ask_one(link, command, change.deadline).await?;
    let address = peer.ip().to_canonical();
    let carrier = answer.rows.iter().find(|row| {
        let held = row.text("address").unwrap_or_default();
        let held = held.split('/').next().unwrap_or_default();
        held.parse() == Ok(address)
    });
    let interface = carrier.and_then(|row| row.text("interface"));
    Ok(MgmtPath {
        address,
        port: peer.port(),
        interface: interface.map(std::borrow::Cow::into_owned),
        source: Some(local.ip().to_canonical()),
        user: Some(user.to_owned()),
    })
}

/// Refuses a change while the timer of another is on the device.
pub(super) fn another_is_armed(name: &str) -> StepError {
    StepError::refused(
        ErrorCode::Conflict,
        format!("`{name}` is on the device: another change waits there to be confirmed"),
        Some("wait until it has been confirmed or reverted"),
    )
}
