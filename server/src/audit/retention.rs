//! Cuts chains to what their policy keeps.
//!
//! ```text
//! look: the chain holds up to the cut ─► anchor and record of the cut ─► rows go, some at a time
//!                                        (one transaction)               (each its own)
//! ```
//!
//! **Invariant:** a chain that does not hold is not cut: what would show that goes nowhere.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::id::TenantId;
use tod_service::reconcile::Reconcile;

use super::anchor::{self, Anchor};
use super::{Act, Origin, PLATFORM, TOD, chain, record, whole_microseconds};
use crate::api::App;
use crate::api::error::Error;
use crate::db::SystemTx;

/// How many rows are removed at a time.
const BATCH: i64 = 5000;
/// For how long every checkpoint is kept; of those before, the last of each day is.
const CHECKPOINTS: Duration = Duration::from_hours(7 * 24);
const DAY: Duration = Duration::from_hours(24);

/// Cuts a chain, and uses of keys, to the last `days`. Returns how many records went, and how many
/// uses of keys.
pub async fn cut(app: &App, tenant: TenantId, days: u32) -> Result<(u64, u64), Error> {
    let now = app.clock.now();
    let keep = DAY.saturating_mul(days);
    let before = now.checked_sub(keep).map_err(Error::internal)?;
    let before = whole_microseconds(before)?;
    let mut tx = app.db.system("cut an audit log").await?;
    if !is_alone(&mut tx, tenant).await? {
        return Ok((0, 0));
    }
    let last = anchor::newest(&mut tx, tenant).await?;
    let start = last
        .as_ref()
        .map_or((0, Vec::new()), |anchor| (anchor.seq, anchor.hash.clone()));
    let Some(end) = chain::reach(&mut tx, tenant, start.clone(), before).await? else {
        tracing::error!(
            tenant.id = %tenant,
            "ALARM: an audit log does not hold and is not cut; see todctl audit verify"
        );
        return Ok((0, 0));
    };
    let records = end.0 - start.0;
    // Uses that an anchor covers already are on their way out.
    let is_later = last.is_none_or(|anchor| anchor.until < before);
    if records > 0 || (is_later && has_old_uses(&mut tx, tenant, before).await?) {
        let detail = serde_json::json!({
            "through": end.0, "records": records, "hash": hex::encode(&end.1),
            "before": before, "retention_days": days,
        });
        let anchor = Anchor::sign(&app.kms, tenant, end, before, now)?;
        anchor.insert(&mut tx, tenant).await?;
        let act = Act {
            actor: TOD,
            act: "audit.cut",
            target: "audit".to_owned(),
            detail,
            origin: Origin::default(),
        };
        record(app, &mut tx, tenant, act).await?;
    }
    tx.commit().await?;
    remove(app, tenant).await
}

/// Whether no other server cuts this chain now.
async fn is_alone(tx: &mut SystemTx, tenant: TenantId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('audit cut ' || $1::uuid::text, 0))
           as "alone!""#,
        tenant.0,
    )
    .fetch_one(&mut **tx)
    .await?)
}

async fn has_old_uses(
    tx: &mut SystemTx,
    tenant: TenantId,
    before: Timestamp,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from key_uses where tenant_id = $1 and at < $2) as "old!""#,
        tenant.0,
        before.to_sqlx() as _,
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Removes what the anchor says is gone, some at a time: whoever writes waits for none of it.
async fn remove(app: &App, tenant: TenantId) -> Result<(u64, u64), Error> {
    let mut tx = app.db.system("remove what was cut").await?;
    let anchor = anchor::newest(&mut tx, tenant).await?;
    tx.commit().await?;
    let Some(anchor) = anchor else {
        return Ok((0, 0));
    };
    let (mut records, mut uses) = (0, 0);
    loop {
        let mut tx = app.db.system("remove what was cut").await?;
        let gone = sqlx::query!(
            "delete from audit_log
             where tenant_id = $1 and seq in (
                 select seq from audit_log
                 where tenant_id = $1 and seq <= $2 order by seq limit $3
             )",
            tenant.0,
            anchor.seq,
            BATCH,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let used = sqlx::query!(
            "delete from key_uses
             where tenant_id = $1 and id in (
                 select id from key_uses
                 where tenant_id = $1 and at < $2 order by at limit $3
             )",
            tenant.0,
            anchor.until.to_sqlx() as _,
            BATCH,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        records += gone;
        uses += used;
        if gone + used == 0 {
            return Ok((records, uses));
        }
    }
}

/// Removes checkpoints that others vouch for: those of rows that are gone, and of days past all but
/// the last of each. Returns how many.
pub async fn thin(app: &App) -> Result<u64, Error> {
    let now = app.clock.now();
    let before = now.checked_sub(CHECKPOINTS).map_err(Error::internal)?;
    let mut tx = app.db.system("remove old checkpoints").await?;
    let gone = sqlx::query!(
        "delete from audit_checkpoints c
         where exists (
             select from audit_checkpoints l
             where l.tenant_id = c.tenant_id and l.seq > c.seq
               and (
                   c.seq <= (select max(a.seq) from audit_anchors a
                             where a.tenant_id = c.tenant_id)
                   or (c.at < $1 and (l.at at time zone 'UTC')::date
                                     = (c.at at time zone 'UTC')::date)
               )
         )",
        before.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}

/// Cuts every chain that has a policy.
#[derive(Debug)]
pub struct Retention(App);

impl Retention {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    async fn policies(&self) -> Result<Vec<(TenantId, u32)>, Error> {
        let mut tx = self.0.db.system("how long audit logs are kept").await?;
        let rows = sqlx::query!(
            r#"select id, audit_retention_days as "days!" from tenants
               where audit_retention_days is not null"#,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let of_tenants = rows
            .into_iter()
            .filter_map(|row| Some((TenantId(row.id), u32::try_from(row.days).ok()?)));
        let platform = self.0.config.platform_audit_days;
        Ok(of_tenants
            .chain(platform.map(|days| (PLATFORM, days)))
            .collect())
    }
}

impl Reconcile for Retention {
    const NAME: &'static str = "audit retention";
    const EVERY: Duration = Duration::from_hours(6);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let mut gone = thin(&self.0).await?;
        for (tenant, days) in self.policies().await? {
            let (records, uses) = cut(&self.0, tenant, days).await?;
            gone += records + uses;
        }
        Ok(usize::try_from(gone)?)
    }
}
