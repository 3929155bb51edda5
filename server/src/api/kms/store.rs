//! The SQL of this resource.

use jiff::Timestamp;
use tod_proto::api::kms::KeyUse;
use tod_proto::id::{ChangeId, DeviceId, TenantId};
use uuid::Uuid;

use crate::api::error::Error;
use crate::db::{SystemTx, TenantTx};

/// Which uses to list.
pub(super) struct Filter {
    pub(super) since: Option<Timestamp>,
    /// An identifier; those of a person's keys count as theirs.
    pub(super) actor: Option<String>,
    pub(super) purpose: Option<String>,
}

/// The tenant's keys, the newest first.
pub(super) async fn versions(tx: &mut TenantTx) -> Result<Vec<(i32, Timestamp)>, Error> {
    let rows = sqlx::query!(
        r#"select version, created_at as "created_at: jiff_sqlx::Timestamp"
           from tenant_keys
           order by version desc"#,
    )
    .fetch_all(&mut **tx)
    .await?;
    let versions = rows
        .into_iter()
        .map(|row| (row.version, row.created_at.to_jiff()));
    Ok(versions.collect())
}

pub(super) async fn newest(tx: &mut SystemTx, tenant: TenantId) -> Result<i32, Error> {
    Ok(sqlx::query_scalar!(
        r#"select max(version) as "version!" from tenant_keys where tenant_id = $1"#,
        tenant.0,
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Who opened what, the newest first.
pub(super) async fn uses(
    tx: &mut TenantTx,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<KeyUse>, Error> {
    let rows = sqlx::query!(
        r#"select id, at as "at: jiff_sqlx::Timestamp", actor, purpose, version, place, resource,
                  count
           from key_uses
           where ($1::timestamptz is null or at >= $1)
             and ($2::text is null or actor = $2 or starts_with(actor, $2 || '/'))
             and ($3::text is null or purpose = $3)
             and ($4::uuid is null or id < $4)
           order by id desc
           limit $5"#,
        filter.since.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.actor,
        filter.purpose,
        before,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    let uses = rows.into_iter().map(|row| KeyUse {
        id: row.id,
        at: row.at.to_jiff(),
        actor: row.actor,
        actor_email: None,
        purpose: row.purpose,
        version: row.version,
        resource: row.resource.map(|id| resource(&row.place, id)),
        place: row.place,
        count: row.count,
    });
    Ok(uses.collect())
}

/// The identifier of what a sealed value belongs to.
fn resource(place: &str, id: Uuid) -> String {
    match place.split('.').next() {
        Some("devices") => DeviceId(id).to_string(),
        Some("changes") => ChangeId(id).to_string(),
        _ => id.to_string(),
    }
}

pub(super) async fn count(tx: &mut TenantTx, filter: &Filter) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from key_uses
           where ($1::timestamptz is null or at >= $1)
             and ($2::text is null or actor = $2 or starts_with(actor, $2 || '/'))
             and ($3::text is null or purpose = $3)"#,
        filter.since.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        filter.actor,
        filter.purpose,
    )
    .fetch_one(&mut **tx)
    .await?)
}
