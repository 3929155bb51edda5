//! The client of OpenBao's Transit engine: what it is asked, in its words.
//!
//! ```text
//! seal, open, rewrap, create, rotate, destroy ─► exchange: deadline, retries, breaker ─► one try
//!                                                      └► token: sign in, renew
//! ```
//!
//! **Invariant:** no call outlasts its deadline, no answer is read past its bound, no redirect is
//! followed, and no token is logged.

mod error;
mod exchange;
mod rights;
mod token;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

pub use self::error::TransitError;
use self::exchange::Exchange;

/// Where the service is, and how to be let in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address: `https://bao.example:8200`.
    pub address: String,
    /// Where its Transit engine is mounted.
    pub mount: String,
    /// What the names of our keys begin with.
    pub prefix: String,
    /// The namespace of the engine, if there is one.
    pub namespace: Option<String>,
    /// Certificates of authorities in PEM that are trusted instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// How to be let in.
    pub login: Login,
    /// How long a call may take, with all its retries.
    pub timeout: Duration,
}

/// How to be let in.
#[derive(Clone, Debug)]
pub enum Login {
    /// By a token.
    Token(SecretString),
    /// By a token in a file, which is read again when the token is refused.
    TokenFile(PathBuf),
    /// By an `AppRole`.
    AppRole {
        /// Its id.
        role_id: String,
        /// The file of its secret id, which is read at each sign-in.
        secret_id_file: PathBuf,
    },
}

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Transit {
    exchange: Arc<Exchange>,
    mount: Arc<str>,
    prefix: Arc<str>,
}

#[derive(Deserialize)]
struct Ciphertext {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Plaintext {
    plaintext: SecretString,
}

impl Transit {
    /// A client that has not called anybody yet.
    pub fn new(settings: Settings) -> Result<Self, TransitError> {
        Ok(Self {
            mount: settings.mount.trim_matches('/').into(),
            prefix: settings.prefix.as_str().into(),
            exchange: Arc::new(Exchange::new(settings)?),
        })
    }

    /// Calls the service for the first time: whether it is well, lets us in, and to all we need.
    pub async fn start(&self) -> Result<(), TransitError> {
        self.exchange.check_health().await?;
        self.exchange.look_up_token().await?;
        rights::check(&self.exchange, &self.mount, &self.prefix).await
    }

    /// Asks whether the service is well, without a retry.
    pub async fn health(&self) -> Result<(), TransitError> {
        let outcome = self.exchange.check_health().await;
        self.exchange.note(outcome.as_ref().err());
        outcome
    }

    /// Whether the last call came through. It calls nobody.
    pub fn is_well(&self) -> bool {
        self.exchange.is_well()
    }

    /// Renews the token, if it is time. Returns whether it was.
    pub async fn tend(&self) -> Result<bool, TransitError> {
        self.exchange.tend().await
    }

    /// The whole name of a key of ours.
    pub fn name(&self, of: &str) -> String {
        format!("{}{of}", self.prefix)
    }

    /// Makes a key. One that is there already stays as it is.
    ///
    /// It is derived: each use names a context, and opens only with the same. `associated_data`
    /// would bind as well, but `rewrap` does not take it.
    pub async fn create(&self, key: &str) -> Result<(), TransitError> {
        let body = json!({ "type": "aes256-gcm96", "derived": true });
        let path = format!("{}/keys/{key}", self.mount);
        self.exchange.call(Method::POST, &path, Some(body)).await?;
        Ok(())
    }

    /// Seals with the newest version of a key.
    pub async fn seal(
        &self,
        key: &str,
        context: &[u8],
        plain: &[u8],
    ) -> Result<String, TransitError> {
        let plaintext = Zeroizing::new(BASE64.encode(plain));
        let body = json!({ "plaintext": &*plaintext, "context": BASE64.encode(context) });
        self.ciphertext("encrypt", key, body).await
    }

