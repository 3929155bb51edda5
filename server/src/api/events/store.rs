//! The SQL of this resource.

use tod_proto::api::events::{Event, EventQuery};
use tod_proto::id::DeviceId;
use tod_proto::untrusted::Untrusted;
use uuid::Uuid;

use crate::api::error::Error;
use crate::db::TenantTx;

struct Row {
    cursor: i64,
    at: jiff_sqlx::Timestamp,
    kind: String,
    device_id: Option<Uuid>,
    device_name: Option<String>,
    from_state: Option<String>,
    to_state: Option<String>,
    message: String,
    actor: Option<String>,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        let Row {
            cursor,
            at,
            kind,
            device_id,
            device_name,
            from_state,
            to_state,
            message,
            actor,
        } = row;
        Self {
            cursor: u64::try_from(cursor).unwrap_or(0),
            time: at.to_jiff(),
            kind,
            device: device_id.map(DeviceId),
            device_name,
            from: from_state,
            to: to_state,
            message: Untrusted::new(message),
            actor,
        }
    }
}

fn after(query: &EventQuery) -> i64 {
    query
        .after
        .map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX))
}

/// How many events a query means.
pub(crate) async fn count(tx: &mut TenantTx, query: &EventQuery) -> Result<u64, Error> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from events
           where cursor > $1 and ($2::text is null or kind = $2 or starts_with(kind, $2 || '.'))
                 and ($3::uuid is null or device_id = $3)"#,
        after(query),
        query.kind,
        query.device.map(|device| device.0),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The newest events that a query means, the oldest of them first.
pub(crate) async fn newest(
    tx: &mut TenantTx,
    query: &EventQuery,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    let mut rows = sqlx::query_as!(
        Row,
        r#"select cursor, at as "at: jiff_sqlx::Timestamp", kind, device_id, device_name,
                  from_state, to_state, message, actor
           from events
           where cursor > $1 and ($2::text is null or kind = $2 or starts_with(kind, $2 || '.'))
                 and ($3::uuid is null or device_id = $3)
           order by cursor desc
           limit $4"#,
        after(query),
        query.kind,
        query.device.map(|device| device.0),
        i64::from(limit),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.reverse();
    Ok(rows.into_iter().map(Event::from).collect())
}

/// The oldest events after the query's cursor: what a follower reads next.
pub(crate) async fn following(
    tx: &mut TenantTx,
    query: &EventQuery,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select cursor, at as "at: jiff_sqlx::Timestamp", kind, device_id, device_name,
                  from_state, to_state, message, actor
           from events
           where cursor > $1 and ($2::text is null or kind = $2 or starts_with(kind, $2 || '.'))
                 and ($3::uuid is null or device_id = $3)
           order by cursor
           limit $4"#,
        after(query),
        query.kind,
        query.device.map(|device| device.0),
        i64::from(limit),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Event::from).collect())
}

/// The cursor of the newest event.
pub(crate) async fn last(tx: &mut TenantTx) -> Result<u64, Error> {
    let last =
        sqlx::query_scalar!(r#"select value as "value!" from counters where name = 'event'"#)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0))
}
