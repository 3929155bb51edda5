//! Keys for programs: they act for the person who made them, within scopes, until they expire.

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::Grant;
use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::{ApiKeyId, TenantId, UserId};
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;

/// What every key starts with.
pub const PREFIX: &str = "mktp_";

/// A key, without what it is proved with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKey {
    /// Its identifier.
    pub id: ApiKeyId,
    /// Its name, unique among the keys of the tenant that are not revoked.
    pub name: String,
    /// How it starts, to tell it from others: `mktp_Ab3d`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::KEY_HINT)))]
    pub hint: String,
    /// Who made it. It can do nothing that they cannot.
    pub user: UserId,
    /// The e-mail address of who made it.
    pub user_email: Option<String>,
    /// What it may do at most.
    pub role: Role,
    /// Where it may do it.
    pub scopes: Vec<Grant>,
    /// Where it may be used from; empty is anywhere.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<schema::Network>"))]
    pub networks: Vec<IpNet>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Where it was last used from.
    pub last_used_from: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Lists the keys of a tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

/// The query of [`List`].
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListQuery {
    /// Also those that are revoked or have expired.
    #[serde(default)]
    pub all: bool,
}

impl Endpoint for List {
    const OP: Op = Op::json(
        "apikey.list",
        Method::Get,
        "/api/tenants/{tenant}/api-keys",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = ListQuery;
    type Body = Empty;
    type Output = Page<ApiKey>;
}

/// Makes a key.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Create;

/// The body of [`Create`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ApiKeyCreateBody"))]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(length(max = 100), regex(pattern = schema::LINE)))]
    pub name: String,
    /// Where it may do something; at least one.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub scopes: Vec<Grant>,
    /// What it may do at most; without it, as much as who makes it.
    #[serde(default)]
    pub role: Option<Role>,
    /// Where it may be used from; empty is anywhere.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<schema::Network>", length(max = 32))
    )]
    pub networks: Vec<IpNet>,
    /// When it ends by itself; without it, never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// The answer of [`Create`] and [`Rotate`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// What it is proved with: `mktp_` and 43 characters. It is shown now and never again.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::API_KEY)))]
    pub secret: String,
}

impl std::fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Endpoint for Create {
    const OP: Op = Op::json(
        "apikey.create",
        Method::Post,
        "/api/tenants/{tenant}/api-keys",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = CreateBody;
    type Output = NewApiKey;
}

/// Gives a key a new secret; the old one is good no longer.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotate;

impl Endpoint for Rotate {
    const OP: Op = Op::json(
        "apikey.rotate",
        Method::Post,
        "/api/tenants/{tenant}/api-keys/{apikey}/rotate",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, ApiKeyId);
    type Query = Empty;
    type Body = Empty;
    type Output = NewApiKey;
}

/// Ends a key, within 5 seconds on every server.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Revoke;

impl Endpoint for Revoke {
    const OP: Op = Op::json(
        "apikey.revoke",
        Method::Delete,
        "/api/tenants/{tenant}/api-keys/{apikey}",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, ApiKeyId);
    type Query = Empty;
    type Body = Empty;
    type Output = ApiKey;
}
