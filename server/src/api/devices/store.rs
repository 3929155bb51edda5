//! The SQL of this resource.
//!
//! No query needs to name the tenant: row-level security does.

mod row;
mod write;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder};
use tod_proto::api::devices::{Device, Interface};
use tod_proto::id::{DeviceId, TenantId};
use tod_proto::page::Page;

use self::row::{COLUMNS, Columns, InterfaceRow};
pub(super) use self::write::{
    accept_other, check_address_is_free, delete, forget_series, insert, record, update,
};
use crate::api::error::Error;
use crate::api::filter::Filter;
use crate::db::TenantTx;

/// Begins a query for devices, which goes on with conditions. What else it selects is `more`. It
/// names the tenant: row-level security decides all the same, but compares once, not row by row.
fn select(tenant: TenantId, now: Timestamp, more: Option<Total<'_>>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS);
    query
        .push(
            ",
           coalesce((select sum(l.logins) from device_logins l
                     where l.tenant_id = d.tenant_id and l.device_id = d.id and l.hour > ",
        )
        .push_bind((now - std::time::Duration::from_hours(24)).to_sqlx())
        .push("), 0)");
    if let Some(total) = more {
        query.push(", (");
        total.push(&mut query);
        query.push(")");
    }
    query
        .push(
            "
    from devices d
    join device_state s on s.tenant_id = d.tenant_id and s.device_id = d.id
    where d.tenant_id = ",
        )
        .push_bind(tenant.0);
    query
}

/// How many devices of a tenant a filter lets through.
#[derive(Clone, Copy)]
struct Total<'a> {
    tenant: TenantId,
    filter: &'a Filter,
}

impl Total<'_> {
    fn push(self, query: &mut QueryBuilder<Postgres>) {
        query.push("select count(*) from devices d");
        // Every device has one state.
        if self.filter.reads_state() {
            query.push(" join device_state s on s.tenant_id = d.tenant_id and s.device_id = d.id");
        }
        query.push(" where d.tenant_id = ").push_bind(self.tenant.0);
        self.filter.push(query);
    }
}

async fn fetch(tx: &mut TenantTx, mut query: QueryBuilder<Postgres>) -> Result<Vec<PgRow>, Error> {
    Ok(query.build().fetch_all(&mut **tx).await?)
}

fn device(row: &PgRow) -> Result<Device, Error> {
    Columns::of(row).device()
}

/// One device.
pub(crate) async fn one(
    tx: &mut TenantTx,
    id: DeviceId,
    now: Timestamp,
) -> Result<Option<Device>, Error> {
    let mut query = select(tx.tenant(), now, None);
    query.push(" and d.id = ").push_bind(id.0);
    fetch(tx, query).await?.first().map(device).transpose()
}

/// Those of these devices that are there, by name.
pub(crate) async fn some(
    tx: &mut TenantTx,
    ids: &[DeviceId],
    now: Timestamp,
) -> Result<Vec<Device>, Error> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let mut query = select(tx.tenant(), now, None);
    query
        .push(" and d.id = any(")
        .push_bind(ids)
        .push(") order by d.name_key");
    fetch(tx, query).await?.iter().map(device).collect()
}

/// Every device that a filter lets through, by name.
pub(crate) async fn matching(
    tx: &mut TenantTx,
    filter: &Filter,
    now: Timestamp,
) -> Result<Vec<Device>, Error> {
    let mut query = select(tx.tenant(), now, None);
    filter.push(&mut query);
    query.push(" order by d.name_key");
    let rows = fetch(tx, query).await?;
    let devices = rows.iter().map(device);
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
    let tenant = tx.tenant();
    let total = Total { tenant, filter };
    let mut query = select(tenant, now, Some(total));
    filter.push(&mut query);
    if let Some(after) = after {
        query.push(" and d.name_key > ").push_bind(after);
    }
    let one_more = i64::try_from(limit + 1).map_err(Error::internal)?;
    query
        .push(" order by d.name_key limit ")
        .push_bind(one_more);
    let (mut items, mut more, mut count) = (Vec::new(), false, None);
    // Row by row: the database finds the next ones while these are decoded.
    let mut rows = query.build().fetch(&mut **tx);
    while let Some(row) = rows.try_next().await? {
        more = items.len() == limit;
        if more {
            continue;
        }
        let mut columns = Columns::of(&row);
        items.push(columns.device()?);
        if count.is_none() {
            count = Some(columns.take::<i64>()?);
        }
    }
    drop(rows);
    let count = if let Some(count) = count {
        count
    } else {
        // There is no row that could tell.
        let mut query = QueryBuilder::new("");
        total.push(&mut query);
        query.build_query_scalar().fetch_one(&mut **tx).await?
    };
    let next = items
        .last()
        .filter(|_| more)
        .map(|last| encode_cursor(&key(last)));
    Ok(Page {
        items,
        next,
        total: u64::try_from(count).unwrap_or(0),
    })
}

/// As the database has it: the key of a name is the name with ASCII letters in lower case.
fn key(device: &Device) -> String {
    device.name.to_ascii_lowercase()
}

fn cut(all: Vec<Device>, limit: usize, after: Option<&str>) -> Page<Device> {
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
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
