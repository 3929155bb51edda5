//! Talks to devices: leases them from servers, polls them, changes them, opens terminals into them.
//!
//! ```text
//! server ◄─ bus ─► lease ──► fleet ──► worker (one per device) ──► device::link ──► device
//!                  task  ──────┘          │ sample                 relay ──► device (SSH)
//!                  report ◄───────────────┘
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`startup`] | configuration to a running poller |
//! | [`lease`], [`fleet`] | which devices are ours, and a worker for each |
//! | [`device`] | reaching a device: address, trust, session |
//! | [`worker`], [`collect`] | polling: when, what, and what the answers mean |
//! | [`report`] | samples to the bus, bounded while it is away |
//! | [`task`] | what servers ask for: commands, polls, push steps, relays |
//! | [`push`] | one step of a change, each idempotent |
//! | [`relay`] | terminals into devices |
//!
//! **Invariant:** no database, no listening port; a device is touched only under a lease.

#![warn(missing_docs)]

pub mod collect;
pub mod device;
pub mod fleet;
pub mod lease;
pub mod push;
pub mod relay;
pub mod report;
pub mod startup;
pub mod task;
pub mod worker;
