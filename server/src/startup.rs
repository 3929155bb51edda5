//! From configuration to a server: the composition root. It is inert: nothing connects yet.
//!
//! ```text
//! db::migrate(owner) → unlock(transit) → build(config, parts) → App::prepare → App::serve(listener, tls, stop)
//! ```

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tod_proto::certificate::Certificate;
use tod_service::bus::Bus;
use tod_service::clock::Clock;
use tod_service::health::Health;
use tod_service::supervisor::Supervisor;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::error::Error;
use crate::api::{App, Parts};
use crate::audit::Alarm;
use crate::auth::{Auth, signing, token};
use crate::db::Db;
use crate::door::Door;
use crate::fleet::Fleet;
use crate::kms::transit::Transit;
use crate::kms::{Keys, Kms, KmsError, UnlockError};
use crate::relay::hub::RelayHub;
use crate::setup;
use crate::together::Together;

/// What a server is told. It reads no environment itself.
#[derive(Clone, Debug)]
pub struct Config {
    /// How to sign in to the database as `tod_app`.
    pub database_app: PgConnectOptions,
    /// How to sign in to the database as `tod_system`.
    pub database_system: PgConnectOptions,
    /// The most connections for requests; half as many serve background work.
    pub database_connections: u32,
    /// What everything is derived from, and what wraps data keys.
    pub keys: Keys,
    /// Where the setup token is put while nobody is enrolled.
    pub setup_token: PathBuf,
    /// How pollers reach this very server: `https://10.0.0.5:8443`.
    pub base_url: String,
    /// For how many days the audit log of what belongs to no tenant is kept; for ever without it.
    pub platform_audit_days: Option<u32>,
    /// SHA-256 of this server's certificate in hex, when no authority vouches for it.
    pub certificate_pin: Option<String>,
    /// The certificate that new connections are shown; nothing when TLS is not spoken.
    pub certificate: watch::Receiver<Option<Certificate>>,
    /// How clients are let in.
    pub door: Door,
    /// What is usual and what is allowed.
    pub policy: Policy,
}

/// What is usual and what is allowed, where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How often a device is polled, in seconds, when its record does not say.
    pub poll_seconds: u32,
    /// How long an access token is good.
    pub access: Duration,
    /// How long a session lasts without being used.
    pub session: Duration,
    /// How many terminals a person may have open.
    pub terminals_per_person: u32,
    /// How long a terminal may be silent.
    pub terminal_idle: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            poll_seconds: 60,
            access: token::ACCESS,
            session: Duration::from_hours(7 * 24),
            terminals_per_person: 32,
            terminal_idle: Duration::from_mins(15),
        }
    }
}

/// What a server shares with the process that it lives in.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The way to pollers and to other servers.
    pub bus: Bus,
    /// The time.
    pub clock: Clock,
    /// What is well and what is not.
    pub health: Health,
    /// Starts and stops tasks.
    pub supervisor: Supervisor,
}

/// Has the key service open what a server's keys begin with. `system` signs in as `tod_system`.
pub async fn unlock(transit: Transit, system: &PgConnectOptions) -> Result<Keys, UnlockError> {
    let db = Db::new(system.clone(), system.clone(), 2);
    let keys = Keys::unlock(transit, &db).await;
    db.close().await;
    keys
}

/// Puts a server together. Nothing connects until it is used.
pub fn build(config: Config, shared: Shared) -> Result<App, KmsError> {
    let kms = Kms::new(config.keys.clone(), shared.clock.clone())?;
    let auth = Auth::new(&kms, "tod", config.policy.access)?;
    let db = Db::new(
        config.database_app.clone(),
        config.database_system.clone(),
        config.database_connections,
    );
    Ok(App::new(Parts {
        config,
        db,
        kms,
        bus: shared.bus,
        clock: shared.clock,
        health: shared.health,
        auth,
        audit: Alarm::default(),
        supervisor: shared.supervisor,
        fleet: Fleet::default(),
        answers: Together::default(),
        events: Together::default(),
        relays: RelayHub::default(),
        stopping: CancellationToken::new(),
    }))
}

impl App {
    /// Makes sure that database and master key belong together, that there is a key to sign tokens
    /// with, and that the first administrator can come in. Call it once, after the migrations.
    pub async fn prepare(&self) -> Result<(), Error> {
        let mut tx = self.db.system("start").await?;
        self.kms.check(&mut tx).await?;
        signing::ensure(&self.kms, &mut tx, self.clock.now()).await?;
        setup::offer(&mut tx, &self.config.setup_token, self.clock.now()).await?;
        tx.commit().await
    }
}
