//! What a server's keys begin with, and `todd keys move`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use sqlx::postgres::PgConnectOptions;
use tod_server::db::Db;
use tod_server::kms::transit::Transit;
use tod_server::kms::{Keys, MasterKey, Moved, move_keys};

use crate::config::{Backend, Config};
use crate::data_dir::DataDir;
use crate::environment::Environment;
use crate::postgres::{Cluster, Role};
use crate::{say, told};

const VARIABLE: &str = "CREDENTIAL_ENCRYPTION_KEY";
/// After how many data keys a line tells how far a move is.
const LINE: usize = 100;

/// The master key: from the variable, or from its file, which is made at the first start.
pub(crate) fn master_key(
    config: &Config,
    environment: &Environment,
    data: &DataDir,
) -> anyhow::Result<MasterKey> {
    match environment.get(VARIABLE) {
        Some(key) => key.parse().context(VARIABLE),
        None => Ok(MasterKey::from_file(&master_key_file(config, data)?)?),
    }
}

fn master_key_file(config: &Config, data: &DataDir) -> anyhow::Result<PathBuf> {
    Ok(match &config.keys.master_key_file {
        Some(path) => path.clone(),
        None => data.private("keys")?.join("master.key"),
    })
}

/// Has `OpenBao` open the root secret.
pub(crate) async fn unlock(config: &Config, system: &PgConnectOptions) -> anyhow::Result<Keys> {
    let unlocked = tod_server::startup::unlock(transit(config)?, system).await;
    unlocked.context("cannot use OpenBao for keys")
}

/// The client of `OpenBao`, which has called nobody yet.
pub(crate) fn transit(config: &Config) -> anyhow::Result<Transit> {
    Ok(Transit::new(config.keys.transit.settings()?)?)
}

/// Wraps the data keys of a database the other way.
pub(crate) async fn run_move(
    config: &Config,
    environment: &Environment,
    to: Backend,
) -> anyhow::Result<()> {
    if config.keys.backend == to {
        bail!("`keys.backend` is that already: set it to what the keys are moved from");
    }
    let data = DataDir::open(&config.data_dir(environment)?)?;
    let cluster = match config.database.connect(Role::System)? {
        Some(_) => None,
        None => Some(start(config, environment, &data).await?),
    };
    let moved = async {
        let connect = |role| match &cluster {
            Some(cluster) => Ok(cluster.connect(role)),
            None => config
                .database
                .connect(role)?
                .context("there is no database"),
        };
        let migrated = tod_server::db::migrate(&connect(Role::Owner)?).await;
        migrated.context("cannot migrate the database")?;
        move_within(config, environment, &data, &connect(Role::System)?).await
    };
    let moved = moved.await;
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    say(&moved?)
}

async fn start(
    config: &Config,
    environment: &Environment,
    data: &DataDir,
) -> anyhow::Result<Cluster> {
    let options = told::cluster(config, environment);
    Cluster::start(data, &options).await
}

/// Returns what to say at the end.
async fn move_within(
    config: &Config,
    environment: &Environment,
    data: &DataDir,
    system: &PgConnectOptions,
) -> anyhow::Result<String> {
    let (from, to, last) = match config.keys.backend {
        Backend::Local => {
            let master = master_key(config, environment, data)?;
            let transit = transit(config)?;
            transit
                .start()
                .await
                .context("cannot use OpenBao for keys")?;
            let to = Keys::Transit(transit, master.clone());
            let last = "set `keys.backend` to \"transit\"".to_owned();
            (Keys::Local(master), to, last)
        }
        Backend::Transit => {
            if environment.get(VARIABLE).is_some() {
                bail!("{VARIABLE} is set: unset it, the master key is written to its file");
            }
            let from = unlock(config, system).await?;
            let Keys::Transit(_, root) = &from else {
                bail!("OpenBao has opened no root secret");
            };
            let (root, file) = (root.clone(), master_key_file(config, data)?);
            // Before anything is wrapped by it.
            root.keep(&file)?;
            let last = format!(
                "the master key is in {}: back it up; set `keys.backend` to \"local\"",
                file.display()
            );
            (from, Keys::Local(root), last)
        }
    };
    let db = Db::new(system.clone(), system.clone(), 2);
    let progress = |Moved { done, total }| {
        if done % LINE == 0 || done == total {
            crate::targets::announce(&format!("moved {done} of {total} data keys"));
        }
    };
    let moved = move_keys(&db, &from, &to, progress).await;
    db.close().await;
    moved?;
    Ok(last)
}
