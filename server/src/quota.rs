//! How much a tenant may have.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;

use crate::api::error::Error;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Devices.
    Devices,
    /// People.
    Users,
    /// API keys that are good.
    ApiKeys,
}

/// Refuses one more than a tenant may have. Two who add at once come one after the other: the lock
/// is held until the end of the transaction.
pub async fn check(
    tx: &mut PgConnection,
    tenant: TenantId,
    quota: Quota,
    now: Timestamp,
) -> Result<(), Error> {
    let limits = sqlx::query!(
        "select max_devices, max_users, max_api_keys from tenants where id = $1",
        tenant.0,
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| Error::not_found("tenant"))?;
    let (limit, what, flag) = match quota {
        Quota::Devices => (limits.max_devices, "devices", "--max-devices"),
        Quota::Users => (limits.max_users, "people", "--max-users"),
        Quota::ApiKeys => (limits.max_api_keys, "API keys", "--max-api-keys"),
    };
    let Some(limit) = limit else {
        return Ok(());
    };
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1::text, 0))",
        format!("quota {}", tenant.0),
    )
    .execute(&mut *tx)
    .await?;
    let count = count(tx, tenant, quota, now).await?;
    if count < i64::from(limit) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "the tenant may have {limit} {what}, and has {count}"
    ))
    .hint(format!(
        "whoever runs the server can raise it: todctl tenant set NAME {flag} {}",
        limit.saturating_add(1)
    )))
}

async fn count(
    tx: &mut PgConnection,
    tenant: TenantId,
    quota: Quota,
    now: Timestamp,
) -> Result<i64, Error> {
    Ok(match quota {
        Quota::Devices => {
            sqlx::query_scalar!(
                r#"select count(*) as "count!" from devices where tenant_id = $1"#,
                tenant.0
            )
            .fetch_one(&mut *tx)
            .await?
        }
        Quota::Users => {
            sqlx::query_scalar!(
                r#"select count(*) as "count!" from users where tenant_id = $1"#,
                tenant.0
            )
            .fetch_one(&mut *tx)
            .await?
        }
        Quota::ApiKeys => {
            sqlx::query_scalar!(
                r#"select count(*) as "count!" from api_keys
                   where tenant_id = $1 and revoked_at is null
                         and (expires_at is null or expires_at > $2)"#,
                tenant.0,
                now.to_sqlx() as _,
            )
            .fetch_one(&mut *tx)
            .await?
        }
    })
}
