//! Access tokens: JWTs of some minutes, signed with the newest key of a [`Ring`].

mod known;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tod_proto::id::{RequestId, SessionId, SigningKeyId, UserId};

use self::known::{Known, Vouched};
use crate::api::error::Error;

/// How long an access token is good, where nothing else is said.
pub const ACCESS: Duration = Duration::from_mins(15);
/// How long one may be made good. Keys are kept for so long, whatever a server makes: another one
/// may be told otherwise, or the same one may have been yesterday.
pub const LONGEST: Duration = Duration::from_hours(1);
/// How far another server's clock may be off.
pub const LEEWAY: Duration = Duration::from_secs(30);
/// The one algorithm. What a token's header asks for counts for nothing.
const ALGORITHM: Algorithm = Algorithm::HS256;
const AUDIENCE: &str = "tod-api";
/// No token of ours is longer; a longer one is not parsed.
const MAX_LENGTH: usize = 2048;

/// What signs and checks: 256 random bits.
pub struct Material {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

impl Material {
    /// Takes the bits.
    pub fn new(key: &[u8]) -> Self {
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
        }
    }
}

/// A key, and when it is good for what.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name in the header of tokens, `kid`.
    pub id: SigningKeyId,
    /// What signs.
    pub material: Arc<Material>,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// From when on nothing that it has signed is believed.
    pub retires_at: Option<Timestamp>,
}

impl Key {
    /// Whether what it has signed is believed.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.retires_at.is_none_or(|at| now < at)
    }
}

/// Why a token is not good. It is told to nobody but the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// No key of the ring has this name: another server may have made one a moment ago.
    UnknownKey,
    /// It is not good, whatever the keys.
    Bad(String),
}

/// The keys of an installation.
#[derive(Clone, Debug, Default)]
pub struct Ring(pub Vec<Key>);

impl Ring {
    /// The key that signs: the newest whose time has come. After a clock was set back there may be
    /// none, and the oldest signs.
    pub fn signing(&self, now: Timestamp) -> Option<&Key> {
        let live = || self.0.iter().filter(|key| key.is_live(now));
        live()
            .filter(|key| key.signs_from <= now)
            .max_by_key(|key| key.signs_from)
            .or_else(|| live().min_by_key(|key| key.signs_from))
    }

    fn believed(&self, id: SigningKeyId, now: Timestamp) -> Result<&Key, Refused> {
        let mut live = self.0.iter().filter(|key| key.is_live(now));
        live.find(|key| key.id == id).ok_or(Refused::UnknownKey)
    }
}

/// Makes access tokens and checks them.
#[derive(Debug)]
pub struct Signer {
    issuer: String,
    access: Duration,
    validation: Validation,
    known: Known,
}

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The session.
    pub session: SessionId,
    /// The person.
    pub user: UserId,
    /// When it ends.
    pub expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Signer {
    /// `issuer` names this installation; its tokens are good for `access`, at most [`LONGEST`].
    pub fn new(issuer: &str, access: Duration) -> Self {
        let mut validation = Validation::new(ALGORITHM);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library would read the system's clock; `check` compares with ours.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            issuer: issuer.to_owned(),
            access: access.min(LONGEST),
            validation,
            known: Known::default(),
        }
    }

    /// Makes a token for a session, and says when it ends.
    pub fn sign(
        &self,
        ring: &Ring,
        session: SessionId,
        user: UserId,
        now: Timestamp,
    ) -> Result<(String, Timestamp), Error> {
        let key = ring.signing(now).ok_or_else(|| {
            Error::unavailable("the server has no key to sign with").hint("try again in a minute")
        })?;
        let expires = now + self.access;
        let wire = Wire {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            jti: RequestId::generate().0.simple().to_string(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: expires.as_second(),
        };
        let header = Header {
            kid: Some(key.id.to_string()),
            ..Header::new(ALGORITHM)
        };
        let token = jsonwebtoken::encode(&header, &wire, &key.material.encoding)
            .map_err(Error::internal)?;
        Ok((token, expires))
    }

    /// Checks a token. Its signature is computed once; whether its key is believed and whether it
    /// is good now, every time.
    pub fn check(&self, ring: &Ring, token: &str, now: Timestamp) -> Result<Claims, Refused> {
        if token.len() > MAX_LENGTH {
            return Err(bad("it is too long"));
        }
        let hash = Known::hash(token).ok_or_else(|| bad("it has no hash"))?;
        if let Some(vouched) = self.known.get(&hash) {
            ring.believed(vouched.key, now)?;
            return vouched
                .claims_at(now)
                .inspect_err(|_| self.known.forget(&hash));
        }
        let vouched = self.verify(ring, token, now)?;
        let claims = vouched.claims_at(now)?;
        self.known.put(hash, vouched);
        Ok(claims)
    }

    fn verify(&self, ring: &Ring, token: &str, now: Timestamp) -> Result<Vouched, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| bad(&error.to_string()))?;
        let id = header.kid.ok_or_else(|| bad("it names no key"))?;
        let id = id.parse().map_err(|_| Refused::UnknownKey)?;
        let key = ring.believed(id, now)?;
        let wire = jsonwebtoken::decode::<Wire>(token, &key.material.decoding, &self.validation)
            .map_err(|error| bad(&error.to_string()))?
            .claims;
        let expires = Timestamp::from_second(wire.exp).map_err(|_| bad("no such time"))?;
        Ok(Vouched {
            key: id,
            begins: wire.nbf,
            ends: wire.exp,
            claims: Claims {
                session: wire.sid,
                user: wire.sub,
                expires,
            },
        })
    }
}

impl Vouched {
    /// What the token says, if it is good at this time.
    fn claims_at(&self, now: Timestamp) -> Result<Claims, Refused> {
        let leeway = i64::try_from(LEEWAY.as_secs()).unwrap_or_default();
        if self.ends.saturating_add(leeway) <= now.as_second() {
            return Err(bad("it has ended"));
        }
        if self.begins.saturating_sub(leeway) > now.as_second() {
            return Err(bad("it has not begun"));
        }
        Ok(self.claims)
    }
}

fn bad(why: &str) -> Refused {
    Refused::Bad(why.to_owned())
}

#[cfg(test)]
mod tests;
