//! The SQL of this resource.
//!
//! No query names the tenant: row-level security does.

mod row;
mod write;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Postgres, QueryBuilder};
use tod_proto::api::devices::{Device, Interface};
use tod_proto::id::DeviceId;
use tod_proto::page::Page;

use self::row::{InterfaceRow, Row};
pub(super) use self::write::{
    accept_other, check_address_is_free, delete, forget_series, insert, record, update,
};
use crate::api::error::Error;
use crate::api::filter::Filter;
use crate::db::TenantTx;

/// A device and what is known of it. The one bind is the time a day ago.
const SELECT: &str = "
    select d.id, d.name, d.name_key, d.address, d.port, d.ssh_port, d.tls, d.username, d.zone,
           d.site, d.tags, d.note, d.poll_seconds, d.created_at,
           s.status, s.status_since, s.status_reason, s.seen_at, s.identity, s.model, s.arch,
           s.serial, s.other_serial, s.version, s.channel, s.uptime_seconds, s.cpu_percent, s.mem_percent,
           s.disk_percent, s.temperature_celsius, s.voltage, s.rx_bps, s.tx_bps, s.poll_ms,
           s.pending_change,
           coalesce((select sum(l.logins) from device_logins l
                     where l.tenant_id = d.tenant_id and l.device_id = d.id and l.hour > ";
const FROM: &str = "), 0) as logins_today
    from devices d
    join device_state s on s.tenant_id = d.tenant_id and s.device_id = d.id
    where true";

fn select(now: Timestamp) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(SELECT);
    query
        .push_bind((now - std::time::Duration::from_hours(24)).to_sqlx())
        .push(FROM);
    query
}

async fn fetch(tx: &mut TenantTx, mut query: QueryBuilder<Postgres>) -> Result<Vec<Row>, Error> {
    Ok(query.build_query_as::<Row>().fetch_all(&mut **tx).await?)
}

/// One device.
pub(crate) async fn one(
    tx: &mut TenantTx,
    id: DeviceId,
    now: Timestamp,
) -> Result<Option<Device>, Error> {
    let mut query = select(now);
    query.push(" and d.id = ").push_bind(id.0);
    fetch(tx, query)
        .await?
        .into_iter()
        .next()
        .map(Device::try_from)
        .transpose()
}

/// Those of these devices that are there, by name.
pub(crate) async fn some(
    tx: &mut TenantTx,
    ids: &[DeviceId],
    now: Timestamp,
) -> Result<Vec<Device>, Error> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let mut query = select(now);
    query
        .push(" and d.id = any(")
        .push_bind(ids)
        .push(") order by d.name_key");
    fetch(tx, query)
        .await?
        .into_iter()
        .map(Device::try_from)
        .collect()
}

/// Every device that a filter lets through, by name.
pub(crate) async fn matching(
    tx: &mut TenantTx,
    filter: &Filter,
    now: Timestamp,
) -> Result<Vec<Device>, Error> {
    let mut query = select(now);
    filter.push(&mut query);
    query.push(" order by d.name_key");
    let devices = fetch(tx, query).await?.into_iter().map(Device::try_from);
    let devices = devices.filter(|device| match (device, &filter.rest) {
        (Ok(device), Some(rest)) => rest.matches(device, now),
        _ => true,
    });
    devices.collect()
}

/// A page of the devices that a filter lets through, by name. The cursor is the last name's key.
pub(super) async fn page(
    tx: &mut TenantTx,
    filter: &Filter,
    limit: u32,
    cursor: Option<&str>,
    now: Timestamp,
) -> Result<Page<Device>, Error> {
    let limit = usize::try_from(limit).map_err(Error::internal)?;
    let after = cursor.map(decode_cursor).transpose()?;
    if filter.rest.is_some() {
        let all = matching(tx, filter, now).await?;
        return Ok(cut(all, limit, after.as_deref()));
    }
    let mut query = QueryBuilder::new(
        "select count(*) from devices d
         join device_state s on s.tenant_id = d.tenant_id and s.device_id = d.id where true",
    );
    filter.push(&mut query);
    let total: i64 = query.build_query_scalar().fetch_one(&mut **tx).await?;
    let mut query = select(now);
    filter.push(&mut query);
    if let Some(after) = after {
        query.push(" and d.name_key > ").push_bind(after);
    }
    let one_more = i64::try_from(limit + 1).map_err(Error::internal)?;
    query
        .push(" order by d.name_key limit ")
        .push_bind(one_more);
    let mut rows = fetch(tx, query).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows
        .last()
        .filter(|_| more)
        .map(|row| encode_cursor(&row.name_key));
    let items = rows
        .into_iter()
        .map(Device::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page {
        items,
        next,
        total: u64::try_from(total).unwrap_or(0),
    })
}

/// As the database would: the key of a name is the name with ASCII letters in lower case.
fn cut(all: Vec<Device>, limit: usize, after: Option<&str>) -> Page<Device> {
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let key = |device: &Device| device.name.to_ascii_lowercase();
    let mut rest = all
        .into_iter()
        .filter(|device| after.is_none_or(|after| key(device).as_str() > after));
    let items: Vec<_> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next = items
        .last()
        .filter(|_| more)
        .map(|device| encode_cursor(&key(device)));
    Page { items, next, total }
}

fn encode_cursor(key: &str) -> String {
    hex::encode(key)
}

fn decode_cursor(cursor: &str) -> Result<String, Error> {
    let bad = || Error::invalid("cursor: not one that this server gave out");
    if cursor.len() > 2048 {
        return Err(bad());
    }
    String::from_utf8(hex::decode(cursor).map_err(|_| bad())?).map_err(|_| bad())
}

/// The interfaces of a device, in its own order.
pub(super) async fn interfaces(
    tx: &mut TenantTx,
    device: DeviceId,
) -> Result<Vec<Interface>, Error> {
    let rows = sqlx::query_as!(
        InterfaceRow,
        "select name, kind, running, disabled, comment, mac, mtu, rx_bytes, tx_bytes, rx_bps,
                tx_bps, errors, drops
         from interfaces
         where device_id = $1
         order by position
         limit 10000",
        device.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Interface::from).collect())
}
