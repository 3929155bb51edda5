//! Devices under management.

mod readings;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Carrier, Endpoint, Feed, Method, Op, Role, Scope};
use crate::id::{DeviceId, TenantId};
use crate::page::{Empty, Page};
#[cfg(feature = "schema")]
use crate::schema;
use crate::untrusted::Untrusted;

pub use readings::{Interface, Interfaces, Point, Series, SeriesQuery};

/// How the API session is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// Verified by a certificate authority, else pinned at first use.
    #[default]
    Auto,
    /// Verified by a certificate authority, or refused.
    Verified,
    /// Only the pinned certificate.
    Pinned,
    /// None. Only when asked for.
    Plain,
    /// Encrypted, but to nobody in particular: what `api-ssl` speaks without a certificate. Whoever
    /// is in between can read and change everything. Only when asked for.
    Anonymous,
    /// Inside an SSH session, whose host key is pinned at first use.
    Ssh,
}

impl TlsMode {
    /// All modes, the usual one first.
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Verified,
        Self::Pinned,
        Self::Plain,
        Self::Anonymous,
        Self::Ssh,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Verified => "verified",
            Self::Pinned => "pinned",
            Self::Plain => "plain",
            Self::Anonymous => "anonymous",
            Self::Ssh => "ssh",
        }
    }

    /// Where the API listens for it unless the device says otherwise.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Plain | Self::Ssh => 8728,
            Self::Auto | Self::Verified | Self::Pinned | Self::Anonymous => 8729,
        }
    }
}

/// What is known of a device's well-being.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "DeviceStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It answers.
    Online,
    /// It answers, and something is wrong.
    Degraded,
    /// It does not answer.
    Offline,
    /// It has not been asked yet.
    #[default]
    Unknown,
}

impl Status {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }
}

/// A device, with what the last poll said. What was never seen is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Device {
    /// Its identifier.
    pub id: DeviceId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// An IP address or host name.
    pub address: String,
    /// The port of the API.
    pub port: u16,
    /// The port of SSH.
    pub ssh_port: u16,
    /// How the API session is protected.
    pub tls: TlsMode,
    /// The account that tod signs in with. The password never comes out.
    pub username: String,
    /// Which pollers reach it.
    pub zone: String,
    /// Where it stands.
    pub site: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Free text.
    pub note: Option<String>,
    /// Seconds between polls.
    pub poll_seconds: u32,
    /// Its well-being.
    pub status: Status,
    /// Since when.
    pub status_since: Timestamp,
    /// Why, in words: the last error, or what is wrong.
    pub status_reason: Option<Untrusted>,
    /// When it last answered.
    pub seen_at: Option<Timestamp>,
    /// What it calls itself.
    pub identity: Option<Untrusted>,
    /// The model, as the device names its board.
    pub model: Option<Untrusted>,
    /// The processor architecture.
    pub arch: Option<Untrusted>,
    /// The serial number.
    pub serial: Option<Untrusted>,
    /// The serial number of another device that answers at this one's address. While there is one,
    /// nothing is written to it.
    #[serde(default)]
    pub other_serial: Option<Untrusted>,
    /// The version of RouterOS, such as `7.15.3`.
    pub version: Option<Untrusted>,
    /// The release channel, such as `stable`.
    pub channel: Option<Untrusted>,
    /// Seconds since it booted.
    pub uptime_seconds: Option<u64>,
    /// Load of the processor, 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Memory in use, 0 to 100.
    pub mem_percent: Option<f64>,
    /// Disk in use, 0 to 100.
    pub disk_percent: Option<f64>,
    /// The board's or processor's temperature in degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// The supply voltage.
    pub voltage: Option<f64>,
    /// Bits received each second, over all physical interfaces.
    pub rx_bps: Option<u64>,
    /// Bits sent each second, over all physical interfaces.
    pub tx_bps: Option<u64>,
    /// How long the last poll took, in milliseconds.
    pub poll_ms: Option<u32>,
    /// How often tod signed in to it in the last 24 hours.
    pub logins_today: u32,
    /// The number of the change that waits for confirmation, if there is one.
    pub pending_change: Option<u64>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// Lists devices by name.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List;

/// Narrows [`List`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListQuery {
    /// A selector, in the language of the command line: `status=offline site=berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = "status=offline site=berlin"))]
    pub selector: Option<String>,
    /// The most items to return; 100 if absent, at most 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 500)))]
    pub limit: Option<u32>,
    /// From [`Page::next`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Endpoint for List {
    const OP: Op = Op::json(
        "device.list",
        Method::Get,
        "/api/tenants/{tenant}/devices",
        Scope::Tenant(Role::Viewer),
    );
    type Path = TenantId;
    type Query = ListQuery;
    type Body = Empty;
    type Output = Page<Device>;
}

/// Shows one device.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Show;

impl Endpoint for Show {
    const OP: Op = Op::json(
        "device.show",
        Method::Get,
        "/api/tenants/{tenant}/devices/{device}",
        Scope::Tenant(Role::Viewer),
    );
    type Path = (TenantId, DeviceId);
    type Query = Empty;
    type Body = Empty;
    type Output = Device;
}

/// Adds a device. It is polled at once.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Add;

