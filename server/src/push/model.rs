//! A push, and what can happen to it, as values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tod_proto::api::changes::{ChangeState, GuardKind};
use tod_proto::bus::task::SeenConfig;

/// A push as the database has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// How far it is.
    pub state: ChangeState,
    /// What was asked for.
    pub wanted: Wanted,
    /// What undoes it, once it is known.
    pub guard: Option<GuardKind>,
    /// What the poller is being asked to do; nothing when it is a person's turn.
    pub asking: Option<StepKind>,
    /// Grows with every transition: an answer to an older question is not for this push.
    pub turn: u32,
    /// When the next question is due; at once when there is none.
    pub wake_at: Option<Timestamp>,
    /// When the device may undo the change by itself, at the earliest.
    pub reverts_at: Option<Timestamp>,
    /// When it has undone it, at the latest.
    pub fires_by: Option<Timestamp>,
    /// When a device that stays silent is given up.
    pub until: Option<Timestamp>,
    /// How often the step was asked for without success.
    pub tries: u32,
    /// How many looks in a row saw neither end.
    pub doubts: u32,
    /// Whether the timer may have been taken off by us.
    pub disarmed: bool,
    /// Whether another worker went on with this step: it may have been done before.
    #[serde(default)]
    pub resumed: bool,
    /// Why it was refused, reverted or is unknown.
    pub reason: Option<String>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Seconds that the device waits for confirmation.
    pub window_seconds: u32,
    /// What happens when every check passes.
    pub then: Then,
    /// Whether to go without a guard.
    pub unguarded: bool,
}

/// What happens when every check passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Nothing is done at all: only the plan is made.
    OnlyPlan,
    /// A person confirms.
    Wait,
    /// It is confirmed by itself.
    Confirm,
}

/// A step that a poller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Makes the plan.
    Prepare,
    /// Puts the timer on the device.
    Arm,
    /// Sends the operations.
    Apply,
    /// Looks over a new connection.
    Verify,
    /// Takes the timer off.
    Disarm,
    /// Lets the device undo now.
    Revert,
    /// Looks what the device is.
    ReadBack,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The plan is made.
    Prepared(Plan),
    /// The timer is on the device.
    Armed,
    /// The device took every operation.
    Applied,
    /// Nothing was sent and the timer is off the device again.
    Untouched {
        /// Why.
        message: String,
    },
    /// The device keeps another timer than the one that it was given; nothing was sent.
    Altered {
        /// How that was seen.
        message: String,
    },
    /// The device has begun to undo.
    Undoing,
    /// The device was looked at.
    Seen(Sight),
    /// The poller says that the step could not be done.
    Failed {
        /// What it said.
        message: String,
        /// Whether the device may have been changed all the same.
        may_have_changed: bool,
    },
    /// There was no answer.
    Lost {
        /// Why.
        message: String,
        /// Whether the step may have reached a poller.
        sent: bool,
    },
    /// The time has come.
    Due,
    /// Another worker goes on with it.
    Resumed,
    /// A person keeps the change.
    Confirm,
    /// A person undoes the change.
    Revert,
}

/// What the machine must know of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The guard that the device can have.
    pub guard: GuardKind,
    /// Why there is none.
    pub no_guard_because: Option<String>,
    /// Whether it changes nothing.
    pub is_empty: bool,
}

/// What a look at the device saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// How its configuration compares.
    pub config: SeenConfig,
    /// Whether the timer is on it.
    pub timer: bool,
    /// Whether it holds another script than the one that the device was given.
    pub timer_altered: bool,
    /// Where it differs, in words.
    pub differences: String,
}

/// The event is not for this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a change that is {} cannot do that", state.as_str())]
pub struct Illegal {
    /// The state.
    pub state: ChangeState,
}

/// What to do after the transition is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a poller for a step.
    Ask(StepKind),
    /// Come back with [`Event::Due`].
    WakeAt(Timestamp),
    /// Let go of the device.
    Release,
}

/// A transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The push after it.
    pub push: Push,
    /// What to do, once the push is stored.
    pub effects: Vec<Effect>,
    /// What happened, in words.
    pub said: String,
}
