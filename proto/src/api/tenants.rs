//! Tenants: whose networks these are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::TenantId;
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;

/// A tenant, as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// Its name, unique on the server.
    pub name: String,
    /// What the caller may do in it.
    pub role: Role,
    /// How many devices it has.
    pub devices: u64,
    /// How many people it has.
    #[serde(default)]
    pub users: u64,
    /// Since when nobody of it may do anything.
    #[serde(default)]
    pub suspended_at: Option<Timestamp>,
    /// How much it may have.
    #[serde(default)]
    pub quotas: Quotas,
    /// Whether the sign-in of all its people has to have a second step.
    #[serde(default)]
    pub totp_required: bool,
    /// For how many days its audit log is kept; for ever without it.
    #[serde(default)]
    pub audit_retention_days: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How much a tenant may have; nothing is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Devices.
    pub devices: Option<u32>,
    /// People.
    pub users: Option<u32>,
    /// API keys that are good.
    pub api_keys: Option<u32>,
}

/// Lists the tenants that the caller may enter.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

impl Endpoint for List {
    const OP: Op = Op::json("tenant.list", Method::Get, "/api/tenants", Scope::Account);
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Page<Tenant>;
}

/// Makes a tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Create;

/// The body of [`Create`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "TenantCreateBody"))]
pub struct CreateBody {
    /// The name: letters, digits, `-` and `_`, at most 64.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::TENANT)))]
    pub name: String,
}

impl Endpoint for Create {
    const OP: Op = Op::json(
        "tenant.create",
        Method::Post,
        "/api/tenants",
        Scope::Platform,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = CreateBody;
    type Output = Tenant;
}

/// Shows a tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

impl Endpoint for Show {
    const OP: Op = Op::json(
        "tenant.show",
        Method::Get,
        "/api/tenants/{tenant}",
        Scope::Tenant(Role::Viewer),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = Empty;
    type Output = Tenant;
}

/// Renames, suspends or limits a tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Set;

/// The body of [`Set`]: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    /// The new name.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::TENANT)))]
    pub name: Option<String>,
    /// Whether nobody of it may do anything. Its devices are not polled meanwhile, and keep their
    /// configuration.
    #[serde(default)]
    pub suspended: Option<bool>,
    /// How much it may have, all three at once. What it has beyond that stays.
    #[serde(default)]
    pub quotas: Option<Quotas>,
    /// Whether the sign-in of all its people has to have a second step. Who has none can do nothing
    /// but take one up.
    #[serde(default)]
    pub totp_required: Option<bool>,
    /// For how many days its audit log and the log of its keys are kept, 1 to 36,500; 0 is for
    /// ever.
    #[cfg_attr(feature = "schema", schemars(range(max = 36_500)))]
    #[serde(default)]
    pub audit_retention_days: Option<u32>,
}

impl Endpoint for Set {
    const OP: Op = Op::json(
        "tenant.set",
        Method::Patch,
        "/api/tenants/{tenant}",
        Scope::Tenant(Role::SuperAdmin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = TenantPatch;
    type Output = Tenant;
}

/// Deletes a tenant with everything in it, for good. Its data keys are destroyed: what copies of
/// the database hold of its secrets can never be opened again. The chain of its audit log stays.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delete;

/// The query of [`Delete`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteQuery {
    /// Its name once more.
    pub confirm: String,
}

/// The answer of [`Delete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "TenantDeleted"))]
pub struct Deleted {
    /// Which.
    pub id: TenantId,
    /// How many devices went with it.
    pub devices: u64,
    /// How many people went with it.
    pub users: u64,
}

impl Endpoint for Delete {
    const OP: Op = Op::json(
        "tenant.delete",
        Method::Delete,
        "/api/tenants/{tenant}",
        Scope::Tenant(Role::SuperAdmin),
    );
    type Path = TenantId;
    type Query = DeleteQuery;
    type Body = Empty;
    type Output = Deleted;
}
