//! What polls read of a device: its interfaces, and values over time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, Op, Role, Scope};
use crate::id::{DeviceId, TenantId};
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;
use crate::untrusted::Untrusted;

/// An interface, as the last poll saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interface {
    /// Its name.
    pub name: Untrusted,
    /// Its type, such as `ether`.
    pub kind: Untrusted,
    /// Whether it has a link.
    pub running: bool,
    /// Whether it is switched off.
    pub disabled: bool,
    /// The operator's remark.
    pub comment: Option<Untrusted>,
    /// Its hardware address.
    pub mac: Option<Untrusted>,
    /// The MTU in use.
    pub mtu: Option<u32>,
    /// Bytes received since boot.
    pub rx_bytes: Option<u64>,
    /// Bytes sent since boot.
    pub tx_bytes: Option<u64>,
    /// Bits received each second, between the last two polls.
    pub rx_bps: Option<u64>,
    /// Bits sent each second, between the last two polls.
    pub tx_bps: Option<u64>,
    /// Errors, both ways, since boot.
    pub errors: Option<u64>,
    /// Drops, both ways, since boot.
    pub drops: Option<u64>,
}

/// Lists the interfaces of a device.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interfaces;

impl Endpoint for Interfaces {
    const OP: Op = Op::json(
        "device.interfaces",
        Method::Get,
        "/api/tenants/{tenant}/devices/{device}/interfaces",
        Scope::Tenant(Role::Viewer),
    );
    type Path = (TenantId, DeviceId);
    type Query = Empty;
    type Body = Empty;
    type Output = Page<Interface>;
}

/// Values over time.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Series;

/// Narrows [`Series`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeriesQuery {
    /// Which: `cpu`, `mem`, `disk`, `temp`, `volt`, `rx`, `tx`, `poll_ms`, or
    /// `iface:NAME:rx` and `iface:NAME:tx`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::METRIC)))]
    pub metric: String,
    /// From when; an hour ago if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The most points; the newest are kept. 500 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 5000)))]
    pub limit: Option<u32>,
}

/// A value at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "SeriesPoint"))]
pub struct Point {
    /// When the device said so, by tod's clock.
    pub at: Timestamp,
    /// The value, in the unit of the metric: percent, degrees, volts, bits per second or ms.
    pub value: f64,
}

impl Endpoint for Series {
    const OP: Op = Op::json(
        "device.series",
        Method::Get,
        "/api/tenants/{tenant}/devices/{device}/series",
        Scope::Tenant(Role::Viewer),
    );
    type Path = (TenantId, DeviceId);
    type Query = SeriesQuery;
    type Body = Empty;
    type Output = Page<Point>;
}
