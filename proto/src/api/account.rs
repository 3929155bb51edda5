//! Signing in without telling the server the password.
//!
//! Sign-in is SRP-6a (RFC 5054, 3072-bit group, SHA-256, everything padded). The secret that goes
//! into it is made from the password *and* a Secret Key that never leaves the person's machines
//! (2SKD): `x = HKDF(PBKDF2(password), salt, email) XOR HKDF(secret key)`. The server holds a
//! verifier, which is of no use for signing in.
//!
//! All byte strings are lower-case hex.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::Grant;
use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::{ApiKeyId, SessionId, TenantId, UserId};
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;

/// The least PBKDF2 rounds that a client accepts, whatever the server says.
pub const KDF_ROUNDS: u32 = 650_000;

/// How the SRP secret is derived from password and Secret Key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kdf {
    /// Rounds of PBKDF2-HMAC-SHA256; at least [`KDF_ROUNDS`].
    #[cfg_attr(feature = "schema", schemars(range(min = 650_000, max = 650_000)))]
    pub rounds: u32,
    /// The salt of PBKDF2, 32 bytes in hex.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::BYTES_32)))]
    pub salt: String,
}

/// What the server keeps of a person's password: nothing that signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verifier {
    /// How the client derives the SRP secret.
    pub kdf: Kdf,
    /// The SRP salt, 32 bytes in hex.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::BYTES_32)))]
    pub srp_salt: String,
    /// `g^x mod N`, 384 bytes in hex.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::NUMBER)))]
    pub verifier: String,
}

/// Does this server wait for its first administrator?
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Setup;

/// The answer of [`Setup`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetupState {
    /// Whether nobody is enrolled yet.
    pub needed: bool,
    /// Where the server has put the setup token, on its own machine.
    pub token_path: Option<String>,
}

impl Endpoint for Setup {
    const OP: Op = Op::json("setup.show", Method::Get, "/api/setup", Scope::Public);
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = SetupState;
}

/// Enrols a person who holds a setup token or an invitation. Only the verifier is sent.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Enrol;

/// The body of [`Enrol`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrolBody {
    /// The setup token (first administrator) or the invitation.
    pub token: String,
    /// The e-mail address; compared without case.
    #[cfg_attr(feature = "schema", schemars(length(max = 254), regex(pattern = schema::EMAIL)))]
    pub email: String,
    /// The person's name.
    #[cfg_attr(feature = "schema", schemars(length(max = 100), regex(pattern = schema::LINE)))]
    pub name: String,
    /// The name of the first tenant; taken with a setup token only.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::TENANT)))]
    pub tenant: Option<String>,
    /// What the server will check sign-ins against.
    pub verifier: Verifier,
}

impl Endpoint for Enrol {
    const OP: Op = Op::json("account.enrol", Method::Post, "/api/enrol", Scope::Public);
    type Path = Empty;
    type Query = Empty;
    type Body = EnrolBody;
    type Output = Me;
}

/// The first half of a sign-in.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SrpStart;

/// The body of [`SrpStart`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SrpStartBody {
    /// Who signs in.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 254)))]
    pub email: String,
}

/// The answer of [`SrpStart`]. For an unknown person it has the same shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SrpChallenge {
    /// Names this sign-in for [`SrpFinish`]; good once, for 60 seconds.
    pub handshake: String,
    /// How to derive the SRP secret.
    pub kdf: Kdf,
    /// The SRP salt.
    pub srp_salt: String,
    /// The server's ephemeral key B.
    pub server_public: String,
}

impl Endpoint for SrpStart {
    const OP: Op = Op::json(
        "account.srp_start",
        Method::Post,
        "/api/auth/srp/start",
        Scope::Public,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = SrpStartBody;
    type Output = SrpChallenge;
}

/// The second half of a sign-in.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SrpFinish;

/// The body of [`SrpFinish`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SrpFinishBody {
    /// From [`SrpChallenge::handshake`].
    pub handshake: String,
    /// The client's ephemeral key A.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::NUMBER)))]
    pub client_public: String,
    /// The client's proof M1.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::BYTES_32)))]
    pub client_proof: String,
    /// What the person will see in their list of sessions, such as `todctl on noc-7`.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    pub label: String,
}

/// A session that [`SrpFinish`] has opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SrpSession {
    /// The server's proof M2: it holds the verifier. The client checks it before anything else.
    pub server_proof: String,
    /// The session's tokens.
    pub tokens: Tokens,
    /// Who signed in.
    pub me: Me,
}

/// A sign-in that still wants a code. The client checks the server's proof before it asks the person
/// for one.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecondStep {
    /// The server's proof M2: it holds the verifier.
    pub server_proof: String,
    /// Names this second step for [`super::totp::Finish`]; good for a few codes.
    pub ticket: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SecondStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondStep")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The answer of [`SrpFinish`]: a session, or what it still takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum SrpFinished {
    /// The person is signed in.
    Session(Box<SrpSession>),
    /// Their sign-in has a second step.
    SecondStep(SecondStep),
}

/// Proofs of a sign-in session.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tokens {
    /// The session.
    pub session: SessionId,
    /// Sent with every request; good for some minutes.
    pub access_token: String,
    /// When `access_token` ends, by the server's clock.
    pub access_expires: Timestamp,
    /// Gets new tokens, once. Presented twice, it ends the session.
    pub refresh_token: String,
    /// When `refresh_token` ends.
    pub refresh_expires: Timestamp,
    /// The server's clock now.
    pub server_time: Timestamp,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("session", &self.session)
            .field("access_expires", &self.access_expires)
            .field("refresh_expires", &self.refresh_expires)
            .finish_non_exhaustive()
    }
}

