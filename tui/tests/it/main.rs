//! The dashboard as a person meets it, drawn into memory.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod journeys;
mod walk;
mod world;
