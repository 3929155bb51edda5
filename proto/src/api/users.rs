//! People and their roles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::{TenantId, UserId};
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;

/// A person in a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// Their identifier.
    pub id: UserId,
    /// Their e-mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether they have enrolled; until then they hold an invitation.
    pub enrolled: bool,
    /// Whether their sign-in has a second step.
    #[serde(default)]
    pub totp: bool,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// When they were invited.
    pub created_at: Timestamp,
}

/// Lists the people of a tenant.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

impl Endpoint for List {
    const OP: Op = Op::json(
        "user.list",
        Method::Get,
        "/api/tenants/{tenant}/users",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = Empty;
    type Output = Page<User>;
}

/// Invites a person. They enrol themselves with the token.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invite;

/// The body of [`Invite`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InviteBody {
    /// Their e-mail address.
    #[cfg_attr(feature = "schema", schemars(length(max = 254), regex(pattern = schema::EMAIL)))]
    pub email: String,
    /// Their name.
    #[cfg_attr(feature = "schema", schemars(length(max = 100), regex(pattern = schema::LINE)))]
    pub name: String,
    /// What they may do; at most the inviter's own role.
    pub role: Role,
}

/// The answer of [`Invite`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invitation {
    /// The person.
    pub user: User,
    /// What they enrol with, once. It is shown now and never again.
    pub token: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl Endpoint for Invite {
    const OP: Op = Op::json(
        "user.invite",
        Method::Post,
        "/api/tenants/{tenant}/users",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = InviteBody;
    type Output = Invitation;
}

/// Changes a person's role, or whether they may sign in. It takes effect within 5 seconds.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Set;

/// The body of [`Set`]: what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserPatch {
    /// The new role; at most the caller's own.
    #[serde(default)]
    pub role: Option<Role>,
    /// Whether they may sign in.
    #[serde(default)]
    pub active: Option<bool>,
}

impl Endpoint for Set {
    const OP: Op = Op::json(
        "user.set",
        Method::Patch,
        "/api/tenants/{tenant}/users/{user}",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, UserId);
    type Query = Empty;
    type Body = UserPatch;
    type Output = User;
}

/// Takes a person's way in away and gives them another: their password and Secret Key are good no
/// longer, nor is their second step, their sessions end, and they enrol again with the token.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reset;

impl Endpoint for Reset {
    const OP: Op = Op::json(
        "user.reset",
        Method::Post,
        "/api/tenants/{tenant}/users/{user}/reset",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, UserId);
    type Query = Empty;
    type Body = Empty;
    type Output = Invitation;
}

/// Takes the second step of a person's sign-in away: they have lost their authenticator and their
/// recovery codes. Password and Secret Key stay as they are.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RemoveTotp;

impl Endpoint for RemoveTotp {
    const OP: Op = Op::json(
        "user.remove_totp",
        Method::Delete,
        "/api/tenants/{tenant}/users/{user}/totp",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, UserId);
    type Query = Empty;
    type Body = Empty;
    type Output = Empty;
}

/// Removes a person. What they did stays in the audit log, under an identifier that no longer
/// leads to anybody.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delete;

impl Endpoint for Delete {
    const OP: Op = Op::json(
        "user.delete",
        Method::Delete,
        "/api/tenants/{tenant}/users/{user}",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, UserId);
    type Query = Empty;
    type Body = Empty;
    type Output = Empty;
}
