//! The token: got by signing in, renewed before it ends.

use std::path::Path;
use std::time::Duration;

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::exchange::{Exchange, parse};
use super::{Login, TransitError};

/// A token that we have.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) token: SecretString,
    /// When it was new, and for how long it is good then. Nothing for one that does not end, or
    /// of which that is not known.
    life: Option<(Instant, Duration)>,
    is_renewable: bool,
}

/// The token of the moment.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Option<Held>>);

impl Tokens {
    /// Forgets a token that was refused, unless another one has taken its place.
    pub(super) async fn forget(&self, refused: &Held) {
        let mut held = self.0.lock().await;
        let is_same = |held: &Held| held.token.expose_secret() == refused.token.expose_secret();
        if held.as_ref().is_some_and(is_same) {
            *held = None;
        }
    }
}

#[derive(Deserialize)]
struct SignedIn {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: SecretString,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct LookedUp {
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    policies: Vec<String>,
}

impl Held {
    fn of(auth: Auth) -> Self {
        Self {
            token: auth.client_token,
            life: life(auth.lease_duration),
            is_renewable: auth.renewable,
        }
    }

    /// Whether half of its life is over.
    fn is_due(&self) -> bool {
        self.life
            .is_some_and(|(since, whole)| since.elapsed() >= whole / 2)
    }

    fn has_ended(&self) -> bool {
        self.life
            .is_some_and(|(since, whole)| since.elapsed() >= whole)
    }
}

/// A token of zero seconds never ends.
fn life(seconds: u64) -> Option<(Instant, Duration)> {
    (seconds > 0).then(|| (Instant::now(), Duration::from_secs(seconds)))
}

impl Exchange {
    /// The token; signs in if there is none.
    pub(super) async fn token(&self) -> Result<Held, TransitError> {
        let mut held = self.tokens.0.lock().await;
        if let Some(held) = held.as_ref().filter(|held| !held.has_ended()) {
            return Ok(held.clone());
        }
        let fresh = self.log_in().await?;
        *held = Some(fresh.clone());
        Ok(fresh)
    }

    async fn log_in(&self) -> Result<Held, TransitError> {
        let unknown = |token| Held {
            token,
            life: None,
            is_renewable: false,
        };
        match &self.settings.login {
            Login::Token(token) => Ok(unknown(token.clone())),
            Login::TokenFile(path) => Ok(unknown(read("keys.transit.token_file", path)?)),
            Login::AppRole {
                role_id,
                secret_id_file,
            } => {
                let secret = read("keys.transit.secret_id_file", secret_id_file)?;
                let body = json!({ "role_id": role_id, "secret_id": secret.expose_secret() });
                let answer = self.sign_in("auth/approle/login", &body).await;
                let answer = answer.map_err(|error| match error {
                    TransitError::Refused { reason, .. } => TransitError::NotLetIn {
                        setting: "keys.transit.role_id",
                        reason,
                    },
                    error => error,
                })?;
                let signed_in: SignedIn = parse(&answer)?;
                Ok(Held::of(signed_in.auth))
            }
        }
    }

    /// Whether signing in anew can bring another token than the one that was refused.
    pub(super) fn may_sign_in_anew(&self, refused: &Held) -> bool {
        match &self.settings.login {
            Login::Token(_) => false,
            Login::TokenFile(path) => read("keys.transit.token_file", path)
                .is_ok_and(|token| token.expose_secret() != refused.token.expose_secret()),
            Login::AppRole { .. } => true,
        }
    }

    /// Finds out how long the token is good.
    pub(super) async fn look_up_token(&self) -> Result<(), TransitError> {
        let setting = match &self.settings.login {
            Login::Token(_) => "OPENBAO_TOKEN",
            Login::TokenFile(_) => "keys.transit.token_file",
            Login::AppRole { .. } => "keys.transit.role_id",
        };
        let asked = self.ask(Method::GET, "auth/token/lookup-self", None).await;
        let found: LookedUp = asked.map_err(|error| match error {
            TransitError::Refused {
                status: 403,
                reason,
            } => TransitError::NotLetIn { setting, reason },
            error => error,
        })?;
        if found.policies.iter().any(|policy| policy == "root") {
            tracing::warn!(
                "the token for OpenBao is a root token: give todd one with the policy of docs/kms.md"
            );
        }
        let mut held = self.tokens.0.lock().await;
        if let Some(held) = held.as_mut() {
            held.life = life(found.ttl);
            held.is_renewable = found.renewable;
        }
        Ok(())
    }

    /// Renews the token when half of its life is over. Returns whether it was time.
    pub(super) async fn tend(&self) -> Result<bool, TransitError> {
        let held = self.tokens.0.lock().await.clone();
        let Some(held) = held.filter(Held::is_due) else {
            return Ok(false);
        };
        if held.is_renewable && !held.has_ended() {
            let renewed = self.call(Method::POST, "auth/token/renew-self", Some(json!({})));
            match renewed.await.map(|answer| parse::<SignedIn>(&answer)) {
                Ok(Ok(renewed)) if !is_cut_short(&renewed.auth, &held) => {
                    *self.tokens.0.lock().await = Some(Held::of(renewed.auth));
                    return Ok(true);
                }
                Err(error) if error.is_outage() => return Err(error),
                // Renewed as often as it may be, or not at all: a new one.
                _ => {}
            }
        }
        if !matches!(self.settings.login, Login::Token(_)) {
            let fresh = self.log_in().await?;
            *self.tokens.0.lock().await = Some(fresh);
            return self.look_up_token().await.map(|()| true);
        }
        tracing::warn!("the token for OpenBao will end and cannot be renewed: give todd another");
        Ok(false)
    }
}

/// Whether a renewed token will end in the middle of its usual life: its longest life is near.
fn is_cut_short(renewed: &Auth, before: &Held) -> bool {
    let usual = before.life.map_or(0, |(_, whole)| whole.as_secs());
    renewed.lease_duration > 0 && renewed.lease_duration < usual / 2
}

/// A secret that is alone in its file.
fn read(setting: &'static str, path: &Path) -> Result<SecretString, TransitError> {
    let refused = |reason: String| TransitError::Setting { setting, reason };
    let text = std::fs::read_to_string(path)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| refused(format!("{}: {error}", path.display())))?;
    let secret = text.trim();
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused(format!("{} holds no token", path.display())));
    }
    Ok(secret.into())
}
