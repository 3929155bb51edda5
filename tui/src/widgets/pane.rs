//! A framed part of the screen.

use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;
use ratatui::{Frame, widgets::Widget as _};

use crate::theme::Theme;

/// Draws a frame with a title at the left and a remark at the right; returns what is inside.
pub fn pane(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    remark: &str,
    focused: bool,
    theme: &Theme,
) -> Rect {
    let (set, style) = if focused {
        (border::THICK, theme.border_focus)
    } else {
        (border::PLAIN, theme.border)
    };
    let mut block = Block::bordered()
        .border_set(set)
        .border_style(style)
        .title(Line::from(Span::styled(format!(" {title} "), theme.title)));
    if !remark.is_empty() {
        let remark = Span::styled(format!(" {remark} "), theme.dim);
        block = block.title(Line::from(remark).right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, frame.buffer_mut());
    inner
}
