//! The keys, from the table that is in force.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use super::{After, dialog};
use crate::action::Action;
use crate::keymap::{Keymap, Mode};
use crate::text::padded;
use crate::theme::Theme;
use crate::widgets::window::Window;

/// The help page.
#[derive(Debug, Default)]
pub struct Help {
    window: Window,
    lines: usize,
}

impl Help {
    pub(super) fn on(&mut self, action: &Action) -> After {
        match action {
            Action::Back | Action::Close | Action::Help | Action::Open => After::Leave(Vec::new()),
            other => {
                self.window.on(other, self.lines);
                After::Stay(Vec::new())
            }
        }
    }

    pub(super) fn view(
        &mut self,
        frame: &mut Frame<'_>,
        area: Rect,
        keymap: &Keymap,
        theme: &Theme,
    ) {
        let mut lines: Vec<(String, &str)> = Vec::new();
        for (mode, title) in [
            (Mode::Normal, "everywhere"),
            (Mode::Go, "after g"),
            (Mode::Text, "in a field"),
        ] {
            lines.push((String::new(), title));
            lines.extend(keymap.help(mode));
        }
        self.lines = lines.len();
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let inner = dialog(frame, area, "Keys · esc closes", (58, height), theme);
        let visible = self.window.fit(lines.len(), usize::from(inner.height));
        // The page has no cursor: moving scrolls.
        self.window.top = visible.start;
        for ((keys, help), y) in lines
            .get(visible)
            .unwrap_or_default()
            .iter()
            .zip(inner.y..inner.bottom())
        {
            let line = if keys.is_empty() {
                Line::from(Span::styled(format!(" {help}"), theme.title))
            } else {
                Line::from(vec![
                    Span::styled(format!("   {}", padded(keys, 18)), theme.key),
                    Span::styled(*help, theme.fg),
                ])
            };
            line.render(Rect::new(inner.x, y, inner.width, 1), frame.buffer_mut());
        }
    }
}
