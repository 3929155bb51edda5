//! How the server says no.

use serde::{Deserialize, Serialize};

/// What went wrong, in a form that a program can act on. Never reused, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No such thing, or not yours.
    NotFound,
    /// The change collides with another: it exists, is locked, or is stale.
    Conflict,
    /// The request does not parse.
    Invalid,
    /// No valid credentials.
    Unauthenticated,
    /// The role is too low.
    Forbidden,
    /// Too many requests.
    RateLimited,
    /// Refused by a safety gate before anything was changed.
    Halted,
    /// The device does not answer, or refused to sign us in.
    DeviceUnreachable,
    /// The version of RouterOS, of the server or of the client cannot do this.
    Incompatible,
    /// A part of the server is away for the moment.
    Unavailable,
    /// A bug.
    Internal,
    /// A code that this version does not know.
    #[serde(other)]
    Other,
}

/// The body of every response that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// What went wrong.
    pub code: ErrorCode,
    /// One sentence for a person: what happened, to what.
    pub message: String,
    /// Why, if more is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Names the request in the server's log.
    #[serde(default)]
    pub request_id: String,
}
