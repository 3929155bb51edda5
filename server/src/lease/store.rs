//! The SQL of leases.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::lease::{Assignment, LeaseRequest};
use tod_proto::id::{DeviceId, PollerId, TenantId};
use tod_service::sealed::PublicKey;
use uuid::Uuid;

use super::assign::{Leased, Live};
use crate::api::error::Error;

/// Who has a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The poller.
    pub poller: PollerId,
    /// The fence of its lease.
    pub fence: u64,
    /// What it is told is sealed to this.
    pub key: PublicKey,
}

/// A device that is given to a poller, its password still sealed by the tenant's key.
pub(super) struct Record {
    pub(super) assignment: Assignment,
    pub(super) password: Vec<u8>,
}

pub(super) async fn sign_of_life(
    tx: &mut PgConnection,
    request: &LeaseRequest,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into pollers (id, zones, public_key, seen_at) values ($1, $2, $3, $4)
         on conflict (id) do update
             set zones = excluded.zones, public_key = excluded.public_key,
                 seen_at = excluded.seen_at",
        request.poller.0,
        &request.zones,
        request.public_key,
        now.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Pollers that have asked since `since`.
pub(super) async fn live(tx: &mut PgConnection, since: Timestamp) -> Result<Vec<Live>, Error> {
    let rows = sqlx::query!(
        "select id, zones from pollers where seen_at > $1",
        since.to_sqlx() as _
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Live {
            poller: PollerId(row.id),
            zones: row.zones,
        })
        .collect())
}

