//! What undoes a change if nobody confirms it.
//!
//! There is one kind: a one-shot timer on the device that holds the inverse script. It needs no
//! reboot, survives one, and counts from when it is put there and not by anybody's clock.

mod safe_mode;
mod start;
mod undo;

pub(super) use undo::{arm, find, name, obstacle, remove, take_off_altered, trigger};

/// What the names of our timers start with.
pub(super) const PREFIX: &str = "tod-undo-";
