//! The SQL of time series: reading, rolling up, making and dropping partitions.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::api::devices::Point;
use tod_proto::id::{DeviceId, TenantId};

use crate::api::error::Error;

/// A day.
pub const DAY: Duration = Duration::from_hours(24);
/// How far back single values are shown; further back means are.
const FINE: Duration = Duration::from_hours(6);
/// How far back means over five minutes are shown; further back means over an hour are.
const MEDIUM: Duration = Duration::from_hours(7 * 24);

/// A table of the time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Days in one partition.
    pub days: i32,
    /// How long its rows are kept.
    pub keep: Duration,
}

/// The tables of the time series.
pub const TABLES: [Table; 3] = [
    Table {
        name: "samples",
        days: 1,
        keep: Duration::from_hours(3 * 24),
    },
    Table {
        name: "rollups_5m",
        days: 7,
        keep: Duration::from_hours(60 * 24),
    },
    Table {
        name: "rollups_1h",
        days: 30,
        keep: Duration::from_hours(400 * 24),
    },
];

/// A time until now.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From when.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// The newest `limit` values of a series since `since`, the oldest first.
pub async fn series(
    tx: &mut PgConnection,
    tenant: TenantId,
    device: DeviceId,
    series: &str,
    span: Span,
    limit: u32,
) -> Result<Vec<Point>, Error> {
    let Span { since, now } = span;
    let back = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    let table = if back <= FINE {
        "samples"
    } else if back <= MEDIUM {
        "rollups_5m"
    } else {
        "rollups_1h"
    };
    let rows = sqlx::query!(
        r#"select at as "at!: jiff_sqlx::Timestamp", value as "value!"
           from (
               select at, value from samples
               where $6 = 'samples' and tenant_id = $1 and device_id = $2 and series = $3
                     and at >= $4
               union all
               select at, mean from rollups_5m
               where $6 = 'rollups_5m' and tenant_id = $1 and device_id = $2 and series = $3
                     and at >= $4
               union all
               select at, mean from rollups_1h
               where $6 = 'rollups_1h' and tenant_id = $1 and device_id = $2 and series = $3
                     and at >= $4
               order by at desc
               limit $5
           ) newest
           order by at"#,
        tenant.0,
        device.0,
        series,
        since.to_sqlx() as _,
        i64::from(limit),
        table,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Point {
            at: row.at.to_jiff(),
            value: row.value,
        })
        .collect())
}

/// Makes the partitions from yesterday until three days from `now`. Returns how many were missing.
pub async fn make_partitions(tx: &mut PgConnection, now: Timestamp) -> Result<usize, Error> {
    let today = now.as_second().div_euclid(86_400);
    let mut made = 0;
    for table in TABLES {
        let (first, last) = (today - 2, today + 3);
        let days = i64::from(table.days);
        let mut day = first.div_euclid(days) * days;
        while day <= last {
            let fresh = sqlx::query_scalar!(
                r#"select make_partition($1, '1970-01-01'::date + $2::int, $3) as "fresh!""#,
                table.name,
                i32::try_from(day).map_err(Error::internal)?,
                table.days,
            )
            .fetch_one(&mut *tx)
            .await?;
            made += usize::from(fresh);
            day += days;
        }
    }
    Ok(made)
}

/// Drops the partitions that are too old. Returns how many.
pub async fn drop_partitions(tx: &mut PgConnection, now: Timestamp) -> Result<usize, Error> {
    let mut dropped = 0;
    for table in TABLES {
        let count = sqlx::query_scalar!(
            r#"select drop_partitions($1, $2) as "count!""#,
            table.name,
            before(now, table.keep).to_sqlx() as _,
        )
        .fetch_one(&mut *tx)
        .await?;
        dropped += usize::try_from(count).unwrap_or(0);
    }
    Ok(dropped)
}

/// Rolls samples up into five minutes, and those into hours, as far as they are complete.
/// Returns how many rows were written.
///
/// The newest two steps are made again each time: what a poller kept back while the bus was away
/// comes late.
pub async fn roll_up(tx: &mut PgConnection, now: Timestamp) -> Result<usize, Error> {
    let fine = span(tx, "rollups_5m", 300, now).await?;
    let five = sqlx::query!(
        "insert into rollups_5m (tenant_id, device_id, series, at, n, low, high, mean)
         select tenant_id, device_id, series,
                date_bin('5 minutes', at, 'epoch'), count(*)::int, min(value), max(value),
                avg(value)
         from samples
         where at >= $1 and at < $2
         group by 1, 2, 3, 4
         on conflict (tenant_id, device_id, series, at) do update set
             n = excluded.n, low = excluded.low, high = excluded.high, mean = excluded.mean",
        fine.from.to_sqlx() as _,
        fine.to.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    let coarse = span(tx, "rollups_1h", 3600, now).await?;
    let hour = sqlx::query!(
        "insert into rollups_1h (tenant_id, device_id, series, at, n, low, high, mean)
         select tenant_id, device_id, series,
                date_bin('1 hour', at, 'epoch'), sum(n)::int, min(low), max(high),
                sum(mean * n) / sum(n)
         from rollups_5m
         where at >= $1 and at < $2
         group by 1, 2, 3, 4
         on conflict (tenant_id, device_id, series, at) do update set
             n = excluded.n, low = excluded.low, high = excluded.high, mean = excluded.mean",
        coarse.from.to_sqlx() as _,
        coarse.to.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    for (rollup, to) in [("rollups_5m", fine.to), ("rollups_1h", coarse.to)] {
        mark(tx, rollup, to).await?;
    }
    usize::try_from(five.rows_affected() + hour.rows_affected()).map_err(Error::internal)
}

struct Steps {
    from: Timestamp,
    to: Timestamp,
}

async fn span(
    tx: &mut PgConnection,
    rollup: &str,
    step: i64,
    now: Timestamp,
) -> Result<Steps, Error> {
    let done = sqlx::query_scalar!(
        r#"select done_until as "done: jiff_sqlx::Timestamp" from rollup_marks where rollup = $1"#,
        rollup,
    )
    .fetch_optional(tx)
    .await?;
    let to = now.as_second().div_euclid(step) * step;
    let from = match done {
        Some(done) => done.to_jiff().as_second().min(to) - 2 * step,
        None => before(now, DAY).as_second().div_euclid(step) * step,
    };
    let at = |second| Timestamp::from_second(second).map_err(Error::internal);
    Ok(Steps {
        from: at(from)?,
        to: at(to)?,
    })
}

async fn mark(tx: &mut PgConnection, rollup: &str, done: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "insert into rollup_marks (rollup, done_until) values ($1, $2)
         on conflict (rollup) do update set done_until = excluded.done_until",
        rollup,
        done.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

fn before(at: Timestamp, by: Duration) -> Timestamp {
    let by = jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX);
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
