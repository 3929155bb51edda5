//! The second step of sign-in: one-time codes by the clock (RFC 6238: SHA-1, six digits, steps of
//! thirty seconds), and codes on paper for when the authenticator is lost.
//!
//! ```text
//! SrpFinish ──► SrpFinished::Session                      without a second step
//!           └─► SrpFinished::SecondStep ── Finish ──► SignedIn
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Me, Proof, Tokens};
use crate::endpoint::{Endpoint, Method, Op, Scope};
use crate::page::Empty;

/// A session that a second step has opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedIn {
    /// The session's tokens.
    pub tokens: Tokens,
    /// Who signed in.
    pub me: Me,
}

/// The second step of a sign-in.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finish;

/// The body of [`Finish`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FinishBody {
    /// From [`super::account::SecondStep::ticket`].
    pub ticket: String,
    /// What the authenticator shows, or a recovery code.
    pub code: String,
}

impl std::fmt::Debug for FinishBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishBody").finish_non_exhaustive()
    }
}

impl Endpoint for Finish {
    const OP: Op = Op::json(
        "account.totp_finish",
        Method::Post,
        "/api/auth/totp/finish",
        Scope::Public,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = FinishBody;
    type Output = SignedIn;
}

/// Says whether the caller's sign-in has a second step.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status;

/// The answer of [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TotpStatus {
    /// Since when it has, if it has.
    pub since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// Whether the caller's tenant asks it of all its people.
    pub required: bool,
}

impl Endpoint for Status {
    const OP: Op = Op::json(
        "account.totp_status",
        Method::Get,
        "/api/auth/totp",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = TotpStatus;
}

/// Makes a secret for the caller's authenticator. It is in use once [`Enable`] has seen a code.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Begin;

/// The body of [`Begin`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BeginBody {
    /// Proves that it is they who ask.
    pub proof: Proof,
}

/// The answer of [`Begin`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewSecret {
    /// The server's proof M2 that it held the verifier.
    pub server_proof: String,
    /// 160 bits in base 32 (RFC 4648), for the authenticator.
    pub secret: String,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret").finish_non_exhaustive()
    }
}

impl Endpoint for Begin {
    const OP: Op = Op::json(
        "account.totp_begin",
        Method::Post,
        "/api/auth/totp/begin",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = BeginBody;
    type Output = NewSecret;
}

/// Puts the second step in use, after a code has shown that the authenticator has the secret.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Enable;

/// The body of [`Enable`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnableBody {
    /// What the authenticator shows.
    pub code: String,
}

impl std::fmt::Debug for EnableBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnableBody").finish_non_exhaustive()
    }
}

/// The answer of [`Enable`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecoveryCodes {
    /// Each takes the place of a code once. They are shown now and never again.
    pub codes: Vec<String>,
}

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoveryCodes").finish_non_exhaustive()
    }
}

impl Endpoint for Enable {
    const OP: Op = Op::json(
        "account.totp_enable",
        Method::Post,
        "/api/auth/totp/enable",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = EnableBody;
    type Output = RecoveryCodes;
}

/// Takes the second step of the caller's sign-in away.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Disable;

/// The body of [`Disable`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DisableBody {
    /// Proves password and Secret Key.
    pub proof: Proof,
    /// What the authenticator shows, or a recovery code.
    pub code: String,
}

/// The answer of [`Disable`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Disabled {
    /// The server's proof M2 that it held the verifier.
    pub server_proof: String,
}

impl Endpoint for Disable {
    const OP: Op = Op::json(
        "account.totp_disable",
        Method::Post,
        "/api/auth/totp/disable",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = DisableBody;
    type Output = Disabled;
}
