//! Vouches for the heads of chains.
//!
//! **Invariant:** a chain that was whole at a checkpoint cannot be written anew without the
//! server's master key: its checkpoint would not hold.

use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use tod_service::reconcile::Reconcile;
use uuid::Uuid;

use crate::api::App;
use crate::api::error::Error;
use crate::kms::{Kms, KmsError};

/// A head that was vouched for.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The number of the row.
    pub seq: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    at: Timestamp,
    mac: Vec<u8>,
}

impl Checkpoint {
    /// Whether this server's key made it.
    pub fn is_ours(&self, kms: &Kms, tenant: TenantId) -> Result<bool, KmsError> {
        let said = said(tenant, self.seq, &self.hash, self.at);
        Ok(hmac::verify(&key(kms)?, &said, &self.mac).is_ok())
    }
}

/// All checkpoints of a tenant, the oldest first.
pub async fn all(tx: &mut PgConnection, tenant: TenantId) -> Result<Vec<Checkpoint>, Error> {
    let rows = sqlx::query!(
        r#"select seq, hash, at as "at: jiff_sqlx::Timestamp", mac
           from audit_checkpoints
           where tenant_id = $1
           order by seq"#,
        tenant.0,
    )
    .fetch_all(tx)
    .await?;
    let checkpoints = rows.into_iter().map(|row| Checkpoint {
        seq: row.seq,
        hash: row.hash,
        at: row.at.to_jiff(),
        mac: row.mac,
    });
    Ok(checkpoints.collect())
}

/// Vouches for every head that has moved since its last checkpoint. Returns how many.
pub async fn make(app: &App) -> Result<usize, Error> {
    let now = app.clock.now();
    let at = super::whole_microseconds(now)?;
    let key = key(&app.kms)?;
    let mut tx = app.db.system("vouch for the audit log").await?;
    let heads = sqlx::query!(
        "select h.tenant_id, h.seq, h.hash
         from audit_heads h
         where not exists (
             select from audit_checkpoints c
             where c.tenant_id = h.tenant_id and c.seq = h.seq
         )",
    )
    .fetch_all(&mut *tx)
    .await?;
    let tenants: Vec<Uuid> = heads.iter().map(|head| head.tenant_id).collect();
    let seqs: Vec<i64> = heads.iter().map(|head| head.seq).collect();
    let hashes: Vec<Vec<u8>> = heads.iter().map(|head| head.hash.clone()).collect();
    let macs: Vec<Vec<u8>> = heads
        .iter()
        .map(|head| said(TenantId(head.tenant_id), head.seq, &head.hash, at))
        .map(|said| hmac::sign(&key, &said).as_ref().to_vec())
        .collect();
    sqlx::query!(
        "insert into audit_checkpoints (tenant_id, seq, hash, at, mac)
         select tenant, seq, hash, $5, mac
         from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[])
             as t (tenant, seq, hash, mac)
         on conflict do nothing",
        &tenants,
        &seqs,
        &hashes,
        &macs,
        at.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(heads.len())
}

fn key(kms: &Kms) -> Result<hmac::Key, KmsError> {
    let key = kms.derive("audit checkpoints")?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*key))
}

fn said(tenant: TenantId, seq: i64, hash: &[u8], at: Timestamp) -> Vec<u8> {
    let head = format!(
        "tod audit checkpoint v1 {} {seq} {} ",
        tenant.0,
        at.as_microsecond()
    );
    [head.as_bytes(), hash].concat()
}

/// Vouches for heads, every minute.
#[derive(Debug)]
pub struct Checkpoints(App);

impl Checkpoints {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Checkpoints {
    const NAME: &'static str = "audit checkpoints";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self) -> anyhow::Result<usize> {
        Ok(make(&self.0).await?)
    }
}
