//! `todctl` as a process: a home of its own, no terminal, a server of canned answers.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod completion;
mod contexts;
mod doctor;
mod exit_codes;
mod files;
mod fixtures;
mod harness;
mod help;
mod kit;
mod output;
mod secrets;
