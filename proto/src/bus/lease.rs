//! A poller asks which devices are its own, for how long, and with which credentials.

use serde::{Deserialize, Serialize};

use crate::api::devices::TlsMode;
use crate::id::{DeviceId, PollerId, TenantId};

/// The most assignments in one reply, so that it fits a message.
pub const MAX_ASSIGNMENTS: usize = 250;

/// Asks for leases. Sent every few seconds; it is also the poller's sign of life.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Who asks.
    pub poller: PollerId,
    /// Which zones it reaches.
    pub zones: Vec<String>,
    /// Its X25519 public key, in hex: credentials are sealed to it.
    pub public_key: String,
    /// What it holds: each device with the revision of the assignment that it knows.
    pub holds: Vec<(DeviceId, u64)>,
    /// Whether it is stopping and gives everything back.
    pub leaving: bool,
}

/// What the poller may do until the lease ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaseReply {
    /// Seconds from the receipt of this reply for which all held leases are good.
    pub ttl_seconds: u32,
    /// New or changed assignments.
    pub assign: Vec<Assignment>,
    /// Devices that are no longer this poller's: stop touching them.
    pub withdraw: Vec<DeviceId>,
    /// Whether there are more: ask again at once.
    pub more: bool,
}

/// A device that a poller may touch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The device.
    pub device: DeviceId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its name, for logs.
    pub name: String,
    /// The zone that it lives in: its address must be in a network that the poller lists for it.
    pub zone: String,
    /// Grows with every change of the device's record.
    pub revision: u64,
    /// Grows with every change of the holder. Everything done to the device carries it, and the
    /// server ignores reports with an older one.
    pub fence: u64,
    /// An IP address or host name.
    pub address: String,
    /// The port of the API.
    pub port: u16,
    /// The port of SSH.
    pub ssh_port: u16,
    /// How the API session is protected.
    pub tls: TlsMode,
    /// SHA-256 of the pinned certificate, in hex.
    pub tls_pin: Option<String>,
    /// The pinned SSH host key, `SHA256:…`.
    pub ssh_pin: Option<String>,
    /// The account.
    pub username: String,
    /// The password, sealed to the poller's public key with the device's identifier as
    /// associated data; base 64.
    pub sealed_password: String,
    /// Seconds between polls.
    pub poll_seconds: u32,
    /// Whether the password before RouterOS 6.43 may be used (a challenge that leaks a hash).
    pub legacy_login: bool,
}

/// Tells a poller to ask for leases at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Poke {}