    /// Opens what a key has sealed for this context.
    pub async fn open(
        &self,
        key: &str,
        context: &[u8],
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, TransitError> {
        let body = json!({ "ciphertext": sealed, "context": BASE64.encode(context) });
        let path = format!("{}/decrypt/{key}", self.mount);
        let answer: Plaintext = self.exchange.ask(Method::POST, &path, Some(body)).await?;
        let plain = BASE64.decode(answer.plaintext.expose_secret());
        plain
            .map(Zeroizing::new)
            .map_err(|_| TransitError::Nonsense("the plaintext is not base64".to_owned()))
    }

    /// Seals with the newest version what an older one has sealed, without opening it here.
    pub async fn rewrap(
        &self,
        key: &str,
        context: &[u8],
        sealed: &str,
    ) -> Result<String, TransitError> {
        let body = json!({ "ciphertext": sealed, "context": BASE64.encode(context) });
        self.ciphertext("rewrap", key, body).await
    }

    /// Gives a key another version, which seals from now on.
    pub async fn rotate(&self, key: &str) -> Result<(), TransitError> {
        let path = format!("{}/keys/{key}/rotate", self.mount);
        self.exchange.call(Method::POST, &path, None).await?;
        Ok(())
    }

    /// Destroys the versions of a key below one, for good.
    pub async fn trim(&self, key: &str, least: u32) -> Result<(), TransitError> {
        let config = json!({ "min_decryption_version": least, "min_encryption_version": least });
        let path = format!("{}/keys/{key}", self.mount);
        self.exchange
            .call(Method::POST, &format!("{path}/config"), Some(config))
            .await?;
        let trim = json!({ "min_available_version": least });
        self.exchange
            .call(Method::POST, &format!("{path}/trim"), Some(trim))
            .await?;
        Ok(())
    }

    /// Destroys a key with all its versions. One that is not there is destroyed already.
    pub async fn destroy(&self, key: &str) -> Result<(), TransitError> {
        let path = format!("{}/keys/{key}", self.mount);
        let is_there = self.exchange.call(Method::GET, &path, None).await;
        if let Err(TransitError::Refused { status: 404, .. }) = is_there {
            return Ok(());
        }
        is_there?;
        let config = json!({ "deletion_allowed": true });
        self.exchange
            .call(Method::POST, &format!("{path}/config"), Some(config))
            .await?;
        let deleted = self.exchange.call(Method::DELETE, &path, None).await;
        match deleted {
            // A try before this one whose answer was lost, or another server.
            Err(TransitError::Refused { status: 400, .. }) => {
                match self.exchange.call(Method::GET, &path, None).await {
                    Err(TransitError::Refused { status: 404, .. }) => Ok(()),
                    _ => deleted.map(drop),
                }
            }
            other => other.map(drop),
        }
    }

    async fn ciphertext(
        &self,
        verb: &str,
        key: &str,
        body: serde_json::Value,
    ) -> Result<String, TransitError> {
        let path = format!("{}/{verb}/{key}", self.mount);
        let answer: Ciphertext = self.exchange.ask(Method::POST, &path, Some(body)).await?;
        match version_of(&answer.ciphertext) {
            Some(_) => Ok(answer.ciphertext),
            None => Err(TransitError::Nonsense(
                "the ciphertext does not begin with vault:vN:".to_owned(),
            )),
        }
    }
}

/// Which version of a key has sealed this: 3 of `vault:v3:…`.
pub(super) fn version_of(sealed: &str) -> Option<u32> {
    let (version, body) = sealed.strip_prefix("vault:v")?.split_once(':')?;
    let is_whole = !body.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    version
        .parse()
        .ok()
        .filter(|version| is_whole && *version > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_ciphertext_is_read_from_its_head() {
        assert_eq!(version_of("vault:v12:QUJD"), Some(12));
        for bad in [
            "",
            "vault:v:QUJD",
            "vault:v0:QUJD",
            "vault:v+1:QUJD",
            "vault:v1:",
            "bao:v1:Q",
        ] {
            assert_eq!(version_of(bad), None, "{bad}");
        }
    }
}
