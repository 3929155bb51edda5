//! Access tokens: JWTs of 15 minutes, signed with a key derived from the master key.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tod_proto::id::{RequestId, SessionId, UserId};

use crate::api::error::Error;

/// How long an access token is good.
pub const ACCESS: Duration = Duration::from_mins(15);
/// How far another server's clock may be off.
const LEEWAY: Duration = Duration::from_secs(30);
const AUDIENCE: &str = "tod-api";
/// No token of ours is longer; a longer one is not parsed.
const MAX_LENGTH: usize = 2048;

/// Signs access tokens and checks them.
pub struct Signer {
    issuer: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
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
    /// Signs with `key`.
    pub fn new(key: &[u8; 32], issuer: &str) -> Self {
        // One algorithm, fixed here: what the token's header asks for counts for nothing.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library would read the system's clock; `check` compares with ours.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            issuer: issuer.to_owned(),
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
        }
    }

    /// Makes a token for a session, and says when it ends.
    pub fn sign(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
    ) -> Result<(String, Timestamp), Error> {
        let expires = now + ACCESS;
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
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &wire, &self.encoding)
            .map_err(Error::internal)?;
        Ok((token, expires))
    }

    /// Checks a token. Why it is not good is told to nobody but the log.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Claims, Error> {
        let refused = |why: &str| {
            tracing::debug!(why, "refused an access token");
            Error::unauthenticated("the access token is not good, or no longer")
        };
        if token.len() > MAX_LENGTH {
            return Err(refused("it is too long"));
        }
        let wire = jsonwebtoken::decode::<Wire>(token, &self.decoding, &self.validation)
            .map_err(|error| refused(&error.to_string()))?
            .claims;
        let leeway = i64::try_from(LEEWAY.as_secs()).unwrap_or_default();
        if wire.exp.saturating_add(leeway) <= now.as_second() {
            return Err(refused("it has ended"));
        }
        if wire.nbf.saturating_sub(leeway) > now.as_second() {
            return Err(refused("it has not begun"));
        }
        let expires = Timestamp::from_second(wire.exp).map_err(|_| refused("no such time"))?;
        Ok(Claims {
            session: wire.sid,
            user: wire.sub,
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn signer() -> Signer {
        Signer::new(&[7; 32], "tod-test")
    }

    fn forged(header: &Header, key: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut claims = serde_json::json!({
            "iss": "tod-test", "aud": AUDIENCE, "sub": UserId::generate(),
            "sid": SessionId::generate(), "jti": "x", "iat": now().as_second(),
            "nbf": now().as_second(), "exp": now().as_second() + 900,
        });
        change(&mut claims);
        jsonwebtoken::encode(header, &claims, &EncodingKey::from_secret(key)).unwrap()
    }

    #[test]
    fn a_token_says_who_and_until_when() {
        let (session, user) = (SessionId::generate(), UserId::generate());

        let (token, expires) = signer().sign(session, user, now()).unwrap();

        let claims = signer().check(&token, now()).unwrap();
        assert_eq!(
            claims,
            Claims {
                session,
                user,
                expires
            }
        );
        assert_eq!(expires, now() + ACCESS);
    }

    #[test]
    fn an_ended_token_is_refused_after_the_leeway() {
        let (token, expires) = signer()
            .sign(SessionId::generate(), UserId::generate(), now())
            .unwrap();

        assert!(
            signer()
                .check(&token, expires + Duration::from_secs(29))
                .is_ok()
        );
        assert!(
            signer()
                .check(&token, expires + Duration::from_secs(30))
                .is_err()
        );
        assert!(
            signer()
                .check(&token, now() - Duration::from_secs(31))
                .is_err()
        );
    }

    #[test]
    fn forged_tokens_are_refused() {
        let header = Header::new(Algorithm::HS256);
        let good = forged(&header, &[7; 32], |_| {});
        assert!(signer().check(&good, now()).is_ok());

        let other_key = forged(&header, &[8; 32], |_| {});
        let other_algorithm = forged(&Header::new(Algorithm::HS384), &[7; 32], |_| {});
        let other_issuer = forged(&header, &[7; 32], |claims| claims["iss"] = "x".into());
        let other_audience = forged(&header, &[7; 32], |claims| claims["aud"] = "x".into());
        let no_end = forged(&header, &[7; 32], |claims| {
            claims.as_object_mut().unwrap().remove("exp");
        });
        let body = good.split('.').nth(1).unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        let long = "a".repeat(MAX_LENGTH + 1);
        for token in [
            other_key,
            other_algorithm,
            other_issuer,
            other_audience,
            no_end,
            unsigned,
            long,
        ] {
            assert!(signer().check(&token, now()).is_err(), "{token}");
        }
    }
}
