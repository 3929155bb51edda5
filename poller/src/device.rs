//! What a worker knows of its device, and how it is reached.

pub mod address;
mod anonymous;
pub mod dial;
pub mod error;
mod leash;
pub mod link;
pub(crate) mod ssh;
pub mod tls;
pub mod trust;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::lease::Assignment;
use tod_proto::id::{DeviceId, TenantId};

use crate::startup::Zone;

/// The shortest time between two polls, whatever the record says.
const MIN_PERIOD: Duration = Duration::from_secs(1);

/// A device as this poller may touch it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The device.
    pub device: DeviceId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its name, for logs.
    pub name: String,
    /// The revision of the record.
    pub revision: u64,
    /// The fence of the lease.
    pub fence: u64,
    /// Where and how it is reached.
    pub contact: Contact,
    /// The time between two polls.
    pub period: Duration,
}

/// Where and how a device is reached: a session is good for as long as this stays the same.
#[derive(Clone, Debug)]
pub struct Contact {
    /// An IP address or host name.
    pub address: String,
    /// The port of the API.
    pub port: u16,
    /// The networks that its address must be in.
    pub zone: Arc<Zone>,
    /// How the API session is protected.
    pub tls: TlsMode,
    /// SHA-256 of the pinned certificate, in hex.
    pub tls_pin: Option<String>,
    /// The port of SSH.
    pub ssh_port: u16,
    /// The pinned SSH host key, `SHA256:…`.
    pub ssh_pin: Option<String>,
    /// The account.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Whether the login before RouterOS 6.43 may be used.
    pub legacy_login: bool,
}

impl Target {
    /// Takes an assignment whose password has been opened.
    pub fn new(assignment: Assignment, password: SecretString, zone: Arc<Zone>) -> Self {
        Self {
            device: assignment.device,
            tenant: assignment.tenant,
            name: assignment.name,
            revision: assignment.revision,
            fence: assignment.fence,
            period: Duration::from_secs(assignment.poll_seconds.into()).max(MIN_PERIOD),
            contact: Contact {
                address: assignment.address,
                port: assignment.port,
                zone,
                tls: assignment.tls,
                tls_pin: assignment.tls_pin,
                ssh_port: assignment.ssh_port,
                ssh_pin: assignment.ssh_pin,
                username: assignment.username,
                password,
                legacy_login: assignment.legacy_login,
            },
        }
    }
}

/// What was trusted at first use because nothing was known before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 of a certificate, in hex.
    pub certificate: Option<String>,
    /// An SSH host key, `SHA256:…`.
    pub host_key: Option<String>,
}

fn is_same_pin(old: Option<&String>, new: Option<&String>, seen: Option<&String>) -> bool {
    old == new || (new.is_some() && new == seen)
}

impl Contact {
    /// Whether a session to `other` is as good as one to this. `seen` is what the session trusted at
    /// first use: pinning just that changes nothing.
    pub fn is_same(&self, other: &Self, seen: &Seen) -> bool {
        let is_ssh = self.tls == TlsMode::Ssh;
        self.address == other.address
            && self.port == other.port
            && self.zone == other.zone
            && self.tls == other.tls
            && self.username == other.username
            && self.password.expose_secret() == other.password.expose_secret()
            && self.legacy_login == other.legacy_login
            && is_same_pin(
                self.tls_pin.as_ref(),
                other.tls_pin.as_ref(),
                seen.certificate.as_ref(),
            )
            && (!is_ssh || self.ssh_port == other.ssh_port)
            && (!is_ssh
                || is_same_pin(
                    self.ssh_pin.as_ref(),
                    other.ssh_pin.as_ref(),
                    seen.host_key.as_ref(),
                ))
    }
}
