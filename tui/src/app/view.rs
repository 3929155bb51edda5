//! How the dashboard looks around its screens.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use unicode_width::UnicodeWidthStr as _;

use super::App;
use crate::action::ScreenId;
use crate::event::Link;
use crate::screen::Hint;
use crate::text::cell;
use crate::units;

/// Below this size only a card is drawn.
const LEAST: (u16, u16) = (40, 10);

/// Below this width the sidebar folds.
const SIDEBAR_FROM: u16 = 100;

impl App {
    /// Draws a frame.
    pub fn view(&mut self, frame: &mut Frame<'_>) {
        self.dirty = false;
        let area = frame.area();
        frame.buffer_mut().set_style(area, self.theme.bg);
        if area.width < LEAST.0 || area.height < LEAST.1 {
            self.draw_card(frame, area);
            return;
        }
        let [head, rule, middle, message, hints] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.draw_header(frame, head);
        let style = if self.context.protected {
            self.theme.crit
        } else {
            self.theme.faint
        };
        Line::styled("─".repeat(usize::from(rule.width)), style).render(rule, frame.buffer_mut());
        let content = self.draw_sidebar(frame, middle);
        self.screens
            .get(self.screen)
            .view(frame, content, &self.fleet, &self.theme);
        self.draw_message(frame, message);
        self.draw_hints(frame, hints);
        for layer in &mut self.layers {
            layer.view(frame, area, &self.fleet, &self.keymap, &self.theme);
        }
    }

    fn draw_header(&self, frame: &mut Frame<'_>, area: Rect) {
        let theme = &self.theme;
        let mut crumbs = format!("{} › {}", self.context.tenant, self.screen.title());
        if self.screen == ScreenId::Device
            && let Some(device) = self.screens.device.as_ref()
            && let Some(device) = self.fleet.device(device.device())
        {
            crumbs = format!("{} › Devices › {}", self.context.tenant, device.name);
        }
        let counts = self.fleet.counts();
        let now = self.fleet.now;
        let (link, link_style) = match &self.fleet.link {
            Link::Connecting => ("~ connecting".to_owned(), theme.dim),
            Link::Live(0) => ("● live".to_owned(), theme.ok),
            Link::Live(ms) => (format!("● live {ms}ms"), theme.ok),
            Link::Lost { since, .. } => (
                format!("✗ no server {}", units::ago(*since, now)),
                theme.crit,
            ),
            Link::Locked { .. } => ("○ signed out".to_owned(), theme.warn),
        };
        let right = Line::from(vec![
            Span::styled(
                self.context.label.clone(),
                if self.context.protected {
                    theme.crit
                } else {
                    theme.accent
                },
            ),
            Span::raw("  "),
            Span::styled(link, link_style),
            Span::raw("  "),
            Span::styled(format!("✗{}", counts.offline), theme.crit),
            Span::styled(format!(" ▲{}", counts.degraded), theme.warn),
            Span::styled(format!("  {} ", units::clock(now)), theme.dim),
        ]);
        let room = usize::from(area.width).saturating_sub(right.width() + 6);
        let left = Line::from(vec![
            Span::styled("▌TOD  ", theme.accent),
            Span::styled(cell(&crumbs, room), theme.title),
        ]);
        left.render(area, frame.buffer_mut());
        right.right_aligned().render(area, frame.buffer_mut());
    }

    fn draw_sidebar(&self, frame: &mut Frame<'_>, area: Rect) -> Rect {
        if !self.sidebar || area.width < SIDEBAR_FROM {
            return area;
        }
        let [side, line, content] = Layout::horizontal([
            Constraint::Length(16),
            Constraint::Length(1),
            Constraint::Min(0),
        ])
        .areas(area);
        for y in line.y..line.bottom() {
            frame
                .buffer_mut()
                .set_string(line.x, y, "│", self.theme.faint);
        }
        for (screen, y) in ScreenId::TOP.into_iter().zip(side.y..side.bottom()) {
            let here = screen == self.screen
                || (screen == ScreenId::Devices && self.screen == ScreenId::Device);
            let style = if here {
                self.theme.selection
            } else {
                self.theme.fg
            };
            let text = format!(
                "{}{:<10}g {} ",
                if here { " ▸" } else { "  " },
                screen.title(),
                screen.letter()
            );
            Line::styled(text, style)
                .render(Rect::new(side.x, y, side.width, 1), frame.buffer_mut());
        }
        content
    }

    fn draw_message(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let (text, style) = match (&self.fleet.link, &self.message) {
            (_, Some((message, _))) => (message.clone(), self.theme.accent),
            (Link::Lost { reason, .. }, None) => {
                let text = format!("what is shown is old: {reason}; trying again");
                (text, self.theme.warn)
            }
            _ => (
                self.screens.get(self.screen).summary(&self.fleet),
                self.theme.dim,
            ),
        };
        let text = cell(&text, usize::from(area.width).saturating_sub(2));
        Line::styled(format!(" {text}"), style).render(area, frame.buffer_mut());
    }

    fn draw_hints(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let hints: &[Hint] = if self.awaited == super::Awaited::Screen {
            &[
                ("g", "first row"),
                ("d", "overview"),
                ("v", "devices"),
                ("c", "changes"),
                ("l", "event log"),
            ]
        } else {
            self.screens.get(self.screen).hints()
        };
        let mut line = Line::from(" ");
        for (key, what) in hints {
            let next = [
                Span::styled(*key, self.theme.key),
                Span::styled(format!(" {what}  "), self.theme.dim),
            ];
            if line.width() + key.width() + what.width() + 3 > usize::from(area.width) {
                break;
            }
            line.extend(next);
        }
        line.render(area, frame.buffer_mut());
    }

    /// What remains of the dashboard in a very small terminal.
    fn draw_card(&self, frame: &mut Frame<'_>, area: Rect) {
        let counts = self.fleet.counts();
        let lines = [
            format!("TOD {}", self.context.tenant),
            format!("● {} ▲ {}", counts.online, counts.degraded),
            format!("✗ {} ◌ {}", counts.offline, counts.unknown),
            "enlarge me".to_owned(),
        ];
        for (text, y) in lines.into_iter().zip(area.y..area.bottom()) {
            Line::styled(cell(&text, usize::from(area.width)), self.theme.fg)
                .render(Rect::new(area.x, y, area.width, 1), frame.buffer_mut());
        }
    }
}
