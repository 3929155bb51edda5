//! Integration tests: one binary, one module for each subject.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod account;
mod answers;
mod api_keys;
mod audit;
mod canaries;
mod coverage;
mod devices;
mod docs;
mod door;
mod equal_work;
mod fake;
mod faults;
mod feeds;
mod follow;
mod foreign;
mod handshakes;
mod harness;
mod identity;
mod ingest;
mod inputs;
mod isolation;
mod keys;
mod leases;
mod openbao;
mod own;
mod policy;
mod pushes;
mod relays;
mod retention;
mod runs;
mod schemathesis;
mod sealing;
mod selectors;
mod sessions;
mod signing;
mod spent;
mod status;
mod strangers;
mod tenants;
mod totp;
mod transit;
mod users;
mod wire;
