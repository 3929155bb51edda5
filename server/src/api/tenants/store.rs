//! The SQL of this resource. A tenant lies outside every tenant's scope: all of it is the system's.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::tenants::{Quotas, Tenant, TenantPatch};
use tod_proto::endpoint::Role;
use tod_proto::id::{TenantId, UserId};
use uuid::Uuid;

use crate::api::App;
use crate::api::error::{Error, OnConstraint as _};
use crate::db::SystemTx;
use crate::kms::FreshKey;

struct Row {
    id: Uuid,
    name: String,
    devices: i64,
    users: i64,
    suspended_at: Option<jiff_sqlx::Timestamp>,
    max_devices: Option<i32>,
    max_users: Option<i32>,
    max_api_keys: Option<i32>,
    totp_required: bool,
    audit_retention_days: Option<i32>,
    created_at: jiff_sqlx::Timestamp,
}

impl Row {
    fn seen_as(self, role: Role) -> Tenant {
        let limit = |limit: Option<i32>| limit.and_then(|limit| u32::try_from(limit).ok());
        Tenant {
            id: TenantId(self.id),
            name: self.name,
            role,
            devices: u64::try_from(self.devices).unwrap_or(0),
            users: u64::try_from(self.users).unwrap_or(0),
            suspended_at: self.suspended_at.map(jiff_sqlx::Timestamp::to_jiff),
            quotas: Quotas {
                devices: limit(self.max_devices),
                users: limit(self.max_users),
                api_keys: limit(self.max_api_keys),
            },
            totp_required: self.totp_required,
            audit_retention_days: limit(self.audit_retention_days),
            created_at: self.created_at.to_jiff(),
        }
    }
}

pub(super) async fn all(tx: &mut SystemTx, role: Role) -> Result<Vec<Tenant>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select t.id, t.name, t.created_at as "created_at: jiff_sqlx::Timestamp",
                  t.suspended_at as "suspended_at: jiff_sqlx::Timestamp", t.max_devices,
                  t.max_users, t.max_api_keys, t.totp_required, t.audit_retention_days,
                  (select count(*) from devices d where d.tenant_id = t.id) as "devices!",
                  (select count(*) from users u where u.tenant_id = t.id) as "users!"
           from tenants t
           order by t.name"#,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.seen_as(role)).collect())
}

pub(super) async fn one(
    tx: &mut SystemTx,
    tenant: TenantId,
    role: Role,
) -> Result<Option<Tenant>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select t.id, t.name, t.created_at as "created_at: jiff_sqlx::Timestamp",
                  t.suspended_at as "suspended_at: jiff_sqlx::Timestamp", t.max_devices,
                  t.max_users, t.max_api_keys, t.totp_required, t.audit_retention_days,
                  (select count(*) from devices d where d.tenant_id = t.id) as "devices!",
                  (select count(*) from users u where u.tenant_id = t.id) as "users!"
           from tenants t
           where t.id = $1"#,
        tenant.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| row.seen_as(role)))
}

/// Makes the tenant that a first data key was made for.
pub(crate) async fn create(
    app: &App,
    tx: &mut SystemTx,
    key: &FreshKey,
    name: &str,
    now: Timestamp,
) -> Result<TenantId, Error> {
    check_name(name)?;
    let tenant = key.tenant;
    sqlx::query!(
        "insert into tenants (id, name, created_at) values ($1, $2, $3)",
        tenant.0,
        name,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await
    .on_constraint("tenants_name_key", || taken(name))?;
    app.kms.store_key(tx, key, now).await?;
    Ok(tenant)
}

pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(Error::invalid(
            "name: a tenant's name is 1 to 64 letters, digits, `-` and `_`",
        ));
    }
    Ok(())
}

fn taken(name: &str) -> Error {
    Error::conflict(format!("there is a tenant `{name}` already"))
}

/// Changes what `patch` has.
pub(super) async fn set(
    tx: &mut SystemTx,
    tenant: TenantId,
    patch: &TenantPatch,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(name) = &patch.name {
        check_name(name)?;
        sqlx::query!("update tenants set name = $2 where id = $1", tenant.0, name)
            .execute(&mut **tx)
            .await
            .on_constraint("tenants_name_key", || taken(name))?;
    }
    if let Some(suspended) = patch.suspended {
        sqlx::query!(
            "update tenants
             set suspended_at = case when $2 then coalesce(suspended_at, $3) end
             where id = $1",
            tenant.0,
            suspended,
            now.to_sqlx() as _,
        )
        .execute(&mut **tx)
        .await?;
    }
    if let Some(days) = patch.audit_retention_days {
        let days = i32::try_from(days).ok().filter(|days| *days <= 36_500);
        let days = days.ok_or_else(|| {
            Error::invalid("audit_retention_days: 1 to 36500, or 0 to keep it for ever")
        })?;
        sqlx::query!(
            "update tenants set audit_retention_days = nullif($2, 0) where id = $1",
            tenant.0,
            days,
        )
        .execute(&mut **tx)
        .await?;
    }
    if let Some(required) = patch.totp_required {
        sqlx::query!(
            "update tenants set totp_required = $2 where id = $1",
            tenant.0,
            required,
        )
        .execute(&mut **tx)
        .await?;
    }
    if let Some(quotas) = patch.quotas {
        let limit =
            |limit: Option<u32>| limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
        sqlx::query!(
            "update tenants set max_devices = $2, max_users = $3, max_api_keys = $4
             where id = $1",
            tenant.0,
            limit(quotas.devices),
            limit(quotas.users),
            limit(quotas.api_keys),
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The zones that a tenant's devices are in.
pub(super) async fn zones(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct zone from devices where tenant_id = $1",
        tenant.0
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// The people of a tenant.
pub(super) async fn people(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<UserId>, Error> {
    let ids = sqlx::query_scalar!("select id from users where tenant_id = $1", tenant.0)
        .fetch_all(&mut **tx)
        .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Removes a tenant and all that is its. The time series have no foreign key, and a lock on a
/// device keeps it from going.
pub(super) async fn delete(tx: &mut SystemTx, tenant: TenantId) -> Result<(), Error> {
    for table in ["device_locks", "samples", "rollups_5m", "rollups_1h"] {
        let sql = format!("delete from {table} where tenant_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.0)
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query!("delete from tenants where id = $1", tenant.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
