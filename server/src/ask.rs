//! Asks the poller that holds a device to do something to it.

use std::time::Duration;

use tod_proto::bus;
use tod_proto::bus::task::{Report, Task, TaskFailure, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, TenantId};
use tod_service::bus::BusError;

use crate::api::App;
use crate::lease;

/// How much longer than the poller the server waits: the answer has to travel.
const TRAVEL: Duration = Duration::from_secs(2);

/// There was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unanswered {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
    /// Whether the question may have reached a poller, and something may have been done.
    pub sent: bool,
}

/// Asks for `what`, and waits for the answer at most a little longer than `deadline`.
pub async fn ask(
    app: &App,
    tenant: TenantId,
    device: DeviceId,
    what: What,
    deadline: Duration,
) -> Result<Report, Unanswered> {
    let holder = match lease::must_hold(app, tenant, device).await {
        Ok(holder) => holder,
        Err(error) => return Err(unasked(error.code(), error.to_string())),
    };
    let task = Task {
        device,
        fence: holder.fence,
        deadline_seconds: u32::try_from(deadline.as_secs()).unwrap_or(u32::MAX).max(1),
        what,
    };
    let subject = bus::asked(holder.poller);
    let asked = app
        .bus
        .request_sealed(&subject, &holder.key, &task, deadline + TRAVEL);
    let report = asked.await;
    match report.map_err(|error| unanswered(&error))? {
        // The lease moved while the question was on its way.
        Report::Failed(TaskFailure {
            code: ErrorCode::Unavailable,
            message,
            may_have_changed: false,
            ..
        }) => Err(unasked(ErrorCode::Unavailable, message.to_string())),
        report => Ok(report),
    }
}

fn unasked(code: ErrorCode, message: String) -> Unanswered {
    Unanswered {
        code,
        message,
        sent: false,
    }
}

fn unanswered(error: &BusError) -> Unanswered {
    let (message, sent) = match error {
        BusError::NoResponder(_) => ("the poller of this device is gone", false),
        BusError::Refused(refusal) => (refusal.message.as_str(), false),
        BusError::Timeout(_) => ("the poller did not answer in time", true),
        BusError::Unavailable(_) => ("the bus is away", true),
        BusError::Malformed(_) => ("the poller's answer cannot be read", true),
        BusError::TooLarge { .. } => ("the question is too large to be sent", false),
        BusError::Exists
        | BusError::WrongRevision
        | BusError::Subject(_)
        | BusError::NotDurable(_)
        | BusError::UnknownStream(_) => ("the question cannot be sent", false),
    };
    Unanswered {
        code: ErrorCode::Unavailable,
        message: message.to_owned(),
        sent,
    }
}
