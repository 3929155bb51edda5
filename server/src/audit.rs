//! Who did what, so that nobody can take it back.
//!
//! A row is written in the transaction of the act: if it cannot be written, the act does not
//! happen. Each row holds the hash of the one before it, tenant by tenant; a row that is changed,
//! removed or slipped in breaks the chain, and [`verify`] says where.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use jiff_sqlx::ToSqlx as _;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;

use crate::api::error::Error;

/// The chain of acts that belong to no tenant.
pub const PLATFORM: TenantId = TenantId(Uuid::nil());

/// Something that a person, or tod itself, did.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// Who: an e-mail address, or `tod`.
    pub actor: &'a str,
    /// What: the name of an operation, such as `device.add`.
    pub act: &'static str,
    /// To what: an identifier or a name.
    pub target: String,
    /// More, without secrets.
    pub detail: serde_json::Value,
}

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every row is as it was written; this many.
    Whole(i64),
    /// The row with this number is not as it was written, or not there.
    BrokenAt(i64),
}

/// Writes a row into a tenant's chain, in the transaction of the act.
pub async fn record(
    tx: &mut PgConnection,
    tenant: TenantId,
    now: Timestamp,
    act: Act<'_>,
) -> Result<(), Error> {
    // The database keeps microseconds: what is hashed must be what is read again.
    let round = TimestampRound::new()
        .smallest(Unit::Microsecond)
        .mode(RoundMode::Trunc);
    let at = now.round(round).map_err(Error::internal)?;
    let head = sqlx::query!(
        r#"insert into audit_heads (tenant_id, seq, hash) values ($1, 0, '')
           on conflict (tenant_id) do update set seq = audit_heads.seq
           returning seq, hash"#,
        tenant.0,
    )
    .fetch_one(&mut *tx)
    .await?;
    let row = Row {
        seq: head.seq + 1,
        at,
        actor: storable(act.actor),
        act: act.act.to_owned(),
        target: storable(&act.target),
        detail: storable(&act.detail.to_string()),
    };
    let hash = row.hash(tenant, &head.hash);
    sqlx::query!(
        "insert into audit_log
             (tenant_id, seq, at, actor, act, target, detail, prev_hash, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.0,
        row.seq,
        row.at.to_sqlx() as _,
        row.actor,
        row.act,
        row.target,
        row.detail,
        head.hash,
        hash,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update audit_heads set seq = $2, hash = $3 where tenant_id = $1",
        tenant.0,
        row.seq,
        hash,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Recomputes a tenant's chain from its first row.
pub async fn verify(tx: &mut PgConnection, tenant: TenantId) -> Result<Chain, Error> {
    let mut prev = Vec::new();
    let mut seen = 0;
    loop {
        let rows = sqlx::query!(
            r#"select seq, at as "at: jiff_sqlx::Timestamp", actor, act, target, detail,
                      prev_hash, hash
               from audit_log
               where tenant_id = $1 and seq > $2
               order by seq
               limit 1000"#,
            tenant.0,
            seen,
        )
        .fetch_all(&mut *tx)
        .await?;
        if rows.is_empty() {
            break;
        }
        for stored in rows {
            let row = Row {
                seq: stored.seq,
                at: stored.at.to_jiff(),
                actor: stored.actor,
                act: stored.act,
                target: stored.target,
                detail: stored.detail,
            };
            let expected = seen + 1;
            let whole = row.seq == expected
                && stored.prev_hash == prev
                && stored.hash == row.hash(tenant, &prev);
            if !whole {
                return Ok(Chain::BrokenAt(expected));
            }
            seen = expected;
            prev = stored.hash;
        }
    }
    // Rows cut off at the end are missed by the chain itself; the head knows of them.
    let head = sqlx::query_scalar!("select seq from audit_heads where tenant_id = $1", tenant.0)
        .fetch_optional(&mut *tx)
        .await?
        .unwrap_or(0);
    Ok(if head == seen {
        Chain::Whole(seen)
    } else {
        Chain::BrokenAt(seen + 1)
    })
}

/// What of a row is hashed.
struct Row {
    seq: i64,
    at: Timestamp,
    actor: String,
    act: String,
    target: String,
    detail: String,
}

impl Row {
    fn hash(&self, tenant: TenantId, prev: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        let at = self.at.as_microsecond().to_be_bytes();
        let fields: [&[u8]; 8] = [
            prev,
            tenant.0.as_bytes(),
            &self.seq.to_be_bytes(),
            &at,
            self.actor.as_bytes(),
            self.act.as_bytes(),
            self.target.as_bytes(),
            self.detail.as_bytes(),
        ];
        for field in fields {
            // With its length in front, no field can pass for the end of another.
            hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(field);
        }
        hash.finalize().to_vec()
    }
}

/// Text as PostgreSQL can keep it: without NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}
