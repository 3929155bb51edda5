//! What servers and pollers tell each other.
//!
//! | subject | verb | message |
//! |---|---|---|
//! | [`LEASE`] | request, poller → any server | [`lease::LeaseRequest`] → [`lease::LeaseReply`] |
//! | [`poked`] | notify, server → one poller | [`lease::Poke`]: ask for leases now |
//! | [`sampled`] | publish, poller → servers | [`sample::Sample`] |
//! | [`asked`] | sealed request, server → one poller | [`task::Task`] → [`task::Report`] |
//! | [`fleet_changed`] | notify, server → servers | [`FleetNotice`]: tell your followers |
//!
//! Messages are JSON. Fields are added, never renamed; unknown ones are ignored. What is sealed is
//! sealed to the key that the poller gave with its request for leases.

pub mod lease;
pub mod sample;
pub mod task;

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, PollerId, TenantId};

/// Where pollers ask for leases.
pub const LEASE: &str = "tod.v1.lease";

/// What the stream of samples covers.
pub const SAMPLES: &str = "tod.v1.sample.>";

/// Where a poller publishes what it saw of a device.
pub fn sampled(tenant: TenantId, device: DeviceId) -> String {
    format!("tod.v1.sample.{tenant}.{device}")
}

/// Where a poller is told to ask for leases at once.
pub fn poked(poller: PollerId) -> String {
    format!("tod.v1.poller.{poller}.poke")
}

/// Where a poller takes tasks, sealed.
pub fn asked(poller: PollerId) -> String {
    format!("tod.v2.poller.{poller}.task")
}

/// Where servers tell each other what changed in a tenant.
pub fn fleet_changed(tenant: TenantId) -> String {
    format!("tod.v1.fleet.{tenant}")
}

/// What all of [`fleet_changed`] matches.
pub const FLEET: &str = "tod.v1.fleet.*";

/// Something changed; the database has it. Followers on every server are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FleetNotice {
    /// These devices were polled or changed.
    Devices {
        /// The tenant.
        tenant: TenantId,
        /// Which.
        devices: Vec<DeviceId>,
    },
    /// A device is gone.
    Deleted {
        /// The tenant.
        tenant: TenantId,
        /// Which.
        device: DeviceId,
    },
    /// There are new events.
    Events {
        /// The tenant.
        tenant: TenantId,
    },
    /// A run has a new result, or ended.
    Run {
        /// The tenant.
        tenant: TenantId,
        /// Its number.
        number: u64,
    },
    /// A change moved.
    Change {
        /// The tenant.
        tenant: TenantId,
        /// Its number.
        number: u64,
    },
}
