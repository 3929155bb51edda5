//! Sign-in sessions of others, and the keys that all sessions are proved with.
//!
//! One's own sessions are in [`super::account`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Session;
use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::{SessionId, SigningKeyId, TenantId, UserId};
use crate::page::{Empty, Page};

/// A sign-in session of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PersonSession {
    /// Whose it is.
    pub user: UserId,
    /// Their e-mail address.
    pub email: String,
    /// Their role.
    pub role: Role,
    /// The session.
    #[serde(flatten)]
    pub session: Session,
}

/// Lists the sign-in sessions of a tenant's people whose role is not above the caller's, the newest
/// first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListAll;

/// The query of [`ListAll`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only those of this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Only those that are older than this one: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<SessionId>,
    /// How many at most; 100 without it, 500 at most.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Endpoint for ListAll {
    const OP: Op = Op::json(
        "session.list_all",
        Method::Get,
        "/api/tenants/{tenant}/sessions",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = ListQuery;
    type Body = Empty;
    type Output = Page<PersonSession>;
}

/// Ends a sign-in session of somebody in the tenant whose role is not above the caller's. It takes
/// effect within 5 seconds.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevokeOne;

impl Endpoint for RevokeOne {
    const OP: Op = Op::json(
        "session.revoke_one",
        Method::Delete,
        "/api/tenants/{tenant}/sessions/{session}",
        Scope::Tenant(Role::Admin),
    );
    type Path = (TenantId, SessionId);
    type Query = Empty;
    type Body = Empty;
    type Output = Empty;
}

/// Ends all sign-in sessions of a person, or of everybody in the tenant, whose role is not above
/// the caller's. The session that asks stays.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevokeAll;

/// The body of [`RevokeAll`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeAllBody {
    /// Whose; everybody's if it is absent.
    #[serde(default)]
    pub user: Option<UserId>,
}

/// The answer of [`RevokeAll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "SessionsEnded"))]
pub struct Ended {
    /// How many sessions have ended.
    pub ended: u64,
}

impl Endpoint for RevokeAll {
    const OP: Op = Op::json(
        "session.revoke_all",
        Method::Post,
        "/api/tenants/{tenant}/sessions/revoke",
        Scope::Tenant(Role::Admin),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = RevokeAllBody;
    type Output = Ended;
}

/// What a signing key does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "SigningKeyState"))]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It will sign in a few seconds, when all servers know it.
    Next,
    /// It signs new tokens.
    Signs,
    /// What it has signed is believed until it retires.
    Retires,
    /// A state that this version does not know.
    #[serde(other)]
    Other,
}

/// A key that access tokens are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SigningKey {
    /// Its identifier: `kid` of the tokens.
    pub id: SigningKeyId,
    /// What it does at the moment.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// When it is destroyed, if another has taken its place.
    pub retires_at: Option<Timestamp>,
}

/// Lists the keys that access tokens are signed with, the newest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SigningKeys;

impl Endpoint for SigningKeys {
    const OP: Op = Op::json(
        "session.keys",
        Method::Get,
        "/api/platform/signing-keys",
        Scope::Platform,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Page<SigningKey>;
}

/// Makes another key that access tokens are signed with. The one before it is believed for as long
/// as a token of it may be good.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotateKeys;

/// The body of [`RotateKeys`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateKeysBody {
    /// Destroy the keys before it at once: all access tokens are good no longer, and clients get
    /// new ones with their refresh tokens.
    #[serde(default)]
    pub at_once: bool,
}

impl Endpoint for RotateKeys {
    const OP: Op = Op::json(
        "session.rotate_keys",
        Method::Post,
        "/api/platform/signing-keys",
        Scope::Platform,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = RotateKeysBody;
    type Output = Page<SigningKey>;
}
