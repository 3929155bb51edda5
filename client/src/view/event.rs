//! Columns of events.

use tod_proto::api::events::Event;

use super::units::{clock, rfc3339};
use super::{Cell, Column, Tone, View};

/// What an event means, by the state that it led to.
pub fn tone(event: &Event) -> Tone {
    match event.to.as_deref() {
        Some("online" | "confirmed") => Tone::Good,
        Some("degraded" | "pending" | "reverted") => Tone::Warn,
        Some("offline" | "unknown" | "refused") => Tone::Bad,
        _ => Tone::Plain,
    }
}

impl View for Event {
    const KIND: &'static str = "Event";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("time", "TIME", |e, _| {
            Cell::pair(clock(e.time), rfc3339(e.time)).tone(Tone::Dim)
        }),
        Column::new("type", "TYPE", |e, _| Cell::text(&e.kind)),
        Column::new("device", "DEVICE", |e, _| {
            Cell::maybe(e.device_name.as_ref(), Cell::text)
        }),
        Column::new("message", "MESSAGE", |e, _| {
            Cell::text(e.message.raw()).tone(tone(e))
        }),
        Column::new("actor", "BY", |e, _| {
            Cell::maybe(e.actor.as_ref(), Cell::text)
        }),
        Column::wide("from", "FROM", |e, _| {
            Cell::maybe(e.from.as_ref(), Cell::text)
        }),
        Column::wide("to", "TO", |e, _| Cell::maybe(e.to.as_ref(), Cell::text)),
        Column::wide_right("cursor", "CURSOR", |e, _| Cell::text(e.cursor.to_string())),
    ];

    fn name(&self) -> String {
        self.kind.clone()
    }

    fn id(&self) -> String {
        self.cursor.to_string()
    }
}
