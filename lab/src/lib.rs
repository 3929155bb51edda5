//! RouterOS devices that are not there: a simulator on loopback, and the oracle of our tests.
//!
//! [`Lab::start`] serves a [`Fleet`] in this process. One wildcard socket for each door (API, API
//! over TLS, SSH) serves all devices; the local address of a connection, 127.20.x.y, names the
//! device. Nothing but loopback peers is answered.
//!
//! A device has the configuration tree, verbs, refusals and spellings of its release; scheduler
//! and scripts that run; safe mode, history, backups and reboots. **Its own tree decides who
//! reaches it**: address, interface, route, service and `input` rules are weighed for every
//! connection, and again for all open ones after each change. A loopback peer (127.0.0.1) counts
//! as a host of the *management network*, which lies untagged behind the first Ethernet port and
//! is reached by the default route that each device has. Who is not reached meets silence.
//!
//! [`Device`] looks into a device and disturbs it: [`Device::log`] is what really happened,
//! [`Device::tree`] what it really has, [`Device::inject`] makes it go wrong.
//!
//! ```no_run
//! # async fn f() -> anyhow::Result<()> {
//! use tod_lab::{Fleet, Lab, Options};
//!
//! let lab = Lab::start(Fleet::generate(24, 1), Options::default()).await?;
//! let device = lab.device("ber-core-01").expect("it is generated");
//! let reach = device.summary();
//! assert_eq!(device.counts().logins, 0);
//! println!("{}:{} as {}", reach.address, reach.api_port, reach.user);
//! # Ok(()) }
//! ```
#![warn(missing_docs)]

mod api;
pub mod args;
mod backup;
mod clock;
mod control;
mod core;
mod device;
mod door;
mod dump;
mod export;
mod fault;
mod feed;
mod fleet;
mod gate;
mod import;
mod lab;
mod ledger;
mod limits;
mod live;
mod load;
mod mndp;
mod presence;
mod print;
mod profile;
mod schema;
mod script;
mod seed;
mod snmp;
mod ssh;
mod switches;
mod telnet;
mod text;
mod tls;
mod topology;
mod trap;
mod tree;
mod udp;
mod value;
mod verb;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use control::ask;
pub use device::Device;
pub use fleet::{Fleet, PASSWORD, SchedulerRule, Setup, Spec, USER};
pub use lab::{Lab, Options};
pub use profile::{BOARDS, Board, Radio, Release};
pub use switches::{
    BootClock, BootTimers, Dead, Empty, ExecStatus, Greeting, Health, Notes, OverLimit, Position,
    Switches, Traps, positions,
};
/// What a lab is told and tells: faults, events, answers.
pub use tod_proto::lab as wire;

/// Locks, even after a panic elsewhere: a device is as it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
