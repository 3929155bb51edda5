//! The poller by its front door: leases and tasks over the bus, devices on loopback sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod abilities;
mod attack;
mod change;
mod everywhere;
mod fake;
mod faults;
mod harness;
mod lab;
mod leases;
mod outage;
mod page;
mod polling;
mod pushing;
mod relay;
mod sabotage;
mod ssh;
mod sshd;
mod storms;
mod tasks;
mod transports;
mod trust;
mod tunnels;
