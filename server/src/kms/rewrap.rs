//! Seals with a tenant's newest key what is sealed with older ones, and destroys those.
//!
//! The audit log is left as it is: its hashes cover the sealed details.

use aws_lc_rs::aead::LessSafeKey;
use sqlx::{AssertSqlSafe, PgConnection};
use tod_proto::id::TenantId;
use uuid::Uuid;

use super::envelope::{aad, key_version};
use super::{Kms, KmsError, Place, envelope};
use crate::api::error::Error;
use crate::db::TenantTx;

/// Every column that holds values sealed with data keys, apart from the audit log's. A test holds
/// it against the catalogue of the database.
pub const SEALED: &[(&str, &str)] = &[
    ("devices", "password"),
    ("changes", "secret"),
    ("changes", "config"),
    ("run_results", "sealed"),
];

/// How many values are sealed anew at a time.
const BATCH: i64 = 200;

impl Kms {
    /// Seals some values with the tenant's newest key. Returns how many, and how many are left.
    pub async fn rewrap(&self, tx: &mut TenantTx) -> Result<(i64, i64), Error> {
        let tenant = tx.tenant();
        let (version, key) = self.newest(tx, tenant).await?;
        let mut done = 0;
        for &(table, column) in SEALED {
            if done >= BATCH {
                break;
            }
            let old = older(tx, table, column, version, BATCH - done).await?;
            for (row, sealed) in old {
                let place = Place { table, column, row };
                let fresh = self
                    .again(tx, tenant, place, &sealed, version, &key)
                    .await?;
                done += replace(tx, place, &sealed, &fresh).await?;
            }
        }
        let mut left = 0;
        for &(table, column) in SEALED {
            left += count(tx, tenant, (table, column), "<", version).await?;
        }
        Ok((done, left))
    }

    async fn again(
        &self,
        tx: &mut TenantTx,
        tenant: TenantId,
        place: Place,
        sealed: &[u8],
        version: i32,
        newest: &LessSafeKey,
    ) -> Result<Vec<u8>, Error> {
        let old = i32::try_from(key_version(sealed)?).map_err(|_| KmsError::Shut)?;
        let key = self.key(tx, tenant, old).await??;
        let aad = aad(tenant, place);
        // The plain value leaves this function in nobody's hands: there is no use to write down.
        let plain = envelope::open(&key, &aad, sealed)?;
        let number = u32::try_from(version).map_err(|_| KmsError::Shut)?;
        Ok(envelope::seal(newest, number, &aad, &plain)?)
    }
}

/// How many values of a tenant are sealed with a key: in `SEALED`, and in the audit log.
pub async fn sealed_with(
    conn: &mut PgConnection,
    tenant: TenantId,
    version: i32,
) -> Result<(i64, i64), Error> {
    count_all(conn, tenant, "=", version).await
}

/// The same for all keys below a number.
pub async fn sealed_below(
    conn: &mut PgConnection,
    tenant: TenantId,
    version: i32,
) -> Result<(i64, i64), Error> {
    count_all(conn, tenant, "<", version).await
}

async fn count_all(
    conn: &mut PgConnection,
    tenant: TenantId,
    operator: &str,
    version: i32,
) -> Result<(i64, i64), Error> {
    let mut values = 0;
    for &place in SEALED {
        values += count(conn, tenant, place, operator, version).await?;
    }
    let audit = ("audit_log", "sealed");
    Ok((values, count(conn, tenant, audit, operator, version).await?))
}

/// The number of the key is in the second to fifth byte, the greatest first: as bytes it compares
/// as the number does.
async fn count(
    conn: &mut PgConnection,
    tenant: TenantId,
    (table, column): (&str, &str),
    operator: &str,
    version: i32,
) -> Result<i64, Error> {
    let sql = format!(
        "select count(*) from {table}
         where tenant_id = $1 and length({column}) > 5
               and substring({column} from 2 for 4) {operator} int4send($2)"
    );
    let count = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant.0)
        .bind(version)
        .fetch_one(conn)
        .await?;
    Ok(count)
}

async fn older(
    tx: &mut TenantTx,
    table: &str,
    column: &str,
    version: i32,
    limit: i64,
) -> Result<Vec<(Uuid, Vec<u8>)>, Error> {
    let sql = format!(
        "select id, {column} from {table}
         where length({column}) > 5 and substring({column} from 2 for 4) < int4send($1)
         order by id
         limit $2
         for update skip locked"
    );
    let conn: &mut PgConnection = tx;
    let rows = sqlx::query_as(AssertSqlSafe(sql))
        .bind(version)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows)
}

/// What was changed meanwhile is sealed with the newest key already.
async fn replace(
    tx: &mut TenantTx,
    place: Place,
    before: &[u8],
    after: &[u8],
) -> Result<i64, Error> {
    let Place { table, column, row } = place;
    let sql = format!("update {table} set {column} = $1 where id = $2 and {column} = $3");
    let result = sqlx::query(AssertSqlSafe(sql))
        .bind(after)
        .bind(row)
        .bind(before)
        .execute(&mut **tx)
        .await?;
    Ok(i64::try_from(result.rows_affected()).unwrap_or(0))
}
