//! What happened, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Carrier, Endpoint, Feed, Method, Op, Role, Scope};
use crate::id::{DeviceId, TenantId};
use crate::page::{Empty, Page};
use crate::untrusted::Untrusted;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Its place in the order; also the cursor of the stream.
    pub cursor: u64,
    /// When.
    pub time: Timestamp,
    /// What kind: `device.status`, `device.added`, `device.deleted`, `device.rebooted`,
    /// `device.identity`, `change.state`, `run.finished`, `session.opened`, `session.closed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which device, if it is about one.
    pub device: Option<DeviceId>,
    /// The device's name then.
    pub device_name: Option<String>,
    /// The state before, if it is about a state.
    pub from: Option<String>,
    /// The state after.
    pub to: Option<String>,
    /// One line for a person.
    pub message: Untrusted,
    /// Who did it, if a person did.
    pub actor: Option<String>,
}

/// Narrows [`List`] and [`Follow`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventQuery {
    /// Only of this kind, or of kinds that start with it and a dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only about this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Only after this cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The most events of [`List`], the newest; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
}

/// Lists events, the oldest first.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

impl Endpoint for List {
    const OP: Op = Op::json(
        "event.list",
        Method::Get,
        "/api/tenants/{tenant}/events",
        Scope::Tenant(Role::Viewer),
    );
    type Path = TenantId;
    type Query = EventQuery;
    type Body = Empty;
    type Output = Page<Event>;
}

/// Follows events as they happen.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Follow;

impl Feed for Follow {
    const OP: Op = Op {
        name: "event.follow",
        method: Method::Get,
        path: "/api/tenants/{tenant}/events/follow",
        scope: Scope::Tenant(Role::Viewer),
        carrier: Carrier::Events,
    };
    type Path = TenantId;
    type Query = EventQuery;
    type Item = Event;
}
