//! Tenants: whose networks these are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::TenantId;
use crate::page::{Empty, Page};

/// A tenant, as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// Its name, unique on the server.
    pub name: String,
    /// What the caller may do in it.
    pub role: Role,
    /// How many devices it has.
    pub devices: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Lists the tenants that the caller may enter.
#[derive(Debug)]
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
pub struct Create;

/// The body of [`Create`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateBody {
    /// The name: letters, digits, `-` and `_`, at most 64.
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
