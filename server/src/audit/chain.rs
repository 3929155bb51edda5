//! Recomputes a chain.

use jiff::Timestamp;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;

use super::anchor;
use crate::api::error::Error;

/// How many rows are read at a time.
const BATCH: i64 = 5000;

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every row is as it was written, up to the one with this number.
    Whole(i64),
    /// The row with this number is not as it was written, or not there.
    BrokenAt(i64),
}

/// A row.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its number.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub act: String,
    /// To what.
    pub target: String,
    /// The details, of form 1.
    pub detail: String,
    /// How the hash is made.
    pub form: i16,
    /// Which request it was.
    pub request_id: String,
    /// Where it came from.
    pub address: String,
    /// What the sealed details are bound to.
    pub id: Option<Uuid>,
    /// The sealed details, of form 2.
    pub sealed: Vec<u8>,
    /// The hash of the row before.
    pub prev_hash: Vec<u8>,
    /// The hash of this row.
    pub hash: Vec<u8>,
}

/// A row as the database gives it.
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) at: jiff_sqlx::Timestamp,
    pub(crate) actor: String,
    pub(crate) act: String,
    pub(crate) target: String,
    pub(crate) detail: String,
    pub(crate) form: i16,
    pub(crate) request_id: String,
    pub(crate) address: String,
    pub(crate) id: Option<Uuid>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) prev_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl From<Row> for Link {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            at: row.at.to_jiff(),
            actor: row.actor,
            act: row.act,
            target: row.target,
            detail: row.detail,
            form: row.form,
            request_id: row.request_id,
            address: row.address,
            id: row.id,
            sealed: row.sealed,
            prev_hash: row.prev_hash,
            hash: row.hash,
        }
    }
}

impl Link {
    /// Whether it follows a row with the hash `prev`, and is as it was written.
    pub fn follows(&self, tenant: TenantId, prev: &[u8]) -> bool {
        let hashed = tod_proto::chain::Link {
            seq: self.seq,
            at: self.at,
            actor: &self.actor,
            act: &self.act,
            target: &self.target,
            form: self.form,
            detail: &self.detail,
            request_id: &self.request_id,
            address: &self.address,
            id: self.id,
            sealed: &self.sealed,
        };
        let hash = hashed.hash(tenant, prev);
        self.prev_hash == prev && hash.is_some_and(|hash| self.hash == hash)
    }
}

/// How far a chain holds from the row `start` on, among rows before a moment: the number and the
/// hash of the last of them. Nothing if it does not hold.
pub(super) async fn reach(
    tx: &mut PgConnection,
    tenant: TenantId,
    start: (i64, Vec<u8>),
    before: Timestamp,
) -> Result<Option<(i64, Vec<u8>)>, Error> {
    let mut end = start;
    loop {
        let links = batch(tx, tenant, end.0).await?;
        if links.is_empty() {
            return Ok(Some(end));
        }
        for link in links {
            if link.seq != end.0 + 1 || !link.follows(tenant, &end.1) {
                return Ok(None);
            }
            if link.at >= before {
                return Ok(Some(end));
            }
            end = (link.seq, link.hash);
        }
    }
}

/// Recomputes a tenant's chain from its first row, which follows its anchor if it has one. `seen` is
/// told the hash of each good row.
pub async fn verify(
    tx: &mut PgConnection,
    tenant: TenantId,
    mut seen: impl FnMut(i64, &[u8]) + Send,
) -> Result<Chain, Error> {
    let anchor = anchor::newest(tx, tenant).await?;
    let (mut last, mut prev) = anchor.map_or((0, Vec::new()), |anchor| (anchor.seq, anchor.hash));
    loop {
        let links = batch(tx, tenant, last).await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            let expected = last + 1;
            if link.seq != expected || !link.follows(tenant, &prev) {
                return Ok(Chain::BrokenAt(expected));
            }
            seen(expected, &link.hash);
            last = expected;
            prev = link.hash;
        }
    }
    // Rows cut off at the end are missed by the chain itself; the head knows of them.
    let head = sqlx::query!(
        "select seq, hash from audit_heads where tenant_id = $1",
        tenant.0
    )
    .fetch_optional(tx)
    .await?;
    let agrees = match head {
        Some(head) => head.seq == last && head.hash == prev,
        None => last == 0,
    };
    Ok(if agrees {
        Chain::Whole(last)
    } else {
        Chain::BrokenAt(last + 1)
    })
}

async fn batch(tx: &mut PgConnection, tenant: TenantId, after: i64) -> Result<Vec<Link>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select seq, at as "at: jiff_sqlx::Timestamp", actor, act, target, detail, form,
                  request_id, address, id, sealed, prev_hash, hash
           from audit_log
           where tenant_id = $1 and seq > $2
           order by seq
           limit $3"#,
        tenant.0,
        after,
        BATCH,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(Link::from).collect())
}
