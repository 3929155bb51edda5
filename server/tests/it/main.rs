//! Integration tests: one binary, one module for each subject.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod account;
mod audit;
mod coverage;
mod devices;
mod faults;
mod harness;
mod isolation;
mod selectors;
mod sessions;
mod status;
