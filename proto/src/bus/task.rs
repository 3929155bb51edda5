//! A server asks a poller to do something to a device; the poller answers with what happened.

use serde::{Deserialize, Serialize};

use crate::api::changes::{DiffLine, GuardKind};
use crate::api::relays::RelayKind;
use crate::api::runs::Row;
use crate::error::ErrorCode;
use crate::id::{ChangeId, DeviceId, RelayId};
use crate::untrusted::Untrusted;

/// Something to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// The device.
    pub device: DeviceId,
    /// The fence of the lease, as the server knows it. The poller refuses another one.
    pub fence: u64,
    /// Seconds until the answer is of no use.
    pub deadline_seconds: u32,
    /// What.
    pub what: What,
}

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Runs one command and returns its rows.
    Command {
        /// The API path with its verb.
        command: String,
        /// Words: `=name=value`, `?query`.
        arguments: Vec<String>,
    },
    /// Polls now.
    Poll,
    /// Does one step of a change. A step may come twice; the second time it changes nothing.
    Push {
        /// The change.
        change: ChangeId,
        /// Its number, which names what is left on the device: `tod-undo-c17`.
        number: u64,
        /// The step.
        step: Box<PushStep>,
    },
    /// Opens a terminal, and dials back to the server that asked.
    Relay {
        /// The relay.
        relay: RelayId,
        /// What to open.
        kind: RelayKind,
        /// The poller's own ticket, for [`crate::api::relays::Dial`].
        ticket: String,
        /// The base address of the server that asked: `https://10.0.0.5:8443`.
        server: String,
        /// SHA-256 of that server's certificate, in hex, when no authority vouches for it.
        server_pin: Option<String>,
    },
}

/// A step of a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum PushStep {
    /// Reads the menus that the script touches, makes the plan and the inverse, and looks whether
    /// the device can guard itself. Changes nothing.
    Prepare {
        /// The script.
        script: String,
    },
    /// Puts the one-shot timer with the inverse script on the device and reads it back.
    Arm {
        /// The inverse script, from [`Prepared::undo_script`].
        undo_script: String,
        /// Seconds until the device undoes the change.
        window_seconds: u32,
        /// Whose configuration it was, from [`ConfigSnapshot::serial`]: another device gets nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
    },
    /// Sends the operations, and stops at the first that the device refuses.
    Apply {
        /// The script.
        script: String,
        /// The configuration before, from [`Prepared::before`]: if the device differs from it,
        /// nothing is sent.
        before: ConfigSnapshot,
        /// What has been armed: without it on the device nothing is sent.
        guard: GuardKind,
        /// What the timer must hold: with another text on the device nothing is sent.
        #[serde(default)]
        undo_script: Option<String>,
    },
    /// Opens a new connection and compares.
    Verify {
        /// The configuration before.
        before: ConfigSnapshot,
        /// The script: with the configuration before it tells what the plan leads to.
        script: String,
        /// What the timer must hold.
        #[serde(default)]
        undo_script: Option<String>,
    },
    /// Takes the timer off and reads back that it is gone and the change in force.
    Disarm {
        /// The configuration before.
        before: ConfigSnapshot,
        /// The script: with the configuration before it tells what the plan leads to.
        script: String,
    },
    /// Lets the device undo the change now, with its own timer.
    Revert,
    /// Reads the device and says what it is: as before, as after, or neither.
    ReadBack {
        /// The configuration before.
        before: ConfigSnapshot,
        /// The script: with the configuration before it tells what the plan leads to.
        script: String,
        /// What the timer must hold.
        #[serde(default)]
        undo_script: Option<String>,
    },
}

/// The menus that a change touches, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigSnapshot {
    /// The menus.
    pub menus: Vec<MenuSnapshot>,
    /// The serial number of the device that they were read of, or what stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// A menu as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuSnapshot {
    /// Its path: `/ip/address`.
    pub path: String,
    /// Its rows, in the device's order.
    pub rows: Vec<SnapshotRow>,
}

/// Properties and values, the values in hex because they may be any bytes.
pub type SnapshotRow = Vec<(String, String)>;

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// [`What::Command`] is done.
    Command {
        /// The rows.
        rows: Vec<Row>,
        /// The returned value.
        ret: Option<Untrusted>,
        /// Whether rows were left out.
        truncated: bool,
        /// How long it took.
        duration_ms: u32,
    },
    /// [`What::Poll`] was asked for.
    Polling,
    /// [`PushStep::Prepare`] is done.
    Prepared(Box<Prepared>),
    /// [`PushStep::Arm`] is done: the timer is on the device, read back, and runs.
    Armed,
    /// [`PushStep::Apply`] sent everything and the device took it.
    Applied,
    /// [`PushStep::Apply`] sent nothing, and the timer is off the device: it is as it was found.
    Untouched(TaskFailure),
    /// [`PushStep::Arm`] or [`PushStep::Apply`] found that the device keeps another timer than the
    /// one that it was given. No operation was sent, but the device cannot be believed.
    Altered(TaskFailure),
    /// [`PushStep::Revert`] is under way: the device undoes within a few seconds.
    Reverting,
    /// [`PushStep::Verify`], [`PushStep::Disarm`] or [`PushStep::ReadBack`] looked.
    Seen(Seen),
    /// [`What::Relay`] is being dialled.
    Dialling,
    /// It could not be done.
    Failed(TaskFailure),
}

/// What [`PushStep::Prepare`] found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prepared {
    /// What the script changes.
    pub diff: Vec<PlannedLine>,
    /// What could go wrong.
    pub warnings: Vec<Untrusted>,
    /// The guard that the device can have.
    pub guard: GuardKind,
    /// Why there is no guard, if there is none.
    pub no_guard_because: Option<Untrusted>,
    /// The inverse script.
    pub undo_script: String,
    /// The configuration before.
    pub before: ConfigSnapshot,
}

/// A line of a plan, with what is masked in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedLine {
    /// The line; a secret in it is `***`.
    #[serde(flatten)]
    pub line: DiffLine,
    /// What each mask stands for, in order, in hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// What a look at the device saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How its configuration compares.
    pub config: SeenConfig,
    /// Whether the timer is on it.
    pub timer: bool,
    /// Whether that timer holds another script than the one that the device was given.
    #[serde(default)]
    pub timer_altered: bool,
    /// Where it differs, in words; empty when it does not.
    pub differences: Vec<Untrusted>,
}

/// How a configuration compares with the two that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenConfig {
    /// It is the one before the change.
    Before,
    /// It is the one that the plan leads to.
    After,
    /// It is the same before and after: the change changes nothing.
    Same,
    /// It is neither.
    Neither,
}

/// Why a task could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFailure {
    /// The kind, for programs.
    pub code: ErrorCode,
    /// In words, for people: what happened, to what. A trap's own text is kept.
    pub message: Untrusted,
    /// What to do next.
    pub hint: Option<String>,
    /// Whether the device may have been changed all the same.
    pub may_have_changed: bool,
}
