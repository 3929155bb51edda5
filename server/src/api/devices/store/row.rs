//! Rows as they come from the database.

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};
use tod_proto::api::devices::{Device, Interface, Status, TlsMode};
use tod_proto::id::DeviceId;
use tod_proto::untrusted::Untrusted;

use crate::api::error::Error;

/// What is read of a device `d` and its state `s`, in the order in which [`Columns::device`] takes
/// it. `logins_today` comes after them.
pub(super) const COLUMNS: &str = "
    d.id, d.name, d.address, d.port, d.ssh_port, d.tls, d.username, d.zone, d.site, d.tags, d.note,
    d.poll_seconds, s.status, s.status_since, s.status_reason, s.seen_at, s.identity, s.model,
    s.arch, s.serial, s.other_serial, s.version, s.channel, s.uptime_seconds, s.cpu_percent,
    s.mem_percent, s.disk_percent, s.temperature_celsius, s.voltage, s.rx_bps, s.tx_bps, s.poll_ms,
    s.pending_change, d.created_at";

/// The columns of a row, one after the other: a list has thousands, and to find each by its name
/// takes longer than to decode it.
pub(super) struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn take<T>(&mut self) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at)
    }

    fn untrusted(&mut self) -> Result<Option<Untrusted>, Error> {
        Ok(self.take::<Option<String>>()?.map(Untrusted::new))
    }

    fn time(&mut self) -> Result<Timestamp, Error> {
        Ok(self.take::<jiff_sqlx::Timestamp>()?.to_jiff())
    }

    fn count(&mut self) -> Result<Option<u64>, Error> {
        Ok(count(self.take()?))
    }

    /// A device: [`COLUMNS`], and how often tod signed in to it.
    pub(super) fn device(&mut self) -> Result<Device, Error> {
        Ok(Device {
            id: DeviceId(self.take()?),
            name: self.take()?,
            address: self.take()?,
            port: port(self.take()?)?,
            ssh_port: port(self.take()?)?,
            tls: tls(self.take()?)?,
            username: self.take()?,
            zone: self.take()?,
            site: self.take()?,
            tags: self.take()?,
            note: self.take()?,
            poll_seconds: u32::try_from(self.take::<i32>()?).map_err(Error::internal)?,
            status: status(self.take()?)?,
            status_since: self.time()?,
            status_reason: self.untrusted()?,
            seen_at: self
                .take::<Option<jiff_sqlx::Timestamp>>()?
                .map(jiff_sqlx::Timestamp::to_jiff),
            identity: self.untrusted()?,
            model: self.untrusted()?,
            arch: self.untrusted()?,
            serial: self.untrusted()?,
            other_serial: self.untrusted()?,
            version: self.untrusted()?,
            channel: self.untrusted()?,
            uptime_seconds: self.count()?,
            cpu_percent: self.take()?,
            mem_percent: self.take()?,
            disk_percent: self.take()?,
            temperature_celsius: self.take()?,
            voltage: self.take()?,
            rx_bps: self.count()?,
            tx_bps: self.count()?,
            poll_ms: self
                .take::<Option<i32>>()?
                .and_then(|ms| u32::try_from(ms).ok()),
            pending_change: self.count()?,
            created_at: self.time()?,
            logins_today: u32::try_from(self.take::<i64>()?).unwrap_or(u32::MAX),
        })
    }
}

pub(super) struct InterfaceRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) running: bool,
    pub(super) disabled: bool,
    pub(super) comment: Option<String>,
    pub(super) mac: Option<String>,
    pub(super) mtu: Option<i32>,
    pub(super) rx_bytes: Option<i64>,
    pub(super) tx_bytes: Option<i64>,
    pub(super) rx_bps: Option<i64>,
    pub(super) tx_bps: Option<i64>,
    pub(super) errors: Option<i64>,
    pub(super) drops: Option<i64>,
}

impl From<InterfaceRow> for Interface {
    fn from(row: InterfaceRow) -> Self {
        Self {
            name: Untrusted::new(row.name),
            kind: Untrusted::new(row.kind),
            running: row.running,
            disabled: row.disabled,
            comment: row.comment.map(Untrusted::new),
            mac: row.mac.map(Untrusted::new),
            mtu: row.mtu.and_then(|mtu| u32::try_from(mtu).ok()),
            rx_bytes: count(row.rx_bytes),
            tx_bytes: count(row.tx_bytes),
            rx_bps: count(row.rx_bps),
            tx_bps: count(row.tx_bps),
            errors: count(row.errors),
            drops: count(row.drops),
        }
    }
}

fn count(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok())
}

fn port(value: i32) -> Result<u16, Error> {
    u16::try_from(value).map_err(Error::internal)
}

fn broken(what: &str, value: &str) -> Error {
    Error::internal(anyhow::anyhow!("there is no {what} `{value}`"))
}

fn status(text: &str) -> Result<Status, Error> {
    [
        Status::Online,
        Status::Degraded,
        Status::Offline,
        Status::Unknown,
    ]
    .into_iter()
    .find(|status| status.as_str() == text)
    .ok_or_else(|| broken("status", text))
}

pub(super) fn tls(text: &str) -> Result<TlsMode, Error> {
    TlsMode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| broken("TLS mode", text))
}