/// The body of [`Add`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewDevice {
    /// The name; the address if absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 128), regex(pattern = schema::DEVICE_NAME)))]
    pub name: Option<String>,
    /// An IP address or host name.
    #[cfg_attr(feature = "schema", schemars(length(max = 253), regex(pattern = schema::ADDRESS), example = "192.0.2.1"))]
    pub address: String,
    /// The port of the API; if absent 8729, and 8728 for `plain` and `ssh`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub port: Option<u16>,
    /// The port of SSH; 22 if absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub ssh_port: Option<u16>,
    /// How the API session is protected.
    #[serde(default)]
    pub tls: TlsMode,
    /// The account to sign in with.
    #[cfg_attr(feature = "schema", schemars(length(max = 128), regex(pattern = schema::LINE)))]
    pub username: String,
    /// Its password. It is sealed before it is stored and never comes out again.
    #[cfg_attr(feature = "schema", schemars(length(max = 512), regex(pattern = schema::PASSWORD)))]
    pub password: String,
    /// Which pollers reach it; `default` if absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::ZONE)))]
    pub zone: Option<String>,
    /// Where it stands.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 64), regex(pattern = schema::LINE_OR_NOTHING)))]
    pub site: Option<String>,
    /// Labels.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 64), inner(length(max = 64), regex(pattern = schema::TAG))))]
    pub tags: Vec<String>,
    /// Free text.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 4000), regex(pattern = schema::NO_NUL)))]
    pub note: Option<String>,
    /// Seconds between polls; 60 if absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 5, max = 86_400)))]
    pub poll_seconds: Option<u32>,
}

impl std::fmt::Debug for NewDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewDevice")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Endpoint for Add {
    const OP: Op = Op::json(
        "device.add",
        Method::Post,
        "/api/tenants/{tenant}/devices",
        Scope::Tenant(Role::Operator),
    );
    type Path = TenantId;
    type Query = Empty;
    type Body = NewDevice;
    type Output = Device;
}

/// Changes a device's record. It takes effect at once.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Set;

/// The body of [`Set`]: what is absent stays as it is; an empty text removes.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DevicePatch {
    /// The new name.
    #[cfg_attr(feature = "schema", schemars(length(max = 128), regex(pattern = schema::DEVICE_NAME)))]
    pub name: Option<String>,
    /// The new address.
    #[cfg_attr(feature = "schema", schemars(length(max = 253), regex(pattern = schema::ADDRESS), example = "192.0.2.1"))]
    pub address: Option<String>,
    /// The new port of the API.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub port: Option<u16>,
    /// The new port of SSH.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub ssh_port: Option<u16>,
    /// How the API session is protected.
    pub tls: Option<TlsMode>,
    /// Forgets the pinned certificate and SSH host key: the next ones seen are trusted.
    pub forget_pins: bool,
    /// The new account.
    #[cfg_attr(feature = "schema", schemars(length(max = 128), regex(pattern = schema::LINE)))]
    pub username: Option<String>,
    /// The new password.
    #[cfg_attr(feature = "schema", schemars(length(max = 512), regex(pattern = schema::PASSWORD)))]
    pub password: Option<String>,
    /// Which pollers reach it.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::ZONE)))]
    pub zone: Option<String>,
    /// Where it stands.
    #[cfg_attr(feature = "schema", schemars(length(max = 64), regex(pattern = schema::LINE_OR_NOTHING)))]
    pub site: Option<String>,
    /// All labels.
    #[cfg_attr(feature = "schema", schemars(length(max = 64), inner(length(max = 64), regex(pattern = schema::TAG))))]
    pub tags: Option<Vec<String>>,
    /// Free text.
    #[cfg_attr(feature = "schema", schemars(length(max = 4000), regex(pattern = schema::NO_NUL)))]
    pub note: Option<String>,
    /// Seconds between polls, 5 to 86400.
    #[cfg_attr(feature = "schema", schemars(range(min = 5, max = 86_400)))]
    pub poll_seconds: Option<u32>,
}

impl std::fmt::Debug for DevicePatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevicePatch")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Endpoint for Set {
    const OP: Op = Op::json(
        "device.set",
        Method::Patch,
        "/api/tenants/{tenant}/devices/{device}",
        Scope::Tenant(Role::Operator),
    );
    type Path = (TenantId, DeviceId);
    type Query = Empty;
    type Body = DevicePatch;
    type Output = Device;
}

/// Takes another device that answers at a device's address for that device: what is known of the
/// old one's identity is forgotten, and changes are made to the new one.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Accept;

/// The body of [`Accept`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {
    /// The serial number that is meant, as [`Device::other_serial`] shows it.
    pub serial: String,
}

impl Endpoint for Accept {
    const OP: Op = Op::json(
        "device.accept",
        Method::Post,
        "/api/tenants/{tenant}/devices/{device}/accept",
        Scope::Tenant(Role::Operator),
    );
    type Path = (TenantId, DeviceId);
    type Query = Empty;
    type Body = AcceptBody;
    type Output = Device;
}

/// Deletes a device and its history. Nothing is done to the device itself.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delete;

impl Endpoint for Delete {
    const OP: Op = Op::json(
        "device.delete",
        Method::Delete,
        "/api/tenants/{tenant}/devices/{device}",
        Scope::Tenant(Role::Operator),
    );
    type Path = (TenantId, DeviceId);
    type Query = Empty;
    type Body = Empty;
    type Output = Empty;
}

/// Follows the fleet: every device that changed, as it changes.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Follow;

/// A change of the fleet as the server sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FleetUpdate {
    /// A device is new, was polled, or its record changed.
    Device {
        /// The device as it now is.
        device: Box<Device>,
    },
    /// A device is gone.
    Deleted {
        /// Which.
        device: DeviceId,
    },
    /// The stream may have missed something: list again.
    Resync,
}

impl Feed for Follow {
    const OP: Op = Op {
        name: "device.follow",
        method: Method::Get,
        path: "/api/tenants/{tenant}/devices/follow",
        scope: Scope::Tenant(Role::Viewer),
        carrier: Carrier::Events,
    };
    type Path = TenantId;
    type Query = Empty;
    type Item = FleetUpdate;
}
