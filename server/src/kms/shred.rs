//! What is done for keys on a period: those of deleted tenants are destroyed in the key service,
//! those kept for too long are dropped from memory, its health is asked, and the token renewed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use tod_service::reconcile::Reconcile;

use super::wrapping::{Wrapping, name};
use super::{Kms, transit};
use crate::api::App;
use crate::api::error::Error;
use crate::db::{Db, SystemTx};

/// How long a tenant may take to be made.
const MAKING: SignedDuration = SignedDuration::from_mins(10);
/// How many keys are destroyed in one run.
const BATCH: i64 = 100;

/// When a key that was made for something is destroyed if that does not come about.
pub(super) fn later(now: Timestamp) -> Timestamp {
    now.saturating_add(MAKING).unwrap_or(Timestamp::MAX)
}

/// Marks a key to be destroyed.
pub(super) async fn doom(
    conn: &mut PgConnection,
    name: &str,
    not_before: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into doomed_keys (name, not_before) values ($1, $2)
         on conflict (name) do update set not_before = excluded.not_before",
        name,
        not_before.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the mark away.
pub(super) async fn spare(conn: &mut PgConnection, name: &str) -> Result<(), Error> {
    sqlx::query!("delete from doomed_keys where name = $1", name)
        .execute(conn)
        .await?;
    Ok(())
}

impl Kms {
    /// Dooms a tenant's key in the key service, in the transaction that deletes the tenant: after
    /// the commit nothing can bring it back.
    pub async fn doom_tenant(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(), Error> {
        if let Wrapping::Transit(transit) = &self.wrapping {
            doom(tx, &name(transit, tenant), now).await?;
        }
        Ok(())
    }

    /// Destroys what is doomed in the key service. Returns how much that was.
    pub async fn shred(&self, db: &Db, now: Timestamp) -> Result<usize, Error> {
        let Wrapping::Transit(transit) = &self.wrapping else {
            return Ok(0);
        };
        let mut tx = db.system("keys to destroy").await?;
        let names = sqlx::query_scalar!(
            "select name from doomed_keys where not_before <= $1 order by not_before limit $2",
            now.to_sqlx() as _,
            BATCH,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        for name in &names {
            transit.destroy(name).await.map_err(unavailable)?;
            let mut tx = db.system("a key that is destroyed").await?;
            spare(&mut tx, name).await?;
            tx.commit().await?;
            tracing::info!(key.name = name, "destroyed a key in the key service");
        }
        Ok(names.len())
    }

    /// Whether data keys can be unwrapped, as far as the last call to the key service tells.
    pub fn is_well(&self) -> bool {
        match &self.wrapping {
            Wrapping::Local(_) => true,
            Wrapping::Transit(transit) => transit.is_well(),
        }
    }

    async fn tend(&self) -> Result<(), transit::TransitError> {
        if let Wrapping::Transit(transit) = &self.wrapping {
            transit.health().await?;
            transit.tend().await?;
        }
        Ok(())
    }
}

fn unavailable(error: transit::TransitError) -> Error {
    Error::unavailable("a key is not destroyed yet").cause(error)
}

/// Looks after keys.
#[derive(Debug)]
pub struct Upkeep(App);

impl Upkeep {
    /// Works for `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Upkeep {
    const NAME: &'static str = "keys";
    const EVERY: Duration = Duration::from_secs(10);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let (kms, now) = (&self.0.kms, self.0.clock.now());
        let swept = kms.cache.sweep();
        kms.tend().await?;
        Ok(swept + kms.shred(&self.0.db, now).await?)
    }
}