/// The devices of `zones`, with their leases.
pub(super) async fn devices(tx: &mut PgConnection, zones: &[String]) -> Result<Vec<Leased>, Error> {
    let rows = sqlx::query!(
        r#"select d.id, d.zone, d.revision, l.poller_id as "poller_id?",
                  l.expires_at as "expires_at?: jiff_sqlx::Timestamp"
           from devices d
           left join device_leases l on l.tenant_id = d.tenant_id and l.device_id = d.id
           join tenants t on t.id = d.tenant_id
           where d.zone = any($1) and t.suspended_at is null
           order by d.id"#,
        zones,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Leased {
            device: DeviceId(row.id),
            zone: row.zone,
            revision: u64::try_from(row.revision).unwrap_or(0),
            holder: row.poller_id.map(PollerId),
            expires_at: row
                .expires_at
                .map_or(Timestamp::MIN, jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

pub(super) async fn renew(
    tx: &mut PgConnection,
    poller: PollerId,
    devices: &[DeviceId],
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update device_leases set expires_at = $3 where poller_id = $1 and device_id = any($2)",
        poller.0,
        &uuids(devices),
        until.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn release(
    tx: &mut PgConnection,
    poller: PollerId,
    devices: &[DeviceId],
) -> Result<(), Error> {
    sqlx::query!(
        "update device_leases set poller_id = null where poller_id = $1 and device_id = any($2)",
        poller.0,
        &uuids(devices),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes devices over. Returns those that nobody was faster with.
pub(super) async fn take(
    tx: &mut PgConnection,
    poller: PollerId,
    devices: &[DeviceId],
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<DeviceId>, Error> {
    let rows = sqlx::query_scalar!(
        "insert into device_leases
             (tenant_id, device_id, poller_id, public_key, fence, expires_at)
         select d.tenant_id, d.id, p.id, p.public_key, 1, $4
         from devices d, pollers p
         where d.id = any($2) and p.id = $1 order by d.id
         on conflict (tenant_id, device_id) do update
             set poller_id = excluded.poller_id, public_key = excluded.public_key,
                 fence = device_leases.fence + 1, expires_at = excluded.expires_at
             where device_leases.poller_id is null or device_leases.expires_at <= $3
         returning device_id",
        poller.0,
        &uuids(devices),
        now.to_sqlx() as _,
        until.to_sqlx() as _,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(DeviceId).collect())
}

/// The records of devices that `poller` holds.
pub(super) async fn records(
    tx: &mut PgConnection,
    poller: PollerId,
    devices: &[DeviceId],
) -> Result<Vec<Record>, Error> {
    let rows = sqlx::query!(
        "select d.tenant_id, d.id, d.name, d.zone, d.revision, l.fence, d.address, d.port,
                d.ssh_port, d.tls, d.tls_pin, d.ssh_pin, d.username, d.password, d.poll_seconds,
                d.legacy_login
         from devices d
         join device_leases l on l.tenant_id = d.tenant_id and l.device_id = d.id
         where l.poller_id = $1 and d.id = any($2)
         order by d.id",
        poller.0,
        &uuids(devices),
    )
    .fetch_all(tx)
    .await?;
    let records = rows.into_iter().map(|row| Record {
        assignment: Assignment {
            device: DeviceId(row.id),
            tenant: TenantId(row.tenant_id),
            name: row.name,
            zone: row.zone,
            revision: u64::try_from(row.revision).unwrap_or(0),
            fence: u64::try_from(row.fence).unwrap_or(0),
            address: row.address,
            port: u16::try_from(row.port).unwrap_or(0),
            ssh_port: u16::try_from(row.ssh_port).unwrap_or(0),
            tls: tls(&row.tls),
            tls_pin: row.tls_pin,
            ssh_pin: row.ssh_pin,
            username: row.username,
            sealed_password: String::new(),
            poll_seconds: u32::try_from(row.poll_seconds).unwrap_or(60),
            legacy_login: row.legacy_login,
        },
        password: row.password,
    });
    Ok(records.collect())
}

/// What is not known is held to the strictest mode.
fn tls(text: &str) -> TlsMode {
    let known = TlsMode::ALL.into_iter().find(|mode| mode.as_str() == text);
    known.unwrap_or(TlsMode::Verified)
}

/// Forgets pollers that have not asked since `since`.
pub(super) async fn forget(tx: &mut PgConnection, since: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query!(
        "delete from pollers where seen_at < $1",
        since.to_sqlx() as _
    )
    .execute(tx)
    .await?;
    Ok(gone.rows_affected())
}

/// Forgets a poller. Returns the zones that it served.
pub(super) async fn leave(tx: &mut PgConnection, poller: PollerId) -> Result<Vec<String>, Error> {
    sqlx::query!(
        "update device_leases set poller_id = null where poller_id = $1",
        poller.0
    )
    .execute(&mut *tx)
    .await?;
    let zones = sqlx::query_scalar!(
        "delete from pollers where id = $1 returning zones",
        poller.0
    )
    .fetch_optional(tx)
    .await?;
    Ok(zones.unwrap_or_default())
}

/// The pollers that serve one of `zones`.
pub(super) async fn pollers_of(
    tx: &mut PgConnection,
    zones: &[String],
) -> Result<Vec<PollerId>, Error> {
    let rows = sqlx::query_scalar!("select id from pollers where zones && $1", zones)
        .fetch_all(tx)
        .await?;
    Ok(rows.into_iter().map(PollerId).collect())
}

/// Who has a device now.
pub async fn holder(
    tx: &mut PgConnection,
    device: DeviceId,
    now: Timestamp,
) -> Result<Option<Holder>, Error> {
    let row = sqlx::query!(
        r#"select poller_id as "poller_id!", public_key as "public_key!", fence
           from device_leases
           where device_id = $1 and poller_id is not null and public_key is not null
             and expires_at > $2"#,
        device.0,
        now.to_sqlx() as _,
    )
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let key = public_key(&row.public_key);
    Ok(Some(Holder {
        poller: PollerId(row.poller_id),
        fence: u64::try_from(row.fence).unwrap_or(0),
        key: key.ok_or_else(|| Error::internal(anyhow::anyhow!("a poller's key is no key")))?,
    }))
}

/// A poller's key, as it says and as it is stored: 32 bytes in hex.
pub(super) fn public_key(text: &str) -> Option<PublicKey> {
    let key = <[u8; 32]>::try_from(hex::decode(text).ok()?).ok()?;
    Some(PublicKey::from(key))
}

fn uuids(devices: &[DeviceId]) -> Vec<Uuid> {
    devices.iter().map(|device| device.0).collect()
}
