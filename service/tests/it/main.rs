//! The service crate from outside: stopping, and one suite for both buses.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod bus;
mod nats;
mod stop;
