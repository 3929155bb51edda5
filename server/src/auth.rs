//! Who is calling, and whether they still may.
//!
//! A program's request carries a key ([`api_key`]), a person's an access token. Its signature says which session it belongs to; the session
//! and the person are looked up in the database, at most [`FRESH`] ago, so that a revoked session,
//! a new role or a deactivated person counts within five seconds on every server.

pub mod api_key;
pub mod limit;
pub mod secret;
pub mod session;
pub mod signing;
pub mod srp;
pub mod token;
pub mod totp;
pub(crate) mod tries;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use jiff::Timestamp;
use tod_proto::access::Grant;
use tod_proto::api::api_keys::PREFIX;
use tod_proto::endpoint::Role;
use tod_proto::id::{ApiKeyId, SessionId, TenantId, UserId};

use crate::api::App;
use crate::api::error::Error;
use crate::kms::{Kms, KmsError};

/// For how long a looked-up session is believed.
pub const FRESH: Duration = Duration::from_secs(3);

/// A signed-in person, or a program that acts for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// What they showed.
    pub credential: Credential,
    /// Their e-mail address, for people to read.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role in their own tenant; with a key, at most that of the key.
    pub role: Role,
    /// Their own tenant; with a key, that of the key.
    pub tenant: Option<TenantId>,
    /// Its name.
    pub tenant_name: Option<String>,
    /// Whether their tenant asks a second step of them that their sign-in does not have: until then
    /// they may do nothing else.
    pub owes_totp: bool,
    /// When what they showed ends. A stream that they opened ends then, too.
    pub expires: Timestamp,
}

/// What a caller shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The access token of a sign-in session.
    Session(SessionId),
    /// A key for programs, and what it is for.
    Key(ApiKeyId, Vec<Grant>),
}

impl Principal {
    /// Who acts, as the audit log knows them.
    pub fn actor(&self) -> String {
        match &self.credential {
            Credential::Session(_) => self.user.to_string(),
            Credential::Key(key, _) => format!("{}/{key}", self.user),
        }
    }

    /// The sign-in session of a person.
    pub fn session(&self) -> Result<SessionId, Error> {
        match self.credential {
            Credential::Session(session) => Ok(session),
            Credential::Key(..) => Err(Error::forbidden("this needs a person who is signed in")),
        }
    }
}

/// What signing in needs to remember in this process.
#[derive(Debug)]
pub struct Auth {
    /// Makes and checks access tokens.
    pub tokens: token::Signer,
    /// What they are signed with.
    pub keys_of_tokens: signing::Keys,
    /// Sessions looked up lately.
    pub sessions: session::Cache,
    /// Keys looked up lately.
    pub keys: api_key::Cache,
    /// How much arithmetic sign-ins have taken.
    pub srp: Arc<srp::Work>,
    /// Makes what strangers are shown.
    pub(crate) fake: aws_lc_rs::hkdf::Prk,
    /// Requests of one address that need no sign-in.
    pub(crate) per_address: limit::Limit,
    /// Keys that are none, from one address.
    pub(crate) bad_keys: limit::Limit,
}

impl Auth {
    /// Derives the keys. `issuer` names this installation in its tokens, good for `access`.
    pub fn new(kms: &Kms, issuer: &str, access: Duration) -> Result<Self, KmsError> {
        Ok(Self {
            tokens: token::Signer::new(issuer, access),
            keys_of_tokens: signing::Keys::default(),
            sessions: session::Cache::default(),
            keys: api_key::Cache::default(),
            srp: Arc::default(),
            fake: srp::fake_key(&*kms.derive("fake salts")?),
            per_address: limit::Limit::new(
                "sign-ins from your address",
                120,
                Duration::from_mins(1),
            ),
            bad_keys: limit::Limit::new("wrong API keys", 30, Duration::from_mins(1)),
        })
    }

    /// Forgets what was looked up about a person: their next request is looked up anew.
    pub fn forget_user(&self, user: UserId) {
        self.sessions.forget_user(user);
        self.keys.forget_user(user);
    }
}

/// Finds out who sent a request, and from where it may have come.
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Arc<Principal>, Error> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let key = headers.get(API_KEY).and_then(|value| value.to_str().ok());
    match (key, bearer) {
        (Some(key), None) => Box::pin(api_key::principal(app, key, peer)).await,
        (None, Some(key)) if key.starts_with(PREFIX) => {
            Box::pin(api_key::principal(app, key, peer)).await
        }
        (None, Some(token)) => {
            let claims = signing::check(app, token).await?;
            session::principal(app, claims).await
        }
        (Some(_), Some(_)) => Err(Error::unauthenticated(
            "the request carries both an API key and a token",
        )),
        (None, None) => Err(Error::unauthenticated("you are not signed in")),
    }
}

/// Why nobody of a tenant may do anything.
pub(crate) fn suspended() -> Error {
    Error::forbidden("your tenant is suspended").hint("ask whoever runs the server")
}

/// The header that a program may show its key in.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
