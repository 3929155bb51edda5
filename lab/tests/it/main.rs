//! The lab by its front doors: with a small client of our own, and with clients of others.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when it fails"
)]

mod api;
mod certificates;
mod console;
mod control;
mod docs;
mod doors;
mod exports;
mod faults;
mod fixtures;
mod harness;
mod hostile;
mod import;
mod laws;
mod living;
mod monitors;
mod neighbours;
mod profiles;
mod reach;
mod safe_mode;
mod scheduler;
mod ssh;
mod strangers;
mod switches;
mod terminal;
mod topology;
mod undo;
mod upgrade;
