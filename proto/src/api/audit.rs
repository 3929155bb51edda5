//! Who did what: the audit log of a tenant, whose rows hold each other by hashes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::TenantId;
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AuditRecord"))]
pub struct Record {
    /// Whose chain it is in; the nil tenant's is the platform's. It is part of the hash.
    pub tenant: TenantId,
    /// Its number in the tenant, without gaps; people see `a-17`.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who: the identifier of a person, of a person and a key (`us_…/ak_…`), or `tod`.
    pub actor: String,
    /// Their e-mail address, while they have an account.
    pub actor_email: Option<String>,
    /// What: the name of an operation, such as `device.add`.
    pub act: String,
    /// To what: an identifier or a name.
    pub target: String,
    /// Where the request came from; empty for what tod did by itself.
    pub address: String,
    /// Which request it was.
    pub request_id: String,
    /// More. It is kept sealed.
    pub detail: serde_json::Value,
    /// The details as they are kept, in hex: with them the hash can be checked anywhere.
    pub sealed: String,
    /// What the sealed details are bound to.
    pub id: Option<uuid::Uuid>,
    /// How the hash is made: 1 or 2.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 2)))]
    pub form: i16,
    /// The hash of the record before, in hex; empty in the first.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^([0-9a-f]{64})?$")))]
    pub prev_hash: String,
    /// The hash of this one, in hex.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::BYTES_32)))]
    pub hash: String,
}

/// Lists the audit log, the newest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

/// The query of [`List`] and [`PlatformList`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Nothing older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Nothing newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only of this person: their e-mail address or identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only this act; `device.` stands for all that begin so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Only to this: an identifier or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Only records before this number: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// How many at most; 100 without it, 500 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
}

impl Endpoint for List {
    const OP: Op = Op::json(
        "audit.list",
        Method::Get,
        "/api/tenants/{tenant}/audit",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = ListQuery;
    type Body = Empty;
    type Output = Page<Record>;
}

/// Shows one record.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

impl Endpoint for Show {
    const OP: Op = Op::json(
        "audit.show",
        Method::Get,
        "/api/tenants/{tenant}/audit/{seq}",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, i64);
    type Query = Empty;
    type Body = Empty;
    type Output = Record;
}

/// Checks the whole chain.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verify;

/// The query of [`Verify`] and [`PlatformVerify`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyQuery {
    /// Also tell the hash of the record with this number, to compare with what was noted earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}

/// What a policy took from the beginning of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cut {
    /// The number of the last record that is gone.
    pub through: i64,
    /// Its hash, in hex: the first record that is kept holds it as the hash of the one before.
    pub hash: String,
    /// All that is gone was older than this.
    pub before: Timestamp,
    /// When it went.
    pub at: Timestamp,
}

/// The answer of [`Verify`] and [`PlatformVerify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AuditVerdict"))]
pub struct Verdict {
    /// Whether every record is as it was written, none is missing and every checkpoint holds.
    pub whole: bool,
    /// How many records are as they were written, from the first that is kept on.
    pub records: i64,
    /// What is gone by policy, if anything is: the chain begins after it.
    #[serde(default)]
    pub cut: Option<Cut>,
    /// How many checkpoints vouch for them.
    pub checkpoints: i64,
    /// The number of the first record that is not as it was written, or not there.
    pub broken_at: Option<i64>,
    /// What is wrong.
    pub reason: Option<String>,
    /// The hash of the last good record, in hex: kept elsewhere, it shows a rewritten chain.
    pub head: String,
    /// The hash of the record that was asked for, in hex, if it is among the good ones.
    pub at: Option<String>,
}

impl Endpoint for Verify {
    const OP: Op = Op::json(
        "audit.verify",
        Method::Get,
        "/api/tenants/{tenant}/audit/verify",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = VerifyQuery;
    type Body = Empty;
    type Output = Verdict;
}

/// Lists the acts that belong to no tenant, the newest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlatformList;

impl Endpoint for PlatformList {
    const OP: Op = Op::json(
        "audit.platform_list",
        Method::Get,
        "/api/platform/audit",
        Scope::Platform,
    );
    type Path = Empty;
    type Query = ListQuery;
    type Body = Empty;
    type Output = Page<Record>;
}

/// Checks the chain of the acts that belong to no tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlatformVerify;

impl Endpoint for PlatformVerify {
    const OP: Op = Op::json(
        "audit.platform_verify",
        Method::Get,
        "/api/platform/audit/verify",
        Scope::Platform,
    );
    type Path = Empty;
    type Query = VerifyQuery;
    type Body = Empty;
    type Output = Verdict;
}
