//! Who is calling, and whether they still may.
//!
//! A request carries an access token. Its signature says which session it belongs to; the session
//! and the person are looked up in the database, at most [`FRESH`] ago, so that a revoked session,
//! a new role or a deactivated person counts within five seconds on every server.

pub mod limit;
pub mod secret;
pub mod session;
pub mod srp;
pub mod token;

use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use tod_proto::endpoint::Role;
use tod_proto::id::{SessionId, TenantId, UserId};

use crate::api::App;
use crate::api::error::Error;
use crate::kms::{Kms, KmsError};

/// For how long a looked-up session is believed.
pub const FRESH: Duration = Duration::from_secs(3);

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// The session that the request belongs to.
    pub session: SessionId,
    /// Their e-mail address; the actor in audit and events.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role in their own tenant.
    pub role: Role,
    /// Their own tenant.
    pub tenant: Option<TenantId>,
    /// Its name.
    pub tenant_name: Option<String>,
    /// When their access token ends. A stream that they opened ends then, too.
    pub expires: Timestamp,
}

/// What signing in needs to remember in this process.
#[derive(Debug)]
pub struct Auth {
    /// Signs and checks access tokens.
    pub tokens: token::Signer,
    /// Sessions looked up lately.
    pub sessions: session::Cache,
    /// Makes what strangers are shown.
    pub(crate) fake: aws_lc_rs::hkdf::Prk,
    /// Requests of one address that need no sign-in.
    pub(crate) per_address: limit::Limit,
    /// Failed sign-ins of one account from one address.
    pub(crate) per_account_and_address: limit::Limit,
    /// Failed sign-ins of one account from anywhere. Higher, so that a stranger who guesses does
    /// not lock the person out soon.
    pub(crate) per_account: limit::Limit,
}

impl Auth {
    /// Derives the keys. `issuer` names this installation in its tokens.
    pub fn new(kms: &Kms, issuer: &str) -> Result<Self, KmsError> {
        let quarter = Duration::from_mins(15);
        Ok(Self {
            tokens: token::Signer::new(&*kms.derive("access tokens")?, issuer),
            sessions: session::Cache::default(),
            fake: srp::fake_key(&*kms.derive("fake salts")?),
            per_address: limit::Limit::new(
                "sign-ins from your address",
                120,
                Duration::from_mins(1),
            ),
            per_account_and_address: limit::Limit::new("failed sign-ins", 10, quarter),
            per_account: limit::Limit::new("failed sign-ins", 100, quarter),
        })
    }
}

/// Finds out who sent a request.
pub async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, Error> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Error::unauthenticated("you are not signed in"))?;
    let claims = app.auth.tokens.check(token, app.clock.now())?;
    session::principal(app, claims.session, claims.user, claims.expires).await
}
