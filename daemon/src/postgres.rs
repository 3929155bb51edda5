//! A `PostgreSQL` of our own, for whoever gives us none.
//!
//! It lives in the data directory and listens on a unix socket only. Who may sign in is decided by
//! the operating system: the account that runs `todd`, as one of three roles, none of them a
//! superuser. It outlives a `todd` that is killed, and the next one adopts it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sqlx::postgres::PgConnectOptions;

pub use self::binaries::{Binaries, Places};

use self::account::Account;
use self::postmaster::Postmaster;
use crate::data_dir::DataDir;

mod account;
mod binaries;
mod init;
mod postmaster;
mod run_dir;
mod settings;

/// The database's name in the cluster.
pub const DATABASE: &str = "tod";

/// As whom to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns the schema; changes it at the start.
    Owner,
    /// Serves requests, one tenant at a time.
    App,
    /// Works across tenants: ingest, reconcilers.
    System,
}

impl Role {
    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "tod_owner",
            Self::App => "tod_app",
            Self::System => "tod_system",
        }
    }
}

/// How to run a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to look for the programs.
    pub places: Places,
    /// Whether it must survive a power cut. A demo need not.
    pub durable: bool,
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    postmaster: Postmaster,
    socket: PathBuf,
}

impl Cluster {
    /// Starts the cluster in `data`; makes it when it is not there; adopts it when it runs.
    pub async fn start(data: &DataDir, options: &Options) -> anyhow::Result<Self> {
        let home = data.path().join("postgres");
        let socket = run_dir::path(data.path());
        if let Some(postmaster) = Postmaster::adopt(&home, &socket).await? {
            tracing::info!(pid = postmaster.pid(), "adopted the running database");
            return Ok(Self { postmaster, socket });
        }
        let account = Account::choose()?;
        account.check_reach(data.path())?;
        let binaries = Binaries::find(&options.places, version_of(&home)?)?;
        if !home.join("PG_VERSION").exists() {
            tracing::info!(version = binaries.version, "making a database");
            init::make(&binaries, &account, &home, options.durable).await?;
        }
        run_dir::prepare(&socket, &account)?;
        settings::write(&home, &socket, &account, options.durable)?;
        let postmaster = Postmaster::start(&binaries, &account, &home).await?;
        tracing::debug!(pid = postmaster.pid(), "the database runs");
        Ok(Self { postmaster, socket })
    }

    /// How to sign in as `role`.
    pub fn connect(&self, role: Role) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.socket);
        options.username(role.name()).database(DATABASE)
    }

    /// The process id of its first process.
    pub fn pid(&self) -> i32 {
        self.postmaster.pid()
    }

    /// Ends when the cluster does, however that comes.
    pub async fn ended(&self) {
        self.postmaster.ended().await;
    }

    /// Stops it cleanly: whoever is connected is disconnected.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.postmaster.stop().await?;
        // It is empty now, and the next start makes it anew.
        if let Err(error) = std::fs::remove_dir(&self.socket) {
            tracing::debug!(%error, "the folder of the socket stays");
        }
        Ok(())
    }
}

/// Which major version wrote the cluster, if there is one.
fn version_of(home: &Path) -> anyhow::Result<Option<u32>> {
    let file = home.join("PG_VERSION");
    if !file.exists() {
        return Ok(None);
    }
    let read = || anyhow::Ok(std::fs::read_to_string(&file)?.trim().parse()?);
    read()
        .map(Some)
        .with_context(|| format!("{} is damaged", file.display()))
}
