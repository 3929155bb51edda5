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

/// Cells of a column of keys.
const WIDTH: u16 = 58;

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
        let is_too_long = lines.len() + 2 > usize::from(area.height);
        let columns = if is_too_long && area.width >= 2 * WIDTH {
            2
        } else {
            1
        };
        let rows = lines.len().div_ceil(columns);
        self.lines = rows;
        let height = u16::try_from(rows + 2).unwrap_or(u16::MAX);
        let width = WIDTH * u16::try_from(columns).unwrap_or(1);
        let inner = dialog(frame, area, "Keys · esc closes", (width, height), theme);
        let visible = self.window.fit(rows, usize::from(inner.height));
        // The page has no cursor: moving scrolls.
        self.window.top = visible.start;
        for (column, x) in lines
            .chunks(rows)
            .zip((inner.x..).step_by(usize::from(WIDTH)))
        {
            let area = Rect::new(x, inner.y, inner.right().saturating_sub(x), inner.height);
            let shown = column.iter().take(visible.end).skip(visible.start);
            for ((keys, help), row) in shown.zip(area.rows()) {
                let line = if keys.is_empty() {
                    Line::from(Span::styled(format!(" {help}"), theme.title))
                } else {
                    Line::from(vec![
                        Span::styled(format!("   {}", padded(keys, 18)), theme.key),
                        Span::styled(*help, theme.fg),
                    ])
                };
                line.render(row, frame.buffer_mut());
            }
        }
    }
}
