//! Has data keys unwrapped before a transaction begins that will need them: whoever waits for the
//! key service holds no connection and no lock meanwhile.
//!
//! It is no more than a help. What is not there yet is unwrapped where it is needed; what cannot be
//! unwrapped is told there.

use futures_util::stream::{self, StreamExt as _};
use tod_proto::id::TenantId;

use super::Kms;
use super::wrapping::Wrapping;
use crate::api::error::Error;
use crate::db::Db;

/// How many keys are asked for at a time.
const AT_ONCE: usize = 8;

type Row = (TenantId, i32, Vec<u8>);

impl Kms {
    /// Unwraps the data keys of a tenant.
    pub async fn warm(&self, db: &Db, tenant: TenantId) {
        if matches!(self.wrapping, Wrapping::Local(_)) {
            return;
        }
        let rows = async {
            let mut tx = db.tenant(tenant).await?;
            let rows = sqlx::query!("select version, wrapped from tenant_keys")
                .fetch_all(&mut *tx)
                .await?;
            tx.commit().await?;
            let rows = rows
                .into_iter()
                .map(|row| (tenant, row.version, row.wrapped));
            Ok(rows.collect())
        };
        self.unwrap_all(rows.await).await;
    }

    /// Unwraps the data keys of all tenants that have devices in some zones.
    pub async fn warm_zones(&self, db: &Db, zones: &[String]) {
        if matches!(self.wrapping, Wrapping::Local(_)) {
            return;
        }
        let rows = async {
            let mut tx = db.system("data keys of tenants in zones").await?;
            let rows = sqlx::query!(
                "select tenant_id, version, wrapped
                 from tenant_keys k
                 where exists (
                     select from devices d
                     where d.tenant_id = k.tenant_id and d.zone = any($1)
                 )",
                zones,
            )
            .fetch_all(&mut *tx)
            .await?;
            tx.commit().await?;
            let rows = rows
                .into_iter()
                .map(|row| (TenantId(row.tenant_id), row.version, row.wrapped));
            Ok(rows.collect())
        };
        self.unwrap_all(rows.await).await;
    }

    async fn unwrap_all(&self, rows: Result<Vec<Row>, Error>) {
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                tracing::debug!(%error, "data keys are not unwrapped ahead");
                return;
            }
        };
        stream::iter(rows)
            .for_each_concurrent(AT_ONCE, async |(tenant, version, wrapped)| {
                // What is wrong with it is told where it is needed.
                drop(self.unwrap(tenant, version, &wrapped).await);
            })
            .await;
    }
}
