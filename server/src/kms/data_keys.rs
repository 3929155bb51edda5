//! The data keys of a tenant: made, renewed, destroyed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use zeroize::Zeroizing;

use super::envelope::{KEY, wrap_aad};
use super::transit::{Transit, version_of};
use super::wrapping::{Wrapping, name, told};
use super::{Kms, KmsError, shred};
use crate::api::error::Error;
use crate::db::{Db, SystemTx};

/// A data key that is made and wrapped, but not stored.
#[must_use = "a key that is not stored seals nothing"]
#[derive(Debug)]
pub struct FreshKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its number.
    pub version: i32,
    wrapped: Vec<u8>,
    /// The key in the key service that is destroyed if this one is not stored.
    doomed: Option<String>,
}

impl Kms {
    /// Makes the first data key of a tenant that is about to be made.
    pub async fn first_key(
        &self,
        db: &Db,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<FreshKey, Error> {
        let mut doomed = None;
        if let Wrapping::Transit(transit) = &self.wrapping {
            let name = name(transit, tenant);
            let mut tx = db.system("a key for a new tenant").await?;
            shred::doom(&mut tx, &name, shred::later(now)).await?;
            tx.commit().await?;
            let made = transit.create(&name).await;
            made.map_err(|error| told(&error, tenant))?;
            doomed = Some(name);
        }
        Ok(FreshKey {
            doomed,
            ..self.fresh(tenant, 1).await?
        })
    }

    /// Makes the next data key of a tenant, and another version of what wraps it.
    pub async fn next_key(&self, db: &Db, tenant: TenantId) -> Result<FreshKey, Error> {
        let mut tx = db.tenant(tenant).await?;
        let newest = newest_version(&mut tx, tenant).await?;
        tx.commit().await?;
        let version = newest.checked_add(1).ok_or(KmsError::Shut)?;
        if let Wrapping::Transit(transit) = &self.wrapping {
            let rotated = transit.rotate(&name(transit, tenant)).await;
            rotated.map_err(|error| told(&error, tenant))?;
        }
        self.fresh(tenant, version).await
    }

    async fn fresh(&self, tenant: TenantId, version: i32) -> Result<FreshKey, Error> {
        let mut key = Zeroizing::new([0; KEY]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| KmsError::Shut)?;
        Ok(FreshKey {
            tenant,
            version,
            wrapped: self.wrapping.wrap(tenant, version, &key).await?,
            doomed: None,
        })
    }

    /// Whether the key service refuses a tenant's newest data key: nothing is sealed for it again.
    pub async fn is_lost(&self, conn: &mut PgConnection, tenant: TenantId) -> Result<bool, Error> {
        let version = newest_version(conn, tenant).await?;
        let key = self.key(conn, tenant, version).await?;
        Ok(key.is_err_and(|error| error == KmsError::Refused))
    }

    /// Stores a data key, with which everything is sealed from now on. What is sealed already still
    /// opens, and is sealed anew by [`Kms::rewrap`]. Returns false, and does nothing, when another
    /// one was stored in the meantime.
    pub async fn store_key(
        &self,
        tx: &mut SystemTx,
        key: &FreshKey,
        now: Timestamp,
    ) -> Result<bool, Error> {
        hold_keys(tx, key.tenant).await?;
        let stored = sqlx::query!(
            "insert into tenant_keys (tenant_id, version, wrapped, created_at)
             values ($1, $2, $3, $4)
             on conflict do nothing",
            key.tenant.0,
            key.version,
            key.wrapped,
            now.to_sqlx() as _,
        )
        .execute(&mut **tx)
        .await?;
        if let Some(name) = &key.doomed {
            shred::spare(tx, name).await?;
        }
        Ok(stored.rows_affected() == 1)
    }

    /// Destroys a tenant's data keys below a number, if `is_free` finds that nothing needs them.
    /// Returns how many. Nobody seals meanwhile: whoever began has committed, and is seen.
    ///
    /// What wraps them goes after the commit: [`Kms::settle`].
    pub async fn retire(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        below: i32,
        is_free: impl AsyncFnOnce(&mut SystemTx) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        hold_keys(tx, tenant).await?;
        is_free(tx).await?;
        let result = sqlx::query!(
            "delete from tenant_keys where tenant_id = $1 and version < $2",
            tenant.0,
            below,
        )
        .execute(&mut **tx)
        .await?;
        Ok(result.rows_affected())
    }

    /// Has the key service wrap a tenant's data keys with the newest version of its key. With
    /// [`Versions::Trim`], the versions that no data key needs any more are destroyed there, and so
    /// is whatever was wrapped by them, in copies of the database, too.
    pub async fn settle(&self, db: &Db, tenant: TenantId, versions: Versions) -> Result<(), Error> {
        let Wrapping::Transit(transit) = &self.wrapping else {
            return Ok(());
        };
        let mut tx = db.system("data keys that are wrapped anew").await?;
        let rows = stored(&mut tx, tenant).await?;
        tx.commit().await?;
        let newest = rows.values().filter_map(|sealed| version_of(sealed)).max();
        let mut least = newest;
        for (version, sealed) in &rows {
            if version_of(sealed) == newest {
                continue;
            }
            let fresh = rewrapped(transit, tenant, *version, sealed).await?;
            let mut tx = db.system("a data key that is wrapped anew").await?;
            replace(&mut tx, tenant, *version, sealed, &fresh).await?;
            tx.commit().await?;
            least = least.min(version_of(&fresh));
        }
        if let (Versions::Trim, Some(least @ 2..)) = (versions, least) {
            let trimmed = transit.trim(&name(transit, tenant), least).await;
            trimmed.map_err(|error| told(&error, tenant))?;
        }
        Ok(())
    }
}

/// What [`Kms::settle`] does with versions that wrap nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// They stay: copies of the database need them.
    Keep,
    /// They are destroyed.
    Trim,
}

