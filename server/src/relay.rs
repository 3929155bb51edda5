//! Terminals into devices: tickets, and joining the client's socket with the poller's.
//!
//! ```text
//! client ══ws══► this server ◄══ws══ poller ──ssh──► device
//!              join: both ways, bounded, with deadlines
//! ```
//!
//! **Invariant:** a ticket is good once; only its hash is stored. Bytes of a session are neither
//! logged nor kept.

pub mod hub;
pub mod join;
pub mod store;
pub mod ticket;
