//! The crate from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod budgets;
mod config;
mod config_law;
mod device;
mod export;
mod fixtures;
mod fuzz;
mod lockout;
mod pair;
mod script;
mod secrets;
mod streams;
mod transcripts;
mod undo;
mod undo_law;
mod verdict;
