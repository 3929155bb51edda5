//! Changes of a device's configuration, each guarded so that a mistake undoes itself.
//!
//! ```text
//! preparing → arming → applying → verifying → pending → confirming → confirmed
//!     │          │         │           │         └────┬──────┘
//!     ▼          ▼         └─────┬─────┘              ▼
//!  refused    refused            └────────────► reverting → reverted
//!                                                    └────► unknown
//! ```
//!
//! `confirmed` and `reverted` are read back from the device. When what is read is neither the
//! configuration before nor the one after, the state is `unknown`, and a person must look.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::{ChangeId, DeviceId, TenantId};
use crate::page::{Empty, Page};
use crate::untrusted::Untrusted;

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// The device is being read and the plan made. Nothing has been changed.
    Preparing,
    /// It was only planned: a dry run ends here.
    Planned,
    /// The undo timer is being put on the device.
    Arming,
    /// The operations are being sent.
    Applying,
    /// The device is being looked at over a new connection.
    Verifying,
    /// It is in force and waits to be confirmed; the device's own timer is running.
    Pending,
    /// The timer is being taken off.
    Confirming,
    /// It is in force for good, as read from the device.
    Confirmed,
    /// It is being undone, by us or by the device's timer.
    Reverting,
    /// It is undone, as read from the device.
    Reverted,
    /// It was refused before anything was changed.
    Refused,
    /// The device is neither as before nor as after. A person must look.
    Unknown,
}

impl ChangeState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Preparing,
        Self::Planned,
        Self::Arming,
        Self::Applying,
        Self::Verifying,
        Self::Pending,
        Self::Confirming,
        Self::Confirmed,
        Self::Reverting,
        Self::Reverted,
        Self::Refused,
        Self::Unknown,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Planned => "planned",
            Self::Arming => "arming",
            Self::Applying => "applying",
            Self::Verifying => "verifying",
            Self::Pending => "pending",
            Self::Confirming => "confirming",
            Self::Confirmed => "confirmed",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing will happen any more.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Planned | Self::Confirmed | Self::Reverted | Self::Refused | Self::Unknown
        )
    }
}

/// What undoes a change if nobody confirms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GuardKind {
    /// A one-shot timer on the device with the inverse script. No reboot.
    Undo,
    /// Nothing. Only when asked for by name.
    None,
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiffLine {
    /// `+` added, `-` removed, `~` changed, `>` moved.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["+", "-", "~", ">"])))]
    pub sign: char,
    /// The menu: `/ip/address`.
    pub menu: String,
    /// What of it, in words.
    pub text: Untrusted,
}

/// One step of the time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeStep {
    /// When.
    pub at: Timestamp,
    /// The state then entered.
    pub state: ChangeState,
    /// What was seen or done.
    pub message: Untrusted,
}

/// A change of a device's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// Its identifier.
    pub id: ChangeId,
    /// What people call it: `c-17`.
    pub number: u64,
    /// The device.
    pub device: DeviceId,
    /// The device's name.
    pub device_name: String,
    /// How far it is.
    pub state: ChangeState,
    /// What undoes it.
    pub guard: Option<GuardKind>,
    /// Seconds that the device waits for confirmation.
    pub window_seconds: u32,
    /// Whether it is confirmed by itself when the checks pass.
    pub auto_confirm: bool,
    /// When the device reverts by itself, by tod's clock.
    pub reverts_at: Option<Timestamp>,
    /// What it changes.
    pub diff: Vec<DiffLine>,
    /// What could go wrong: lock-out predictions first.
    pub warnings: Vec<Untrusted>,
    /// The script as it was given; each secret in it is a mark such as `<hidden 9c1e>`, the same
    /// for the same secret.
    pub script: String,
    /// The script that the device would undo it with, secrets hidden likewise.
    pub undo_script: Option<Untrusted>,
    /// Why it was refused, reverted or is unknown.
    pub reason: Option<Untrusted>,
    /// What happened, in order.
    pub timeline: Vec<ChangeStep>,
    /// Who asked for it.
    pub actor: String,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Plans a change and, unless it is a dry run, puts it on the device under guard.
///
/// Answers at once with the new change; [`Show`] tells how it goes.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Apply;

/// The body of [`Apply`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ChangeApplyBody"))]
pub struct ApplyBody {
    /// The device.
    pub device: DeviceId,
    /// RouterOS commands, as in an `.rsc` file; at most 256 KiB.
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1, max = 262_144),
            example = "/ip dns set servers=192.0.2.53"
        )
    )]
    pub script: String,
    /// Seconds that the device waits for confirmation: 10 to 3600; 120 if absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 10, max = 3600)))]
    pub window_seconds: Option<u32>,
    /// Confirm by itself when every check passes.
    #[serde(default)]
    pub auto_confirm: bool,
    /// Without any guard. Nothing undoes a mistake.
    #[serde(default)]
    pub unguarded: bool,
    /// Only plan.
    #[serde(default)]
    pub dry_run: bool,
}

impl Endpoint for Apply {
    const OP: Op = Op::json(
        "change.apply",
        Method::Post,
        "/api/tenants/{tenant}/changes",
        Scope::Tenant(Role::Operator),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = ApplyBody;
    type Output = Change;
}

/// Lists changes, the newest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

/// Narrows [`List`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeQuery {
    /// Only of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Only those that are not final.
    #[serde(default)]
    pub open: bool,
    /// The most items; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
}

impl Endpoint for List {
    const OP: Op = Op::json(
        "change.list",
        Method::Get,
        "/api/tenants/{tenant}/changes",
        Scope::Tenant(Role::Viewer),
    );
    type Path = TenantId;
    type Query = ChangeQuery;
    type Body = Empty;
    type Output = Page<Change>;
}

/// Shows one change. Its secrets are hidden unless they are asked for.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

/// How to [`Show`] it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ChangeShowQuery"))]
pub struct ShowQuery {
    /// With its secrets. Needs the role and scope of [`Apply`], and is on record in the audit log
    /// and in the log of keys.
    #[serde(default)]
    pub secrets: bool,
}

impl Endpoint for Show {
    const OP: Op = Op::json(
        "change.show",
        Method::Get,
        "/api/tenants/{tenant}/changes/{number}",
        Scope::Tenant(Role::Viewer),
    );
    type Path = (TenantId, u64);
    type Query = ShowQuery;
    type Body = Empty;
    type Output = Change;
}

/// Keeps a pending change. Answers at once; [`Show`] tells how it goes.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirm;

impl Endpoint for Confirm {
    const OP: Op = Op::json(
        "change.confirm",
        Method::Post,
        "/api/tenants/{tenant}/changes/{number}/confirm",
        Scope::Tenant(Role::Operator),
    );
    type Path = (TenantId, u64);
    type Query = Empty;
    type Body = Empty;
    type Output = Change;
}

/// Undoes a pending change now. Answers at once; [`Show`] tells how it goes.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Revert;

impl Endpoint for Revert {
    const OP: Op = Op::json(
        "change.revert",
        Method::Post,
        "/api/tenants/{tenant}/changes/{number}/revert",
        Scope::Tenant(Role::Operator),
    );
    type Path = (TenantId, u64);
    type Query = Empty;
    type Body = Empty;
    type Output = Change;
}
