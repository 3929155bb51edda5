//! Everything that `todd` can be told, and in which order it is heard.
//!
//! Defaults < file < environment (`TOD_SECTION__KEY`) < flags.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use tod_poller::startup::Zone;
use tod_service::layers::Layers;
use tod_service::telemetry::{Format, Logging};

use crate::args::Common;
use crate::environment::Environment;
use crate::postgres::Role;
use crate::settings;

mod http;
mod keys;
mod terminals;
mod values;

pub use self::http::{Forwarded, Http, Limits, Network, PageOrigin};
pub use self::keys::{Backend, Keys, TransitKeys};
pub use self::terminals::Terminals;
pub use self::values::{List, Period};

/// The commented defaults.
pub const DEFAULT: &str = include_str!("config/default.toml");

/// What a `todd` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Server and poller in one process.
    #[default]
    All,
    /// A server alone.
    Server,
    /// A poller alone.
    Poller,
}

/// What it is used for. Outside of `dev`, what is not safe is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// For work on tod, tests and shows.
    Dev,
    /// As in production, for trying things out.
    Staging,
    /// For networks of people who count on it.
    #[default]
    Production,
}

/// Everything.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it is used for.
    pub environment: Setting,
    /// What to be.
    pub target: Target,
    /// Where to keep data; nothing for the usual place.
    pub data_dir: Option<PathBuf>,
    /// Logs.
    pub log: Logging,
    /// How clients come in.
    pub http: Http,
    /// The database.
    pub database: Database,
    /// The way to other processes.
    pub bus: Bus,
    /// Keys.
    pub keys: Keys,
    /// Signing in.
    pub auth: Auth,
    /// Terminals into devices.
    pub terminals: Terminals,
    /// The audit log.
    pub audit: Audit,
    /// What the poller part does.
    pub poller: Poller,
}

/// The database.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// How to sign in as `tod_app`; nothing for a private database.
    #[serde(serialize_with = "values::secret")]
    pub url: Option<SecretString>,
    /// How to sign in as `tod_owner`; nothing for the same with another name.
    #[serde(serialize_with = "values::secret")]
    pub owner_url: Option<SecretString>,
    /// How to sign in as `tod_system`; nothing for the same with another name.
    #[serde(serialize_with = "values::secret")]
    pub system_url: Option<SecretString>,
    /// The most connections for requests.
    pub connections: u32,
    /// Whether a private database survives a power cut. Off, it is faster.
    pub durable: bool,
    /// Where the programs of `PostgreSQL` are; nothing to look in the usual places.
    pub programs: Option<PathBuf>,
}

/// The way to other processes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bus {
    /// A NATS server; nothing to stay within this process.
    pub nats: Option<String>,
    /// A file of NATS credentials.
    pub credentials: Option<PathBuf>,
    /// Certificates of authorities for NATS, in PEM.
    pub authorities: Option<PathBuf>,
    /// On how many NATS servers each stream is kept.
    pub replicas: usize,
}

/// Signing in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// How long an access token is good.
    pub access: Period,
    /// How long a session lasts without being used.
    pub session: Period,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            access: Period::seconds(15 * 60),
            session: Period::seconds(7 * 24 * 3600),
        }
    }
}

impl Auth {
    /// A token that is good for longer would outlive what was taken from its person elsewhere, and
    /// the keys that are kept for it; one that ends sooner is renewed more often than it is used.
    fn check(&self) -> anyhow::Result<()> {
        let bounded = |name: &str, value: Period, (least, most): (Period, Period)| {
            if (least.0..=most.0).contains(&value.0) {
                return Ok(());
            }
            bail!("`auth.{name}` is {value}; it must be from {least} to {most}")
        };
        let (minute, hour) = (Period::seconds(60), Period::seconds(3600));
        bounded("access", self.access, (minute, hour))?;
        bounded(
            "session",
            self.session,
            (hour, Period::seconds(365 * 24 * 3600)),
        )
    }
}

/// The audit log.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// For how many days what belongs to no tenant is kept; nothing for ever. Tenants have policies
    /// of their own.
    pub platform_retention_days: Option<u32>,
}

/// What the poller part does.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Poller {
    /// How often a device is polled whose record does not say.
    pub every: Period,
    /// How long finding a device may take.
    pub connect_timeout: Period,
    /// How long a poll may take.
    pub command_timeout: Period,
    /// After so many failures in a row a device is tried less often.
    pub breaker_failures: u32,
    /// The first long wait.
    pub breaker_wait: Period,
    /// The longest wait.
    pub breaker_longest: Period,
    /// The zones that it serves, each with the networks that its devices may live in.
    pub zones: Vec<Zone>,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            owner_url: None,
            system_url: None,
            connections: 20,
            durable: true,
            programs: None,
        }
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            nats: None,
            credentials: None,
            authorities: None,
            replicas: 1,
        }
    }
}

