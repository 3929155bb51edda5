//! Changing devices' records.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::id::{DeviceId, TenantId};

use super::row::tls;
use crate::api::App;
use crate::api::devices::check::Record;
use crate::api::error::Error;
use crate::db::TenantTx;

/// The record of a device, locked until the end of the transaction.
pub(in crate::api::devices) async fn record(
    tx: &mut TenantTx,
    id: DeviceId,
) -> Result<Option<Record>, Error> {
    let row = sqlx::query!(
        "select name, address, port, ssh_port, tls, username, zone, site, tags, note, poll_seconds
         from devices
         where id = $1
         for update",
        id.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Record {
        name: row.name,
        address: row.address,
        port: row.port,
        ssh_port: row.ssh_port,
        tls: tls(&row.tls)?,
        username: row.username,
        zone: row.zone,
        site: row.site,
        tags: row.tags,
        note: row.note,
        poll_seconds: row.poll_seconds,
    }))
}

/// Two records for one device would each sign in to it: says which device has the address.
pub(in crate::api::devices) async fn check_address_is_free(
    tx: &mut TenantTx,
    but: Option<DeviceId>,
    record: &Record,
) -> Result<(), Error> {
    let other = sqlx::query_scalar!(
        "select name
         from devices
         where zone = $1 and address = $2 and port = $3 and id is distinct from $4",
        record.zone,
        record.address,
        record.port,
        but.map(|id| id.0),
    )
    .fetch_optional(&mut **tx)
    .await?;
    match other {
        None => Ok(()),
        Some(other) => Err(address_taken(record, &format!("`{other}`"))),
    }
}

fn address_taken(record: &Record, by: &str) -> Error {
    let Record {
        address,
        port,
        zone,
        ..
    } = record;
    Error::conflict(format!(
        "{address} port {port} in zone `{zone}` is {by} already"
    ))
    .hint("give another address, port or zone, or change that device")
}

fn name_taken(record: &Record) -> Error {
    Error::conflict(format!("another device is already named `{}`", record.name))
        .hint("names are compared without case; choose another one")
}

fn violation(error: sqlx::Error, record: &Record) -> Error {
    match error
        .as_database_error()
        .and_then(|error| error.constraint())
    {
        Some("devices_name_key") => name_taken(record),
        Some("devices_address_key") => address_taken(record, "another device's"),
        _ => error.into(),
    }
}

pub(in crate::api::devices) async fn insert(
    tx: &mut TenantTx,
    id: DeviceId,
    record: &Record,
    password: &[u8],
    now: Timestamp,
) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into devices
             (tenant_id, id, name, address, port, ssh_port, tls, username, password, zone, site,
              tags, note, poll_seconds, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        tenant.0,
        id.0,
        record.name,
        record.address,
        record.port,
        record.ssh_port,
        record.tls.as_str(),
        record.username,
        password,
        record.zone,
        record.site,
        &record.tags,
        record.note,
        record.poll_seconds,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| violation(error, record))?;
    sqlx::query!(
        "insert into device_state (tenant_id, device_id, status_since) values ($1, $2, $3)",
        tenant.0,
        id.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes a record. The new revision is what makes pollers take it up.
pub(in crate::api::devices) async fn update(
    tx: &mut TenantTx,
    id: DeviceId,
    record: &Record,
    password: Option<&[u8]>,
    forget_pins: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "update devices
         set name = $2, address = $3, port = $4, ssh_port = $5, tls = $6, username = $7,
             zone = $8, site = $9, tags = $10, note = $11, poll_seconds = $12,
             password = coalesce($13, password),
             tls_pin = case when $14 then null else tls_pin end,
             ssh_pin = case when $14 then null else ssh_pin end,
             revision = revision + 1
         where id = $1",
        id.0,
        record.name,
        record.address,
        record.port,
        record.ssh_port,
        record.tls.as_str(),
        record.username,
        record.zone,
        record.site,
        &record.tags,
        record.note,
        record.poll_seconds,
        password,
        forget_pins,
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| violation(error, record))?;
    Ok(())
}

pub(in crate::api::devices) async fn delete(tx: &mut TenantTx, id: DeviceId) -> Result<(), Error> {
    sqlx::query!("delete from devices where id = $1", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Drops what was measured of a device that is gone.
pub(in crate::api::devices) async fn forget_series(
    app: &App,
    tenant: TenantId,
    device: DeviceId,
) -> Result<(), Error> {
    let mut tx = app
        .db
        .system("forget the series of a deleted device")
        .await?;
    sqlx::query!(
        "delete from samples where tenant_id = $1 and device_id = $2",
        tenant.0,
        device.0,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from rollups_5m where tenant_id = $1 and device_id = $2",
        tenant.0,
        device.0,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from rollups_1h where tenant_id = $1 and device_id = $2",
        tenant.0,
        device.0,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Knows a device by the serial number of what answers at its address now.
pub(in crate::api::devices) async fn accept_other(
    tx: &mut TenantTx,
    id: DeviceId,
) -> Result<(), Error> {
    sqlx::query!(
        "update device_state set serial = other_serial, other_serial = null
         where device_id = $1 and other_serial is not null",
        id.0,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