async fn rewrapped(
    transit: &Transit,
    tenant: TenantId,
    version: i32,
    sealed: &str,
) -> Result<String, Error> {
    let context = wrap_aad(tenant, version);
    let key = name(transit, tenant);
    let rewrapped = transit.rewrap(&key, &context, sealed).await;
    Ok(rewrapped.map_err(|error| told(&error, tenant))?)
}

/// Keeps everybody from sealing for a tenant until the end of the transaction. It is the other
/// side of the lock in `newest_data_key`.
async fn hold_keys(tx: &mut SystemTx, tenant: TenantId) -> Result<(), Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('data keys ' || $1::uuid::text, 0))",
        tenant.0,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn newest_version(conn: &mut PgConnection, tenant: TenantId) -> Result<i32, Error> {
    let newest = sqlx::query_scalar!(
        "select version from tenant_keys where tenant_id = $1 order by version desc limit 1",
        tenant.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(newest.ok_or(KmsError::Shut)?)
}

/// The data keys of a tenant that OpenBao has wrapped.
async fn stored(conn: &mut PgConnection, tenant: TenantId) -> Result<BTreeMap<i32, String>, Error> {
    let rows = sqlx::query!(
        "select version, wrapped from tenant_keys where tenant_id = $1",
        tenant.0,
    )
    .fetch_all(conn)
    .await?;
    let rows = rows
        .into_iter()
        .filter_map(|row| Some((row.version, String::from_utf8(row.wrapped).ok()?)));
    Ok(rows.collect())
}

async fn replace(
    conn: &mut PgConnection,
    tenant: TenantId,
    version: i32,
    before: &str,
    after: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update tenant_keys set wrapped = $4
         where tenant_id = $1 and version = $2 and wrapped = $3",
        tenant.0,
        version,
        before.as_bytes(),
        after.as_bytes(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
