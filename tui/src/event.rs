//! Everything that can happen, and everything that can be asked for.

use std::fmt;

use jiff::Timestamp;
use tod_proto::api::changes::Change;
use tod_proto::api::devices::{Device, FleetUpdate, Interface, Point};
use tod_proto::api::events::Event as FleetEvent;
use tod_proto::id::DeviceId;

use crate::action::Action;

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Link {
    /// The first answer is awaited.
    #[default]
    Connecting,
    /// The stream is open. Round trip in milliseconds.
    Live(u32),
    /// The server does not answer; what is shown is old.
    Lost {
        /// Since when.
        since: Timestamp,
        /// Why, in words.
        reason: String,
    },
    /// The session has ended: the person must unlock.
    Locked {
        /// Why, in words.
        reason: String,
    },
}

/// Something that happened. All of them arrive on one channel, in order.
#[derive(Clone, Debug)]
pub enum Event {
    /// The person did something.
    Action(Action),
    /// The whole fleet arrived.
    Devices(Vec<Device>),
    /// Part of the fleet changed.
    Fleet(Vec<FleetUpdate>),
    /// Events of the past, the oldest first.
    History(Vec<FleetEvent>),
    /// An event as it happened.
    Happened(Box<FleetEvent>),
    /// The interfaces of a device.
    Interfaces(DeviceId, Vec<Interface>),
    /// Values of a device over time.
    Series(DeviceId, &'static str, Vec<Point>),
    /// The newest changes.
    Changes(Vec<Change>),
    /// The connection changed.
    Link(Link),
    /// Something could not be done.
    Failed(String),
    /// The person is signed in again.
    Unlocked,
    /// Signing in failed.
    UnlockFailed(String),
    /// The sign-in has a second step, and no code was given.
    CodeWanted,
    /// A second passed.
    Tick(Timestamp),
}

/// A secret on its way to the client; it never prints.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Something to be done outside the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// List the fleet again.
    Refresh,
    /// Read a device's interfaces.
    LoadInterfaces(DeviceId),
    /// Read a device's values of the last hour.
    LoadSeries(DeviceId),
    /// Read the newest changes.
    LoadChanges,
    /// Sign in.
    Unlock {
        /// The password.
        password: Secret,
        /// The Secret Key, when this machine has none.
        secret_key: Option<Secret>,
        /// The code of a second step, once it was asked for.
        code: Option<Secret>,
    },
    /// Copy text to the person's clipboard.
    Copy(String),
    /// Stop the process until it is continued.
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Leave.
    Quit,
}
