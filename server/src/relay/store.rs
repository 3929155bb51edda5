//! The SQL of relays.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::relays::RelayKind;
use tod_proto::id::{DeviceId, RelayId, TenantId, UserId};

use crate::api::error::Error;
use crate::db::{SystemTx, TenantTx};

/// A relay that was asked for.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its identifier.
    pub id: RelayId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// The device's name then.
    pub device_name: String,
    /// Who asked for it.
    pub user: UserId,
    /// Their e-mail address.
    pub actor: String,
    /// What is opened.
    pub kind: RelayKind,
}

/// Stores a relay with the hash of its ticket.
pub async fn insert(
    tx: &mut TenantTx,
    record: &Record,
    ticket: [u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into relays
             (tenant_id, id, device_id, device_name, user_id, actor, kind, ticket_hash, expires_at,
              created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        record.tenant.0,
        record.id.0,
        record.device.0,
        record.device_name,
        record.user.0,
        record.actor,
        serde_json::to_value(&record.kind).map_err(Error::internal)?,
        ticket.as_slice(),
        expires_at.to_sqlx() as _,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many sessions of a person are open or about to be.
pub async fn count_open(tx: &mut TenantTx, user: UserId, now: Timestamp) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from relays
           where user_id = $1 and closed_at is null and (used_at is not null or expires_at > $2)
             and created_at > $3"#,
        user.0,
        now.to_sqlx() as _,
        (now - super::join::LONGEST).to_sqlx() as _,
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Uses a ticket up. `None` if it is not one, was used, or is too old: all three look alike. The
/// person must still be active.
pub async fn redeem(
    tx: &mut SystemTx,
    relay: RelayId,
    ticket: [u8; 32],
    now: Timestamp,
) -> Result<Option<Record>, Error> {
    let row = sqlx::query!(
        "update relays r set used_at = $3
         from users u
         where r.id = $1 and r.ticket_hash = $2 and r.used_at is null and r.expires_at > $3
           and u.id = r.user_id and u.active
         returning r.tenant_id, r.device_id, r.device_name, r.user_id, r.actor, r.kind",
        relay.0,
        ticket.as_slice(),
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Record {
            id: relay,
            tenant: TenantId(row.tenant_id),
            device: DeviceId(row.device_id),
            device_name: row.device_name,
            user: UserId(row.user_id),
            actor: row.actor,
            kind: serde_json::from_value(row.kind).map_err(Error::internal)?,
        })
    })
    .transpose()
}

/// Whether a person may still have sessions in a tenant.
pub async fn may(tx: &mut SystemTx, user: UserId, tenant: TenantId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from users
               where id = $1 and active
                 and (role = 'super_admin' or (tenant_id = $2 and role in ('operator', 'admin')))
           ) as "may!""#,
        user.0,
        tenant.0,
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Notes that both ends are joined.
pub async fn opened(tx: &mut TenantTx, relay: RelayId, now: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "update relays set opened_at = $2 where id = $1",
        relay.0,
        now.to_sqlx() as _
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes the end.
pub async fn closed(
    tx: &mut TenantTx,
    relay: RelayId,
    why: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update relays set closed_at = $2, end_reason = $3 where id = $1 and closed_at is null",
        relay.0,
        now.to_sqlx() as _,
        why,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
