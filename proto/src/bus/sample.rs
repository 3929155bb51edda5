//! A poller tells what one poll of one device saw.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, PollerId, TenantId};
use crate::untrusted::Untrusted;

/// One poll of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// Who polled.
    pub poller: PollerId,
    /// The fence of the lease under which it was polled.
    pub fence: u64,
    /// When the answer was complete, by the poller's clock.
    pub at: Timestamp,
    /// How long it took from the first byte sent to the last received.
    pub poll_ms: u32,
    /// How often the poller signed in since its previous sample of this device.
    pub logins: u32,
    /// What was seen.
    pub outcome: Outcome,
}

/// What a poll saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The device answered.
    Answered(Box<Observation>),
    /// It did not, or refused us.
    Failed(Failure),
}

/// Why a poll failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, for programs.
    pub kind: FailureKind,
    /// In words, for people.
    pub message: Untrusted,
    /// How many polls in a row have failed.
    pub failures: u32,
    /// Seconds until the next try, when it is not the ordinary time.
    pub retry_seconds: Option<u32>,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No TCP connection.
    Unreachable,
    /// A connection, but no answer in time.
    Timeout,
    /// The account or password was refused; after three times nothing more is tried.
    LoginRefused,
    /// The TLS certificate is not the trusted one. No password was sent.
    TrustMismatch,
    /// What it says is not the API protocol, or goes beyond its limits.
    Protocol,
    /// The device closed the session.
    Closed,
    /// The address is in no network that the zone lists.
    AddressRefused,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// What the device said. What it did not say is absent; a collector that could not read its
/// answer leaves its part out and says so in `problems`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observation {
    /// `/system/identity`.
    pub identity: Option<Untrusted>,
    /// `board-name` of `/system/resource`, or the model of `/system/routerboard`.
    pub model: Option<Untrusted>,
    /// `architecture-name`.
    pub arch: Option<Untrusted>,
    /// The serial number.
    pub serial: Option<Untrusted>,
    /// The version without its channel.
    pub version: Option<Untrusted>,
    /// The channel.
    pub channel: Option<Untrusted>,
    /// Seconds since boot.
    pub uptime_seconds: Option<u64>,
    /// Load, 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Free memory in bytes.
    pub mem_free_bytes: Option<u64>,
    /// All memory in bytes.
    pub mem_total_bytes: Option<u64>,
    /// Free disk in bytes.
    pub disk_free_bytes: Option<u64>,
    /// All of the disk in bytes.
    pub disk_total_bytes: Option<u64>,
    /// Degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Volts.
    pub voltage: Option<f64>,
    /// The interfaces; absent when they could not be read.
    pub interfaces: Option<Vec<InterfaceCounters>>,
    /// SHA-256 of the certificate that was trusted at first use in this session, in hex.
    pub tls_pin: Option<String>,
    /// The SSH host key that a relay trusted at first use, `SHA256:…`.
    pub ssh_pin: Option<String>,
    /// Collectors that failed, each with its reason.
    pub problems: Vec<(String, Untrusted)>,
}

/// An interface and its counters since boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InterfaceCounters {
    /// Its name.
    pub name: Untrusted,
    /// Its type.
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
    /// Bytes received.
    pub rx_bytes: Option<u64>,
    /// Bytes sent.
    pub tx_bytes: Option<u64>,
    /// Packets received.
    pub rx_packets: Option<u64>,
    /// Packets sent.
    pub tx_packets: Option<u64>,
    /// Errors, both ways.
    pub errors: Option<u64>,
    /// Drops, both ways.
    pub drops: Option<u64>,
}
