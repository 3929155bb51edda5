//! The crate from outside.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod pair;
mod script;
