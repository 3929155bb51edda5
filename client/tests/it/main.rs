//! The client against a server of canned answers, and over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod calls;
mod feeds;
mod kit;
mod network;
mod sessions;
