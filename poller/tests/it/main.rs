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
mod harness;
mod lab;
mod leases;
mod polling;
mod pushing;
mod relay;
mod ssh;
mod tasks;
mod transports;
mod trust;
