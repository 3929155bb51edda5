//! Changes of configurations, and how long the pending ones still have.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tod_proto::api::changes::{Change, ChangeState};

use crate::action::Action;
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::screen::{Ask, Hint, Screen};
use crate::text::{cell, padded, right};
use crate::theme::Theme;
use crate::units;
use crate::widgets::window::Window;

/// Changes, the newest first.
#[derive(Debug, Default)]
pub struct ChangesScreen {
    window: Window,
}

fn style_of(state: ChangeState, theme: &Theme) -> ratatui::style::Style {
    match state {
        ChangeState::Confirmed | ChangeState::Planned => theme.ok,
        ChangeState::Reverted | ChangeState::Refused => theme.warn,
        ChangeState::Unknown => theme.crit,
        _ => theme.accent,
    }
}

fn what(change: &Change, fleet: &Fleet) -> String {
    match (change.state, change.reverts_at, &change.reason) {
        (ChangeState::Pending, Some(at), _) => {
            let left = at.as_second().saturating_sub(fleet.now.as_second()).max(0);
            format!("reverts in {}:{:02} unless confirmed", left / 60, left % 60)
        }
        (_, _, Some(reason)) => reason.raw().to_owned(),
        _ => change
            .diff
            .first()
            .map(|line| format!("{} {} {}", line.sign, line.menu, line.text.raw()))
            .unwrap_or_default(),
    }
}

impl Screen for ChangesScreen {
    fn on(&mut self, action: &Action, fleet: &Fleet) -> Vec<Ask> {
        if self.window.on(action, fleet.changes.len()) {
            return Vec::new();
        }
        match action {
            Action::Open => fleet
                .changes
                .get(self.window.cursor)
                .map(|change| Ask::Device(change.device))
                .into_iter()
                .collect(),
            Action::Refresh => vec![Ask::Effect(Effect::LoadChanges)],
            _ => Vec::new(),
        }
    }

    fn view(&mut self, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
        if fleet.changes.is_empty() {
            let text = "  no change yet: todctl config apply DEVICE -f change.rsc";
            Line::styled(text, theme.dim).render(area, frame.buffer_mut());
            return;
        }
        let visible = self
            .window
            .fit(fleet.changes.len(), usize::from(area.height));
        let first = visible.start;
        let rows = fleet.changes.get(visible).unwrap_or_default();
        for ((line, change), y) in rows.iter().enumerate().zip(area.y..area.bottom()) {
            let row = Rect::new(area.x, y, area.width, 1);
            let at_cursor = first + line == self.window.cursor;
            if at_cursor {
                frame.buffer_mut().set_style(row, theme.selection);
            }
            let room = usize::from(area.width).saturating_sub(62);
            Line::from(vec![
                Span::raw(if at_cursor { " ▸ " } else { "   " }),
                Span::styled(padded(&format!("c-{}", change.number), 8), theme.title),
                Span::styled(
                    padded(change.state.as_str(), 12),
                    style_of(change.state, theme),
                ),
                Span::styled(padded(&change.device_name, 20), theme.fg),
                Span::styled(
                    format!("{} ", right(&units::ago(change.created_at, fleet.now), 5)),
                    theme.dim,
                ),
                Span::styled(padded(&change.actor, 12), theme.dim),
                Span::styled(cell(&what(change, fleet), room), theme.fg),
            ])
            .render(row, frame.buffer_mut());
        }
    }

    fn hints(&self) -> &'static [Hint] {
        &[
            ("j/k", "move"),
            ("enter", "device"),
            ("r", "refresh"),
            ("esc", "back"),
            ("?", "help"),
        ]
    }

    fn summary(&self, fleet: &Fleet) -> String {
        let open = fleet.changes.iter().filter(|c| !c.state.is_final()).count();
        format!("{} changes · {open} open", fleet.changes.len())
    }
}
