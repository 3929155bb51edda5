//! The SQL of this resource. A tenant lies outside every tenant's scope: all of it is the system's.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::tenants::Tenant;
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use uuid::Uuid;

use crate::api::App;
use crate::api::error::{Error, OnConstraint as _};
use crate::db::SystemTx;

struct Row {
    id: Uuid,
    name: String,
    devices: i64,
    created_at: jiff_sqlx::Timestamp,
}

impl Row {
    fn seen_as(self, role: Role) -> Tenant {
        let Self {
            id,
            name,
            devices,
            created_at,
        } = self;
        Tenant {
            id: TenantId(id),
            name,
            role,
            devices: u64::try_from(devices).unwrap_or(0),
            created_at: created_at.to_jiff(),
        }
    }
}

pub(super) async fn all(tx: &mut SystemTx, role: Role) -> Result<Vec<Tenant>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select t.id, t.name, t.created_at as "created_at: jiff_sqlx::Timestamp",
                  (select count(*) from devices d where d.tenant_id = t.id) as "devices!"
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
                  (select count(*) from devices d where d.tenant_id = t.id) as "devices!"
           from tenants t
           where t.id = $1"#,
        tenant.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| row.seen_as(role)))
}

/// Makes a tenant with its first data key.
pub(crate) async fn create(
    app: &App,
    tx: &mut SystemTx,
    name: &str,
    now: Timestamp,
) -> Result<TenantId, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(Error::invalid(
            "name: a tenant's name is 1 to 64 letters, digits, `-` and `_`",
        ));
    }
    let tenant = TenantId::generate();
    sqlx::query!(
        "insert into tenants (id, name, created_at) values ($1, $2, $3)",
        tenant.0,
        name,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await
    .on_constraint("tenants_name_key", || {
        Error::conflict(format!("there is a tenant `{name}` already"))
    })?;
    app.kms.create_tenant_key(tx, tenant, now).await?;
    Ok(tenant)
}
