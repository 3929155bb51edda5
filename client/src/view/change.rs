//! Columns of changes.

use tod_proto::api::changes::{Change, ChangeState};

use super::units::span;
use super::{Cell, Column, Tone, View};

/// A mark for a state, so that colour is not needed.
pub fn glyph(state: ChangeState) -> char {
    match state {
        ChangeState::Preparing | ChangeState::Planned => '◌',
        ChangeState::Arming
        | ChangeState::Applying
        | ChangeState::Verifying
        | ChangeState::Confirming
        | ChangeState::Reverting => '◐',
        ChangeState::Pending => '▲',
        ChangeState::Confirmed => '✓',
        ChangeState::Reverted => '↩',
        ChangeState::Refused => '✗',
        ChangeState::Unknown => '?',
    }
}

/// What a state means.
pub fn tone(state: ChangeState) -> Tone {
    match state {
        ChangeState::Preparing | ChangeState::Planned => Tone::Dim,
        ChangeState::Arming
        | ChangeState::Applying
        | ChangeState::Verifying
        | ChangeState::Confirming
        | ChangeState::Reverting => Tone::Accent,
        ChangeState::Pending | ChangeState::Reverted => Tone::Warn,
        ChangeState::Confirmed => Tone::Good,
        ChangeState::Refused | ChangeState::Unknown => Tone::Bad,
    }
}

/// Mark and word: `▲ pending`.
pub fn state(state: ChangeState) -> Cell {
    let text = format!("{} {}", glyph(state), state.as_str());
    Cell::pair(text, state.as_str()).tone(tone(state))
}

impl View for Change {
    const KIND: &'static str = "Change";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("change", "CHANGE", |c, _| {
            Cell::text(format!("c-{}", c.number))
        }),
        Column::new("state", "STATE", |c, _| state(c.state)),
        Column::new("device", "DEVICE", |c, _| Cell::text(&c.device_name)),
        Column::right("lines", "LINES", |c, _| {
            Cell::text(c.diff.len().to_string())
        }),
        Column::right("left", "LEFT", |c, now| {
            let left = c.reverts_at.filter(|_| c.state == ChangeState::Pending);
            Cell::maybe(left, |at| {
                let left = at.duration_since(now).as_secs();
                let left = u64::try_from(left).unwrap_or_default();
                Cell::pair(span(left), left).tone(Tone::Warn)
            })
        }),
        Column::right("created", "AGE", |c, now| Cell::ago(c.created_at, now)),
        Column::new("actor", "BY", |c, _| Cell::text(&c.actor)),
        Column::new("reason", "REASON", |c, _| {
            Cell::maybe(c.reason.as_ref(), |reason| Cell::text(reason.raw()))
        }),
        Column::wide_right("window", "WINDOW", |c, _| {
            let window = u64::from(c.window_seconds);
            Cell::pair(span(window), window)
        }),
        Column::wide("id", "ID", |c, _| Cell::text(c.id.to_string())),
    ];

    fn name(&self) -> String {
        format!("c-{}", self.number)
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}