impl Endpoint for SrpFinish {
    const OP: Op = Op::json(
        "account.srp_finish",
        Method::Post,
        "/api/auth/srp/finish",
        Scope::Public,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = SrpFinishBody;
    type Output = SrpFinished;
}

/// Trades a refresh token for new tokens.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refresh;

/// The body of [`Refresh`] and [`SignOut`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefreshBody {
    /// The newest refresh token of the session.
    pub refresh_token: String,
}

impl std::fmt::Debug for RefreshBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshBody").finish_non_exhaustive()
    }
}

impl Endpoint for Refresh {
    const OP: Op = Op::json(
        "account.refresh",
        Method::Post,
        "/api/auth/refresh",
        Scope::Public,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = RefreshBody;
    type Output = Tokens;
}

/// Ends the session that a refresh token belongs to.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignOut;

impl Endpoint for SignOut {
    const OP: Op = Op::json(
        "account.sign_out",
        Method::Post,
        "/api/auth/sign-out",
        Scope::Public,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = RefreshBody;
    type Output = Empty;
}

/// Who am I?
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Whoami;

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Me {
    /// The person.
    pub id: UserId,
    /// Their e-mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role in their own tenant.
    pub role: Role,
    /// Their own tenant. A super administrator may have none.
    pub tenant: Option<TenantId>,
    /// The name of their own tenant.
    pub tenant_name: Option<String>,
    /// The key that the request was made with, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyId>,
    /// What that key may be used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Grant>,
}

impl Endpoint for Whoami {
    const OP: Op = Op::json(
        "account.whoami",
        Method::Get,
        "/api/auth/whoami",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Me;
}

/// A sign-in session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// What the client called itself.
    pub label: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// Whether this request belongs to it.
    pub current: bool,
}

/// Lists the caller's sign-in sessions.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sessions;

impl Endpoint for Sessions {
    const OP: Op = Op::json(
        "session.list",
        Method::Get,
        "/api/auth/sessions",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = Page<Session>;
}

/// Ends one of the caller's sign-in sessions.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevokeSession;

impl Endpoint for RevokeSession {
    const OP: Op = Op::json(
        "session.revoke",
        Method::Delete,
        "/api/auth/sessions/{session}",
        Scope::Account,
    );
    type Path = SessionId;
    type Query = Empty;
    type Body = Empty;
    type Output = Empty;
}

/// What proves that the caller knows their password and Secret Key: the second half of a handshake
/// that [`SrpStart`] began.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Proof {
    /// From [`SrpChallenge::handshake`].
    pub handshake: String,
    /// The client's ephemeral key A.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::NUMBER)))]
    pub client_public: String,
    /// The client's proof M1.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::BYTES_32)))]
    pub client_proof: String,
}

/// Changes the caller's password, Secret Key or both. Neither is sent. All their other sessions
/// end.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangePassword;

/// The body of [`ChangePassword`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangePasswordBody {
    /// Proves the old ones.
    pub proof: Proof,
    /// What the server will check sign-ins against.
    pub verifier: Verifier,
}

/// The answer of [`ChangePassword`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasswordChanged {
    /// The server's proof M2 that it held the old verifier.
    pub server_proof: String,
    /// How many other sessions have ended.
    pub sessions_ended: u64,
}

impl Endpoint for ChangePassword {
    const OP: Op = Op::json(
        "account.change_password",
        Method::Post,
        "/api/auth/password",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = ChangePasswordBody;
    type Output = PasswordChanged;
}

/// Everything that the server keeps about the caller.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Export;

/// The answer of [`Export`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnData {
    /// When it was put together.
    pub exported_at: Timestamp,
    /// The person.
    pub me: Me,
    /// When they were invited.
    pub created_at: Timestamp,
    /// When they enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// Since when their sign-in has a second step.
    #[serde(default)]
    pub totp_since: Option<Timestamp>,
    /// Their sign-in sessions, ended ones too while they are kept.
    pub sessions: Vec<Session>,
    /// The keys that they made, without what these are proved with.
    pub api_keys: Vec<super::api_keys::ApiKey>,
    /// What they did, the newest 10,000 records.
    pub audit: Vec<super::audit::Record>,
}

impl Endpoint for Export {
    const OP: Op = Op::json(
        "account.export",
        Method::Get,
        "/api/auth/export",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = Empty;
    type Output = OwnData;
}

/// Deletes the caller's account. What they did stays in the audit log, under an identifier that no
/// longer leads to anybody.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delete;

/// The body of [`Delete`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AccountDeleteBody"))]
pub struct DeleteBody {
    /// Proves that it is they who ask.
    pub proof: Proof,
}

/// The answer of [`Delete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeletionReceipt {
    /// Who is gone.
    pub user: UserId,
    /// When.
    pub deleted_at: Timestamp,
    /// SHA-256 of their e-mail address, in hex: it proves a deletion to who knows the address.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::BYTES_32)))]
    pub email_sha256: String,
    /// The server's proof M2 that it held the verifier.
    pub server_proof: String,
}

impl Endpoint for Delete {
    const OP: Op = Op::json(
        "account.delete",
        Method::Post,
        "/api/auth/delete",
        Scope::Account,
    );
    type Path = Empty;
    type Query = Empty;
    type Body = DeleteBody;
    type Output = DeletionReceipt;
}
