//! `todd` from outside, as a process.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod certificate;
mod check;
mod demo;
mod effects;
mod harness;
mod openbao;
mod private_database;
mod split;
mod start;
