//! The SQL of ingest. Rows travel as one JSON document for each table.

use std::collections::HashMap;

use sqlx::PgConnection;
use tod_proto::api::devices::Status;
use tod_proto::id::{DeviceId, TenantId};
use uuid::Uuid;

use super::digest::{Known, State};
use super::rates::{Counted, CountedByName};
use crate::api::error::Error;

#[expect(
    clippy::too_many_lines,
    reason = "one query and its columns, one line each"
)]
/// Reads and locks the devices that have a lease, each with the fence in force.
pub(super) async fn load(
    tx: &mut PgConnection,
    tenant: TenantId,
    devices: &[DeviceId],
) -> Result<HashMap<DeviceId, (u64, Known)>, Error> {
    let ids: Vec<Uuid> = devices.iter().map(|device| device.0).collect();
    let rows = sqlx::query!(
        r#"select d.id, d.name, l.fence, s.status,
                  s.status_since as "status_since: jiff_sqlx::Timestamp", s.status_reason,
                  s.seen_at as "seen_at: jiff_sqlx::Timestamp", s.identity, s.model, s.arch,
                  s.serial, s.other_serial, s.version, s.version_key, s.channel, s.uptime_seconds,
                  s.polled_at as "polled_at: jiff_sqlx::Timestamp",
                  s.counted_at as "counted_at: jiff_sqlx::Timestamp",
                  s.failures, s.hot_polls,
                  s.cpu_percent, s.mem_percent, s.disk_percent, s.temperature_celsius, s.voltage,
                  s.rx_bps, s.tx_bps
           from devices d
           join device_state s on s.tenant_id = d.tenant_id and s.device_id = d.id
           join device_leases l on l.tenant_id = d.tenant_id and l.device_id = d.id
           where d.tenant_id = $1 and d.id = any($2)
           order by d.id
           for update of s"#,
        tenant.0,
        &ids,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut counted = counters(tx, tenant, &ids).await?;
    let known = rows.into_iter().map(|row| {
        let status = status(&row.status);
        let state = State {
            device_id: row.id,
            status: status.as_str(),
            status_since: row.status_since.to_jiff(),
            status_reason: row.status_reason,
            seen_at: row.seen_at.map(jiff_sqlx::Timestamp::to_jiff),
            identity: row.identity,
            model: row.model,
            arch: row.arch,
            serial: row.serial,
            other_serial: row.other_serial,
            version: row.version,
            version_key: row.version_key,
            channel: row.channel,
            uptime_seconds: row.uptime_seconds,
            cpu_percent: row.cpu_percent,
            mem_percent: row.mem_percent,
            disk_percent: row.disk_percent,
            temperature_celsius: row.temperature_celsius,
            voltage: row.voltage,
            rx_bps: row.rx_bps,
            tx_bps: row.tx_bps,
            poll_ms: None,
            polled_at: row.polled_at.map(jiff_sqlx::Timestamp::to_jiff),
            counted_at: row.counted_at.map(jiff_sqlx::Timestamp::to_jiff),
            failures: row.failures,
            hot_polls: row.hot_polls,
        };
        let known = Known {
            name: row.name,
            state,
            status,
            counted: counted.remove(&row.id).unwrap_or_default(),
            interfaces: None,
            values: Vec::new(),
            events: Vec::new(),
            logins: Vec::new(),
            tls_pin: None,
            ssh_pin: None,
        };
        (
            DeviceId(row.id),
            (u64::try_from(row.fence).unwrap_or(0), known),
        )
    });
    Ok(known.collect())
}

async fn counters(
    tx: &mut PgConnection,
    tenant: TenantId,
    devices: &[Uuid],
) -> Result<HashMap<Uuid, CountedByName>, Error> {
    let rows = sqlx::query!(
        "select device_id, name, rx_bytes, tx_bytes
         from interfaces
         where tenant_id = $1 and device_id = any($2)",
        tenant.0,
        devices,
    )
    .fetch_all(tx)
    .await?;
    let mut counted: HashMap<Uuid, CountedByName> = HashMap::new();
    for row in rows {
        let bytes = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let now = Counted {
            rx_bytes: bytes(row.rx_bytes),
            tx_bytes: bytes(row.tx_bytes),
        };
        counted
            .entry(row.device_id)
            .or_default()
            .insert(row.name, now);
    }
    Ok(counted)
}

fn status(text: &str) -> Status {
    [Status::Online, Status::Degraded, Status::Offline]
        .into_iter()
        .find(|status| status.as_str() == text)
        .unwrap_or_default()
}

/// Writes what is known after the samples.
pub(super) async fn save(
    tx: &mut PgConnection,
    tenant: TenantId,
    known: &[Known],
) -> Result<(), Error> {
    if known.is_empty() {
        return Ok(());
    }
    save_state(tx, tenant, known).await?;
    save_interfaces(tx, tenant, known).await?;
    save_values(tx, tenant, known).await?;
    save_logins(tx, tenant, known).await?;
    save_pins(tx, tenant, known).await
}

async fn save_state(tx: &mut PgConnection, tenant: TenantId, known: &[Known]) -> Result<(), Error> {
    let rows: Vec<&State> = known.iter().map(|known| &known.state).collect();
    sqlx::query!(
        "update device_state s
         set status = r.status, status_since = r.status_since, status_reason = r.status_reason,
             seen_at = r.seen_at, identity = r.identity, model = r.model, arch = r.arch,
             serial = r.serial, other_serial = r.other_serial, version = r.version, version_key = r.version_key,
             channel = r.channel, uptime_seconds = r.uptime_seconds, cpu_percent = r.cpu_percent,
             mem_percent = r.mem_percent, disk_percent = r.disk_percent,
             temperature_celsius = r.temperature_celsius, voltage = r.voltage, rx_bps = r.rx_bps,
             tx_bps = r.tx_bps, poll_ms = r.poll_ms, polled_at = r.polled_at,
             counted_at = r.counted_at, failures = r.failures, hot_polls = r.hot_polls
         from jsonb_to_recordset($2) as r(
             device_id uuid, status text, status_since timestamptz, status_reason text,
             seen_at timestamptz, identity text, model text, arch text, serial text, other_serial text,
             version text,
             version_key bigint[], channel text, uptime_seconds bigint,
             cpu_percent double precision, mem_percent double precision,
             disk_percent double precision, temperature_celsius double precision,
             voltage double precision, rx_bps bigint, tx_bps bigint, poll_ms integer,
             polled_at timestamptz, counted_at timestamptz, failures integer, hot_polls integer)
         where s.tenant_id = $1 and s.device_id = r.device_id",
        tenant.0,
        json(&rows)?,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn save_interfaces(
    tx: &mut PgConnection,
    tenant: TenantId,
    known: &[Known],
) -> Result<(), Error> {
    let seen = || known.iter().filter(|known| known.interfaces.is_some());
    let devices: Vec<Uuid> = seen().map(|known| known.state.device_id).collect();
    if devices.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = seen()
        .flat_map(|known| known.interfaces.iter().flatten())
        .collect();
    let rows = json(&rows)?;
    sqlx::query!(
        "delete from interfaces i
         where i.tenant_id = $1 and i.device_id = any($2) and not exists (
             select from jsonb_to_recordset($3) as r(device_id uuid, name text)
             where r.device_id = i.device_id and r.name = i.name)",
        tenant.0,
        &devices,
        rows,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into interfaces
             (tenant_id, device_id, name, position, kind, running, disabled, comment, mac, mtu,
              rx_bytes, tx_bytes, rx_packets, tx_packets, rx_bps, tx_bps, errors, drops)
         select $1, device_id, name, position, kind, running, disabled, comment, mac, mtu,
                rx_bytes, tx_bytes, rx_packets, tx_packets, rx_bps, tx_bps, errors, drops
         from jsonb_to_recordset($2) as r(
             device_id uuid, name text, position integer, kind text, running boolean,
             disabled boolean, comment text, mac text, mtu integer, rx_bytes bigint,
             tx_bytes bigint, rx_packets bigint, tx_packets bigint, rx_bps bigint, tx_bps bigint,
             errors bigint, drops bigint)
         on conflict (tenant_id, device_id, name) do update set
             position = excluded.position, kind = excluded.kind, running = excluded.running,
             disabled = excluded.disabled, comment = excluded.comment, mac = excluded.mac,
             mtu = excluded.mtu, rx_bytes = excluded.rx_bytes, tx_bytes = excluded.tx_bytes,
             rx_packets = excluded.rx_packets, tx_packets = excluded.tx_packets,
             rx_bps = excluded.rx_bps, tx_bps = excluded.tx_bps, errors = excluded.errors,
             drops = excluded.drops",
        tenant.0,
        rows,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn save_values(
    tx: &mut PgConnection,
    tenant: TenantId,
    known: &[Known],
) -> Result<(), Error> {
    let all = || {
        known.iter().flat_map(|known| {
            known
                .values
                .iter()
                .map(move |value| (known.state.device_id, value))
        })
    };
    let devices: Vec<Uuid> = all().map(|(device, _)| device).collect();
    let series: Vec<String> = all().map(|(_, (series, _, _))| series.clone()).collect();
    let at: Vec<i64> = all().map(|(_, (_, at, _))| at.as_microsecond()).collect();
    let values: Vec<f64> = all().map(|(_, (_, _, value))| *value).collect();
    sqlx::query!(
        "insert into samples (tenant_id, device_id, series, at, value)
         select $1, device_id, series,
                'epoch'::timestamptz + micros * interval '1 microsecond', value
         from unnest($2::uuid[], $3::text[], $4::bigint[], $5::double precision[])
              as r(device_id, series, micros, value)
         on conflict do nothing",
        tenant.0,
        &devices,
        &series,
        &at,
        &values,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn save_logins(
    tx: &mut PgConnection,
    tenant: TenantId,
    known: &[Known],
) -> Result<(), Error> {
    let all = || {
        known.iter().flat_map(|known| {
            known
                .logins
                .iter()
                .map(move |(hour, logins)| (known.state.device_id, *hour, *logins))
        })
    };
    let devices: Vec<Uuid> = all().map(|(device, _, _)| device).collect();
    if devices.is_empty() {
        return Ok(());
    }
    let hours: Vec<i64> = all().map(|(_, hour, _)| hour).collect();
    let logins: Vec<i32> = all().map(|(_, _, logins)| logins).collect();
    sqlx::query!(
        "insert into device_logins (tenant_id, device_id, hour, logins)
         select $1, device_id, 'epoch'::timestamptz + hour * interval '1 second', sum(logins)::int
         from unnest($2::uuid[], $3::bigint[], $4::int[]) as r(device_id, hour, logins)
         group by device_id, hour
         on conflict (tenant_id, device_id, hour)
             do update set logins = device_logins.logins + excluded.logins",
        tenant.0,
        &devices,
        &hours,
        &logins,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps what was trusted at first use. The revision grows, so that the lease carries the pin.
async fn save_pins(tx: &mut PgConnection, tenant: TenantId, known: &[Known]) -> Result<(), Error> {
    for known in known
        .iter()
        .filter(|known| known.tls_pin.is_some() || known.ssh_pin.is_some())
    {
        sqlx::query!(
            "update devices
             set tls_pin = coalesce(tls_pin, $3), ssh_pin = coalesce(ssh_pin, $4),
                 revision = revision + 1
             where tenant_id = $1 and id = $2
               and ((tls_pin is null and $3::text is not null)
                    or (ssh_pin is null and $4::text is not null))",
            tenant.0,
            known.state.device_id,
            known.tls_pin,
            known.ssh_pin,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn json<T: serde::Serialize>(rows: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(rows).map_err(Error::internal)
}