impl Default for Poller {
    fn default() -> Self {
        let everything = ["0.0.0.0/0", "::/0"];
        let networks = everything
            .iter()
            .filter_map(|network| network.parse().ok())
            .collect();
        Self {
            every: Period::seconds(60),
            connect_timeout: Period::seconds(5),
            command_timeout: Period::seconds(30),
            breaker_failures: 5,
            breaker_wait: Period::seconds(30),
            breaker_longest: Period::seconds(15 * 60),
            zones: vec![Zone {
                name: "default".to_owned(),
                networks,
            }],
        }
    }
}

impl Config {
    /// Reads all layers.
    pub fn load(args: &Common, environment: &Environment) -> anyhow::Result<(Self, Layers)> {
        let layers = Self::layers(args, environment)?;
        let config: Self = layers.read()?;
        config.check()?;
        Ok((config, layers))
    }

    /// All layers, one over the other, unread.
    pub fn layers(args: &Common, environment: &Environment) -> anyhow::Result<Layers> {
        keep_secrets_out_of_arguments(args)?;
        let mut layers = Layers::new();
        if let Some(path) = &args.config {
            layers = layers.file(path)?;
        }
        for alias in settings::ALIASES {
            if let Some(text) = environment.get(alias.name) {
                layers = layers.variable(alias.key, alias.name, alias.translate(text)?);
            }
        }
        let path = |path: &PathBuf| path.to_str().map(str::to_owned);
        Ok(layers
            .variables("TOD_", environment.all())
            .flag("target", "--target", args.target.clone())
            .flag(
                "data_dir",
                "--data-dir",
                args.data_dir.as_ref().and_then(path),
            )
            .flag("http.listen", "--listen", args.listen.clone())
            .flag("database.url", "--database-url", args.database_url.clone())
            .flag("bus.nats", "--nats", args.nats.clone())
            .flag("log.level", "--log", args.log.clone())
            .flag("log.format", "--log-format", args.log_format.clone()))
    }

    /// What must hold between the sections.
    fn check(&self) -> anyhow::Result<()> {
        if self.target != Target::All && self.bus.nats.is_none() {
            bail!(
                "with a target other than `all`, servers and pollers are different processes \
                 and meet over NATS: give its address with --nats nats://HOST:4222"
            );
        }
        self.http.check()?;
        if self.database.url.is_none()
            && (self.database.owner_url.is_some() || self.database.system_url.is_some())
        {
            bail!("`database.owner_url` and `database.system_url` need `database.url`");
        }
        if self.audit.platform_retention_days == Some(0) {
            bail!("`audit.platform_retention_days` is 0; leave it out to keep everything");
        }
        if self.poller.zones.is_empty() && self.target != Target::Server {
            bail!("`poller.zones` is empty, so the poller would serve nobody");
        }
        let (usual, least, most) = (self.poller.every.0, 5, 86_400);
        if usual.subsec_nanos() != 0 || !(least..=most).contains(&usual.as_secs()) {
            bail!("`poller.every` must be whole seconds, from 5s to 1d");
        }
        self.auth.check()?;
        if self.keys.backend == Backend::Transit && self.target != Target::Poller {
            self.keys.transit.settings()?;
        }
        if let Some(name) = self.database.url.is_some().then_some(Role::Owner) {
            self.database.connect(name)?;
        }
        Ok(())
    }

    /// Where data is kept.
    pub fn data_dir(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        let usual = || environment.data_dir();
        let path = self.data_dir.clone().or_else(usual);
        path.context("there is no HOME to keep data in; choose a directory with --data-dir")
    }
}

impl Database {
    /// How to sign in to the database that was given, if one was.
    pub fn connect(&self, role: Role) -> anyhow::Result<Option<PgConnectOptions>> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        let own = match role {
            Role::App => None,
            Role::Owner => self.owner_url.as_ref(),
            Role::System => self.system_url.as_ref(),
        };
        // The message must not hold the URL, which holds a password.
        let text = own.unwrap_or(url).expose_secret();
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            bail!("the database URL does not begin with postgres://");
        }
        let parsed = text.parse::<PgConnectOptions>();
        let parsed = parsed
            .ok()
            .context("the database URL is not one of PostgreSQL")?;
        Ok(Some(if own.is_some() {
            parsed
        } else {
            parsed.username(role.name())
        }))
    }
}

/// Everybody on the machine can read the arguments of a process.
fn keep_secrets_out_of_arguments(args: &Common) -> anyhow::Result<()> {
    let has_password = |url: &String| {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let who = rest.split(['/', '?']).next().unwrap_or_default();
        let user = who.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':')) || rest.contains("password=")
    };
    for (flag, url, instead) in [
        ("--database-url", &args.database_url, "DATABASE_URL"),
        ("--nats", &args.nats, "TOD_BUS__NATS"),
    ] {
        if url.as_ref().is_some_and(has_password) {
            bail!(
                "{flag} holds a password, and everybody on this machine can read the arguments of \
                 processes; put it into the configuration file or into {instead}"
            );
        }
    }
    Ok(())
}

/// What is logged while nothing is known of the configuration.
pub fn early_logging() -> Logging {
    Logging {
        format: Format::Auto,
        level: "warn".to_owned(),
    }
}

#[cfg(test)]
mod tests;
