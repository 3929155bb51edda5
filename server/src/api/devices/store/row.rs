//! Rows as they come from the database.

use tod_proto::api::devices::{Device, Interface, Status, TlsMode};
use tod_proto::id::DeviceId;
use tod_proto::untrusted::Untrusted;
use uuid::Uuid;

use crate::api::error::Error;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: Uuid,
    name: String,
    pub(super) name_key: String,
    address: String,
    port: i32,
    ssh_port: i32,
    tls: String,
    username: String,
    zone: String,
    site: Option<String>,
    tags: Vec<String>,
    note: Option<String>,
    poll_seconds: i32,
    created_at: jiff_sqlx::Timestamp,
    status: String,
    status_since: jiff_sqlx::Timestamp,
    status_reason: Option<String>,
    seen_at: Option<jiff_sqlx::Timestamp>,
    identity: Option<String>,
    model: Option<String>,
    arch: Option<String>,
    serial: Option<String>,
    other_serial: Option<String>,
    version: Option<String>,
    channel: Option<String>,
    uptime_seconds: Option<i64>,
    cpu_percent: Option<f64>,
    mem_percent: Option<f64>,
    disk_percent: Option<f64>,
    temperature_celsius: Option<f64>,
    voltage: Option<f64>,
    rx_bps: Option<i64>,
    tx_bps: Option<i64>,
    poll_ms: Option<i32>,
    pending_change: Option<i64>,
    logins_today: i64,
}

impl TryFrom<Row> for Device {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: DeviceId(row.id),
            name: row.name,
            address: row.address,
            port: port(row.port)?,
            ssh_port: port(row.ssh_port)?,
            tls: tls(&row.tls)?,
            username: row.username,
            zone: row.zone,
            site: row.site,
            tags: row.tags,
            note: row.note,
            poll_seconds: u32::try_from(row.poll_seconds).map_err(Error::internal)?,
            status: status(&row.status)?,
            status_since: row.status_since.to_jiff(),
            status_reason: row.status_reason.map(Untrusted::new),
            seen_at: row.seen_at.map(jiff_sqlx::Timestamp::to_jiff),
            identity: row.identity.map(Untrusted::new),
            model: row.model.map(Untrusted::new),
            arch: row.arch.map(Untrusted::new),
            serial: row.serial.map(Untrusted::new),
            other_serial: row.other_serial.map(Untrusted::new),
            version: row.version.map(Untrusted::new),
            channel: row.channel.map(Untrusted::new),
            uptime_seconds: count(row.uptime_seconds),
            cpu_percent: row.cpu_percent,
            mem_percent: row.mem_percent,
            disk_percent: row.disk_percent,
            temperature_celsius: row.temperature_celsius,
            voltage: row.voltage,
            rx_bps: count(row.rx_bps),
            tx_bps: count(row.tx_bps),
            poll_ms: row.poll_ms.and_then(|ms| u32::try_from(ms).ok()),
            logins_today: u32::try_from(row.logins_today).unwrap_or(u32::MAX),
            pending_change: count(row.pending_change),
            created_at: row.created_at.to_jiff(),
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
