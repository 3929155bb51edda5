//! The poller by its front door: leases and tasks over the bus, devices on loopback sockets.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod fake;
mod harness;
mod leases;
mod polling;
mod tasks;
mod trust;
