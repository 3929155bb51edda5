//! `[keys]`: what wraps the keys of tenants.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tod_server::kms::transit::{Login, Settings};

use super::values::{self, Period};

/// What a well-known setup hands out, and everybody knows.
const KNOWN_TOKENS: &[&str] = &["dev-openbao-token", "root"];

/// Whoever waits for a key waits for so long at most.
const LONGEST: Period = Period::seconds(60);

/// Keys.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// What wraps the data keys of tenants.
    pub backend: Backend,
    /// The file of the master key; nothing for one in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// Where `OpenBao` is.
    pub transit: TransitKeys,
}

/// What wraps the data keys of tenants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// A master key of ours.
    #[default]
    Local,
    /// The Transit engine of `OpenBao`.
    Transit,
}

/// Where `OpenBao` is, and how to be let in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransitKeys {
    /// Its address.
    pub address: Option<String>,
    /// Where its Transit engine is mounted.
    pub mount: String,
    /// What the names of our keys begin with.
    pub prefix: String,
    /// The namespace of the engine, if there is one.
    pub namespace: Option<String>,
    /// Certificates of authorities in PEM, instead of the system's.
    pub authorities: Option<PathBuf>,
    /// A token. Given as `OPENBAO_TOKEN`, not in a file beside the rest.
    #[serde(serialize_with = "values::secret")]
    pub token: Option<SecretString>,
    /// The file of a token.
    pub token_file: Option<PathBuf>,
    /// The id of an `AppRole`.
    pub role_id: Option<String>,
    /// The file of the secret id of the `AppRole`.
    pub secret_id_file: Option<PathBuf>,
    /// How long a call may take, with all its retries.
    pub timeout: Period,
}

impl Default for TransitKeys {
    fn default() -> Self {
        Self {
            address: None,
            mount: "transit".to_owned(),
            prefix: "tod-".to_owned(),
            namespace: None,
            authorities: None,
            token: None,
            token_file: None,
            role_id: None,
            secret_id_file: None,
            timeout: Period::seconds(5),
        }
    }
}

impl TransitKeys {
    /// What the client is told, or which setting is missing or makes no sense.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let address = self.address.clone().context(
            "`keys.transit.address` is missing: say where OpenBao is, there or as OPENBAO_ADDR",
        )?;
        check_address(&address)?;
        for (setting, name) in [("mount", &self.mount), ("prefix", &self.prefix)] {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
            let is_path = setting == "mount";
            if name.is_empty() || !name.chars().all(fits) || (!is_path && name.contains('/')) {
                bail!("`keys.transit.{setting}` has letters, digits, `-`, `_` and `.`");
            }
        }
        if self.timeout.0 > LONGEST.0 {
            bail!("`keys.transit.timeout` is {LONGEST} at most");
        }
        let authorities = self.authorities.as_ref().map(|path| {
            std::fs::read(path)
                .with_context(|| format!("`keys.transit.authorities`: {}", path.display()))
        });
        Ok(Settings {
            address,
            mount: self.mount.clone(),
            prefix: self.prefix.clone(),
            namespace: self.namespace.clone(),
            authorities: authorities.transpose()?,
            login: self.login()?,
            timeout: self.timeout.0,
        })
    }

    /// Whether the token is one that everybody knows.
    pub fn is_known(&self) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(|token| KNOWN_TOKENS.contains(&token.expose_secret()))
    }

    /// Exactly one way in.
    fn login(&self) -> anyhow::Result<Login> {
        match (
            &self.token,
            &self.token_file,
            &self.role_id,
            &self.secret_id_file,
        ) {
            (Some(token), None, None, None) => Ok(Login::Token(token.clone())),
            (None, Some(file), None, None) => Ok(Login::TokenFile(file.clone())),
            (None, None, Some(role_id), Some(secret_id_file)) => Ok(Login::AppRole {
                role_id: role_id.clone(),
                secret_id_file: secret_id_file.clone(),
            }),
            _ => bail!(
                "give one way into OpenBao: `keys.transit.role_id` with \
                 `keys.transit.secret_id_file`, or `keys.transit.token_file`, or OPENBAO_TOKEN"
            ),
        }
    }
}

/// A token goes there, so it has to be TLS, or this machine.
fn check_address(address: &str) -> anyhow::Result<()> {
    if address.starts_with("https://") {
        return Ok(());
    }
    let Some(rest) = address.strip_prefix("http://") else {
        bail!("`keys.transit.address` begins with https://");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    if host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback()) {
        return Ok(());
    }
    bail!("`keys.transit.address`: http:// is for this machine only; others need https://")
}
