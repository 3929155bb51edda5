//! Data keys of a tenant: what is sealed with which, and who opened it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::TenantId;
use crate::page::{Empty, Page};

/// A data key of a tenant. The newest seals; all open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DataKey {
    /// Its number, from 1.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many stored values are sealed with it, apart from the audit log.
    pub values: i64,
    /// How many records of the audit log are sealed with it. They are never sealed anew: their
    /// hashes cover them as they are.
    pub audit_records: i64,
    /// What wraps it.
    pub wrapped_by: Backend,
    /// Which version of the key in the key service does, if it is one.
    pub wrapped_version: Option<u32>,
}

/// What wraps data keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "KeyBackend"))]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// The server's own master key.
    Local,
    /// The Transit engine of OpenBao.
    Transit,
}

/// Shows the data keys of a tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

/// The answer of [`Show`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "DataKeys"))]
pub struct Keys {
    /// The keys, the newest first.
    pub keys: Vec<DataKey>,
}

impl Endpoint for Show {
    const OP: Op = Op::json(
        "kms.show",
        Method::Get,
        "/api/tenants/{tenant}/kms",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = Empty;
    type Output = Keys;
}

/// Makes another data key, which seals everything from now on.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotate;

impl Endpoint for Rotate {
    const OP: Op = Op::json(
        "kms.rotate",
        Method::Post,
        "/api/tenants/{tenant}/kms/rotate",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = Empty;
    type Output = Keys;
}

/// Seals some of what is sealed with older keys with the newest. Call it until nothing is left.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rewrap;

/// The answer of [`Rewrap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "RewrapProgress"))]
pub struct Progress {
    /// How many values were sealed anew.
    pub done: i64,
    /// How many are left.
    pub left: i64,
}

impl Endpoint for Rewrap {
    const OP: Op = Op::json(
        "kms.rewrap",
        Method::Post,
        "/api/tenants/{tenant}/kms/rewrap",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = Empty;
    type Output = Progress;
}

/// Destroys the data keys below a number. What is still sealed with them can never be opened.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Retire;

/// The body of [`Retire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetireBody {
    /// The least number that stays.
    pub below: i32,
    /// Also when details of the audit log become unreadable by it. Its chain stays whole.
    #[serde(default)]
    pub lose_audit_details: bool,
}

impl Endpoint for Retire {
    const OP: Op = Op::json(
        "kms.retire",
        Method::Post,
        "/api/tenants/{tenant}/kms/retire",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = RetireBody;
    type Output = Keys;
}

/// Somebody opened something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyUse {
    /// Identifies it; newer ones sort last.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: the identifier of a person, of a person and a key, of a poller, or `tod`.
    pub actor: String,
    /// Their e-mail address, if it is a person who has an account.
    pub actor_email: Option<String>,
    /// For what: the name of an operation, such as `device.lease`.
    pub purpose: String,
    /// With which data key.
    pub version: i32,
    /// What: `devices.password`.
    pub place: String,
    /// Of which thing, if it is one: the identifier of a device or a change.
    pub resource: Option<String>,
    /// How many values.
    pub count: i32,
}

/// Lists who opened what, the newest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Log;

/// The query of [`Log`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Nothing older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only by this one: an e-mail address or identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only for this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Only those before this one: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Uuid>,
    /// How many at most; 100 without it, 500 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
}

impl Endpoint for Log {
    const OP: Op = Op::json(
        "kms.log",
        Method::Get,
        "/api/tenants/{tenant}/kms/log",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = LogQuery;
    type Body = Empty;
    type Output = Page<KeyUse>;
}

/// For what something was opened, how often and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyStat {
    /// For what: the name of an operation, such as `device.lease`.
    pub purpose: String,
    /// How often.
    pub accesses: u64,
    /// How many values in all.
    pub values: u64,
    /// Of how many devices, changes and runs.
    pub things: u64,
    /// By whom: identifiers or, of people who have an account, e-mail addresses; ten at most.
    pub who: Vec<String>,
    /// When last.
    pub last: Timestamp,
}

/// Counts who opened what, by purpose, the most frequent first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stats;

/// The query of [`Stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// Nothing older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Endpoint for Stats {
    const OP: Op = Op::json(
        "kms.stats",
        Method::Get,
        "/api/tenants/{tenant}/kms/stats",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = StatsQuery;
    type Body = Empty;
    type Output = Page<KeyStat>;
}
