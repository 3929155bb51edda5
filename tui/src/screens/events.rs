//! What happened, live.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tod_proto::api::events::Event as FleetEvent;

use crate::action::Action;
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::screen::{Ask, Hint, Screen};
use crate::text::{cell, padded};
use crate::theme::Theme;
use crate::units;
use crate::widgets::window::Window;

/// What happened, the newest first.
#[derive(Debug, Default)]
pub struct EventsScreen {
    window: Window,
}

/// The style of an event's text: by the state that it leads to.
pub(crate) fn style_of(event: &FleetEvent, theme: &Theme) -> Style {
    match event.to.as_deref() {
        Some("online" | "confirmed") => theme.ok,
        Some("degraded" | "pending" | "reverted") => theme.warn,
        Some("offline" | "unknown") => theme.crit,
        _ => theme.fg,
    }
}

impl Screen for EventsScreen {
    fn on(&mut self, action: &Action, fleet: &Fleet) -> Vec<Ask> {
        if self.window.on(action, fleet.events.len()) {
            return Vec::new();
        }
        let at_cursor = fleet.events.iter().rev().nth(self.window.cursor);
        match action {
            Action::Open => at_cursor
                .and_then(|event| event.device)
                .map(Ask::Device)
                .into_iter()
                .collect(),
            Action::Refresh => vec![Ask::Effect(Effect::Refresh)],
            _ => Vec::new(),
        }
    }

    fn view(&mut self, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
        if fleet.events.is_empty() {
            Line::styled("  nothing has happened yet", theme.dim).render(area, frame.buffer_mut());
            return;
        }
        let visible = self
            .window
            .fit(fleet.events.len(), usize::from(area.height));
        let (first, count) = (visible.start, visible.len());
        let rows = fleet.events.iter().rev().skip(first).take(count);
        for ((line, event), y) in rows.enumerate().zip(area.y..area.bottom()) {
            let row = Rect::new(area.x, y, area.width, 1);
            let at_cursor = first + line == self.window.cursor;
            if at_cursor {
                frame.buffer_mut().set_style(row, theme.selection);
            }
            let room = usize::from(area.width).saturating_sub(52);
            Line::from(vec![
                Span::raw(if at_cursor { " ▸ " } else { "   " }),
                Span::styled(format!("{}  ", units::clock(event.time)), theme.faint),
                Span::styled(padded(&event.kind, 18), theme.dim),
                Span::styled(
                    padded(event.device_name.as_deref().unwrap_or("-"), 20),
                    theme.fg,
                ),
                Span::styled(cell(event.message.raw(), room), style_of(event, theme)),
            ])
            .render(row, frame.buffer_mut());
        }
    }

    fn hints(&self) -> &'static [Hint] {
        &[
            ("j/k", "move"),
            ("enter", "device"),
            ("g", "go"),
            ("esc", "back"),
            ("?", "help"),
        ]
    }

    fn summary(&self, fleet: &Fleet) -> String {
        format!("{} events, the newest first", fleet.events.len())
    }
}
