//! Records what happened, in the order in which a tenant's followers see it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::{DeviceId, TenantId};

use crate::api::error::Error;

/// Something that happened.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// What kind; see [`tod_proto::api::events::Event::kind`].
    pub kind: &'static str,
    /// Which device, if it is about one.
    pub device: Option<DeviceId>,
    /// The device's name.
    pub device_name: Option<String>,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: Option<String>,
    /// One line for a person.
    pub message: String,
    /// Who did it, if a person did.
    pub actor: Option<String>,
}

/// Writes events of a tenant. Returns the cursor of the last.
///
/// The tenant's counter stays locked until the commit: call it late in a transaction. After the
/// commit, tell followers with [`tod_proto::bus::FleetNotice::Events`].
pub async fn record(
    tx: &mut PgConnection,
    tenant: TenantId,
    now: Timestamp,
    events: &[NewEvent],
) -> Result<u64, Error> {
    let count = i64::try_from(events.len()).map_err(Error::internal)?;
    let last = next(tx, tenant, "event", count).await?;
    for (event, cursor) in events.iter().zip(last - count + 1..) {
        sqlx::query!(
            "insert into events
                 (tenant_id, cursor, at, kind, device_id, device_name, from_state, to_state,
                  message, actor)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            tenant.0,
            cursor,
            now.to_sqlx() as _,
            event.kind,
            event.device.map(|device| device.0),
            event.device_name,
            event.from,
            event.to,
            event.message.replace('\0', ""),
            event.actor,
        )
        .execute(&mut *tx)
        .await?;
    }
    u64::try_from(last).map_err(Error::internal)
}

/// Counts a tenant's counter up by `count` and returns where it stands.
pub async fn next(
    tx: &mut PgConnection,
    tenant: TenantId,
    counter: &'static str,
    count: i64,
) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "insert into counters (tenant_id, name, value) values ($1, $2, $3)
         on conflict (tenant_id, name) do update set value = counters.value + $3
         returning value",
        tenant.0,
        counter,
        count,
    )
    .fetch_one(tx)
    .await?)
}
