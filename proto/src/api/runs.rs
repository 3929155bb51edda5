//! One command on many devices.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Carrier, Endpoint, Feed, Method, Op, Role, Scope};
use crate::error::ErrorCode;
use crate::id::{DeviceId, RunId, TenantId};
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;
use crate::untrusted::Untrusted;

/// A row of a device's answer: property to value, byte-exact as far as it is text.
pub type Row = BTreeMap<String, Untrusted>;

/// A run: the command goes on at the server if the client goes away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Run {
    /// Its identifier.
    pub id: RunId,
    /// What people call it: `r-8`.
    pub number: u64,
    /// The selector as it was given.
    pub selector: String,
    /// The command, with its arguments: `/ip/address/print`.
    pub command: String,
    /// How many devices matched, frozen at the start.
    pub targets: u32,
    /// How far it is.
    pub state: RunState,
    /// How many are done well.
    pub ok: u32,
    /// How many failed.
    pub failed: u32,
    /// How many were left out, such as offline ones.
    pub skipped: u32,
    /// Who started it.
    pub actor: String,
    /// When it was started.
    pub created_at: Timestamp,
    /// When its last device was done.
    pub finished_at: Option<Timestamp>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Devices are being asked.
    Running,
    /// Every device is done.
    Finished,
}

/// What became of one device of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunResult {
    /// The run's name: `r-8`.
    pub run: String,
    /// The device's name.
    pub device: String,
    /// The device.
    pub id: DeviceId,
    /// What became of it.
    pub status: ResultStatus,
    /// What went wrong, for programs.
    pub code: Option<ErrorCode>,
    /// What went wrong, for people: a trap's own text, or why there was no answer.
    pub message: Option<Untrusted>,
    /// The rows that the device answered with.
    pub rows: Vec<Row>,
    /// The value that the device returned, such as the `.id` of what was added.
    pub ret: Option<Untrusted>,
    /// Whether rows were left out because there were too many.
    pub truncated: bool,
    /// How long it took.
    pub duration_ms: u32,
}

/// What became of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// It answered.
    Ok,
    /// It did not answer, or said no.
    Failed,
    /// It was not asked.
    Skipped,
}

/// Starts a run.
///
/// A command that may change something (anything but `print`, `get`, `monitor … once`, `ping`,
/// `export`) is for operators; commands that can lock people out are refused here and have a
/// command of their own, unless `allow_dangerous` is set.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Start;

/// The body of [`Start`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "RunStartBody"))]
pub struct StartBody {
    /// Which devices.
    #[cfg_attr(feature = "schema", schemars(example = "site=berlin"))]
    pub selector: String,
    /// The API path with its verb: `/ip/address/print`.
    #[cfg_attr(feature = "schema", schemars(length(max = 256), regex(pattern = schema::COMMAND), example = "/ip/address/print"))]
    pub command: String,
    /// Arguments as words: `=name=value`, `?query`.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 256), inner(regex(pattern = "^[=?]")))
    )]
    pub arguments: Vec<String>,
    /// How many devices at the same time; 16 if absent, at most 64.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 64)))]
    pub parallel: Option<u32>,
    /// Seconds for each device; 30 if absent, at most 600.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 600)))]
    pub timeout_seconds: Option<u32>,
    /// Refuse unless exactly so many devices match.
    #[serde(default)]
    pub expect: Option<u32>,
    /// Run what can lock people out all the same.
    #[serde(default)]
    pub allow_dangerous: bool,
    /// Only say which devices would be asked: the run is not started, and ends at once.
    #[serde(default)]
    pub dry_run: bool,
}

impl Endpoint for Start {
    const OP: Op = Op::json(
        "run.start",
        Method::Post,
        "/api/tenants/{tenant}/runs",
        Scope::Tenant(Role::Operator),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = StartBody;
    type Output = Run;
}

/// Lists runs, the newest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

impl Endpoint for List {
    const OP: Op = Op::json(
        "run.list",
        Method::Get,
        "/api/tenants/{tenant}/runs",
        Scope::Tenant(Role::Viewer),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = Empty;
    type Output = Page<Run>;
}

/// Shows one run and what became of each device so far.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

/// The answer of [`Show`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// What became of each device so far, by name.
    pub results: Vec<RunResult>,
}

impl Endpoint for Show {
    const OP: Op = Op::json(
        "run.show",
        Method::Get,
        "/api/tenants/{tenant}/runs/{number}",
        Scope::Tenant(Role::Viewer),
    );
    type Path = (TenantId, u64);
    type Query = Empty;
    type Body = Empty;
    type Output = RunDetail;
}

/// Follows a run: results already there first, then the others as they come, then the end.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Follow;

/// An item of [`Follow`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunUpdate {
    /// One device is done.
    Result {
        /// What became of it.
        result: Box<RunResult>,
    },
    /// All devices are done; the stream ends here.
    Finished {
        /// The run as it ended.
        run: Run,
    },
}

impl Feed for Follow {
    const OP: Op = Op {
        name: "run.follow",
        method: Method::Get,
        path: "/api/tenants/{tenant}/runs/{number}/follow",
        scope: Scope::Tenant(Role::Viewer),
        carrier: Carrier::Events,
    };
    type Path = (TenantId, u64);
    type Query = Empty;
    type Item = RunUpdate;
}
