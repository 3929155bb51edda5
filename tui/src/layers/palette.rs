//! Find anything by a few of its letters.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tod_proto::id::DeviceId;

use super::{After, dialog};
use crate::action::{Action, ScreenId};
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::screen::Ask;
use crate::text::{cell, padded};
use crate::theme::Theme;
use crate::widgets::input::Input;
use crate::widgets::window::Window;

/// The most results.
const MOST: usize = 50;

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Screen(ScreenId),
    Device(DeviceId),
    Act(&'static str, Action),
}

/// The palette.
#[derive(Debug, Default)]
pub struct Palette {
    input: Input,
    window: Window,
    items: Vec<Item>,
    made_from: Option<(String, u64)>,
}

impl Palette {
    pub(super) fn on(&mut self, action: &Action, fleet: &Fleet) -> After {
        match action {
            Action::Back => return After::Leave(Vec::new()),
            Action::Open => {
                self.find(fleet);
                return After::Leave(self.chosen());
            }
            Action::Up | Action::Down => {
                self.window.on(action, self.items.len());
            }
            other => {
                if self.input.on(other) {
                    self.window = Window::default();
                }
            }
        }
        After::Stay(Vec::new())
    }

    fn chosen(&self) -> Vec<Ask> {
        match self.items.get(self.window.cursor) {
            None => Vec::new(),
            Some(Item::Screen(screen)) => vec![Ask::Go(*screen)],
            Some(Item::Device(device)) => vec![Ask::Device(*device)],
            Some(Item::Act(_, Action::Quit)) => vec![Ask::Effect(Effect::Quit)],
            Some(Item::Act(_, Action::Refresh)) => vec![Ask::Effect(Effect::Refresh)],
            Some(Item::Act(_, _)) => vec![Ask::Effect(Effect::Redraw)],
        }
    }

    /// Ranks what there is against what was typed. `@` asks for devices, `>` for actions only.
    fn find(&mut self, fleet: &Fleet) {
        let key = (self.input.text().to_owned(), fleet.revision);
        if self.made_from.as_ref() == Some(&key) {
            return;
        }
        self.made_from = Some(key);
        let (kind, wanted) = match self.input.text().chars().next() {
            Some(c @ ('@' | '>')) => (Some(c), self.input.text().get(1..).unwrap_or_default()),
            _ => (None, self.input.text()),
        };
        let pattern = Pattern::parse(wanted.trim(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut ranked: Vec<(u32, Item)> = Vec::new();
        let mut offer = |name: &str, item: Item| {
            if let Some(score) = pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher) {
                let exact = u32::from(name.eq_ignore_ascii_case(wanted.trim())) * 10_000;
                ranked.push((score + exact, item));
            }
        };
        if kind.is_none() {
            for screen in ScreenId::TOP {
                offer(screen.title(), Item::Screen(screen));
            }
        }
        if kind != Some('@') {
            offer(
                "Refresh from the server",
                Item::Act("Refresh from the server", Action::Refresh),
            );
            offer(
                "Redraw the screen",
                Item::Act("Redraw the screen", Action::Redraw),
            );
            offer("Quit", Item::Act("Quit", Action::Quit));
        }
        if kind != Some('>') {
            for device in fleet.devices() {
                offer(&device.name, Item::Device(device.id));
            }
        }
        // A stable sort keeps screens before devices where the score is equal.
        ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.items = ranked
            .into_iter()
            .take(MOST)
            .map(|(_, item)| item)
            .collect();
    }

    pub(super) fn view(&mut self, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
        self.find(fleet);
        let inner = dialog(frame, area, "Palette", (72, 18), theme);
        if inner.height < 2 {
            return;
        }
        let width = usize::from(inner.width).saturating_sub(4);
        let mut input = Line::from(Span::styled(" › ", theme.key));
        input.extend(self.input.line(width, true, theme));
        input.render(Rect { height: 1, ..inner }, frame.buffer_mut());
        let list = Rect {
            y: inner.y + 1,
            height: inner.height - 2,
            ..inner
        };
        let visible = self.window.fit(self.items.len(), usize::from(list.height));
        let first = visible.start;
        for (line, item) in self
            .items
            .get(visible)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let y = list.y + u16::try_from(line).unwrap_or(u16::MAX);
            let row = Rect::new(list.x, y, list.width, 1);
            if first + line == self.window.cursor {
                frame.buffer_mut().set_style(row, theme.selection);
            }
            item_line(item, fleet, theme).render(row, frame.buffer_mut());
        }
        let twin = self
            .items
            .get(self.window.cursor)
            .map(|item| twin(item, fleet));
        let y = inner.bottom().saturating_sub(1);
        Line::styled(
            format!(" {}", cell(&twin.unwrap_or_default(), width)),
            theme.faint,
        )
        .render(Rect::new(inner.x, y, inner.width, 1), frame.buffer_mut());
    }
}

fn item_line(item: &Item, fleet: &Fleet, theme: &Theme) -> Line<'static> {
    match item {
        Item::Screen(screen) => Line::from(vec![
            Span::styled("   screen  ", theme.dim),
            Span::styled(screen.title(), theme.fg),
        ]),
        Item::Act(name, _) => Line::from(vec![
            Span::styled("   action  ", theme.dim),
            Span::styled(*name, theme.fg),
        ]),
        Item::Device(id) => match fleet.device(*id) {
            None => Line::default(),
            Some(device) => Line::from(vec![
                Span::styled("   device  ", theme.dim),
                Span::styled(padded(&device.name, 24), theme.fg),
                Span::styled(
                    padded(crate::units::status(device.status), 8),
                    theme.status(device.status),
                ),
                Span::styled(cell(&device.address, 20), theme.dim),
            ]),
        },
    }
}

/// The same on the command line.
fn twin(item: &Item, fleet: &Fleet) -> String {
    match item {
        Item::Screen(ScreenId::Devices) => "todctl device list".to_owned(),
        Item::Screen(ScreenId::Events) => "todctl events --follow".to_owned(),
        Item::Screen(ScreenId::Changes) => "todctl config pending".to_owned(),
        Item::Screen(_) => "todctl tui".to_owned(),
        Item::Device(id) => fleet
            .device(*id)
            .map(|device| format!("todctl device show {}", device.name))
            .unwrap_or_default(),
        Item::Act(..) => String::new(),
    }
}
