//! The SQL of this resource.

use jiff::Timestamp;
use tod_proto::api::kms::{KeyStat, KeyUse};
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

/// The tenant's keys, the newest first, as they are wrapped.
pub(super) async fn versions(tx: &mut TenantTx) -> Result<Vec<(i32, Timestamp, Vec<u8>)>, Error> {
    let rows = sqlx::query!(
        r#"select version, wrapped, created_at as "created_at: jiff_sqlx::Timestamp"
           from tenant_keys
           order by version desc"#,
    )
    .fetch_all(&mut **tx)
    .await?;
    let versions = rows
        .into_iter()
        .map(|row| (row.version, row.created_at.to_jiff(), row.wrapped));
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

/// How often something was opened, by purpose.
pub(super) async fn stats(
    tx: &mut TenantTx,
    since: Option<Timestamp>,
) -> Result<Vec<KeyStat>, Error> {
    let rows = sqlx::query!(
        r#"select purpose, count(*) as "accesses!", coalesce(sum(count), 0) as "values!",
                  count(distinct (place, resource)) as "things!",
                  (array_agg(distinct actor))[:10] as "who!",
                  max(at) as "last!: jiff_sqlx::Timestamp"
           from key_uses
           where $1::timestamptz is null or at >= $1
           group by purpose
           order by 2 desc, 1
           limit 1000"#,
        since.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    let stats = rows.into_iter().map(|row| KeyStat {
        purpose: row.purpose,
        accesses: unsigned(row.accesses),
        values: unsigned(row.values),
        things: unsigned(row.things),
        who: row.who,
        last: row.last.to_jiff(),
    });
    Ok(stats.collect())
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
