//! The question after a change is in force: keep or revert, with the seconds running down.

use std::io::{self, Write as _};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use jiff::Timestamp;
use tod_client::clock::Clock;

use super::watch::minutes;
use crate::error::CliError;

/// What the person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It stays.
    Keep,
    /// It goes.
    Revert,
    /// Nothing: the timer decides.
    Leave,
}

/// Puts the terminal back whatever happens.
struct Raw;

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nothing to be done about a terminal that went away.
        drop(disable_raw_mode());
    }
}

/// Waits for `k`, `r`, Ctrl-C, or the end. Enter does nothing: it may come from the line before.
pub(super) fn ask(clock: &Clock, ends: Timestamp) -> Result<Decision, CliError> {
    enable_raw_mode()?;
    let _raw = Raw;
    // What was typed while nobody asked is no answer.
    while event::poll(Duration::ZERO)? {
        event::read()?;
    }
    let decision = loop {
        let left = ends.duration_since(clock.now()).as_secs();
        let Ok(left @ 1..) = u64::try_from(left) else {
            break Decision::Leave;
        };
        let mut stderr = io::stderr().lock();
        write!(
            stderr,
            "\r\x1b[KKeep the change? k keep, r revert   [reverts in {}] ",
            minutes(left)
        )?;
        stderr.flush()?;
        drop(stderr);
        if !event::poll(Duration::from_millis(250))? {
            continue;
        }
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                break Decision::Leave;
            }
            KeyCode::Char('k' | 'K') => break Decision::Keep,
            KeyCode::Char('r' | 'R') => break Decision::Revert,
            _ => {}
        }
    };
    write!(io::stderr().lock(), "\r\n")?;
    Ok(decision)
}
