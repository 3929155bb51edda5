//! The command line: the words of `todctl`.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget as _};

use super::After;
use crate::action::{Action, ScreenId};
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::screen::Ask;
use crate::theme::Theme;
use crate::widgets::input::Input;

/// A command line.
#[derive(Debug, Default)]
pub struct CommandLine {
    input: Input,
    error: Option<String>,
}

/// What a command line means.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Ask for this.
    Ask(Ask),
    /// Show the devices that a selector picks.
    Filter(String),
    /// Change the theme.
    Theme(String),
    /// It makes no sense; why, and what would.
    Error(String),
}

/// Reads a command line.
pub fn read(text: &str, fleet: &Fleet) -> Meaning {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["q" | "quit" | "exit"] => Meaning::Ask(Ask::Effect(Effect::Quit)),
        ["overview" | "dash"] => Meaning::Ask(Ask::Go(ScreenId::Overview)),
        ["events"] => Meaning::Ask(Ask::Go(ScreenId::Events)),
        ["changes"] | ["config", "pending" | "history"] => Meaning::Ask(Ask::Go(ScreenId::Changes)),
        ["refresh"] => Meaning::Ask(Ask::Effect(Effect::Refresh)),
        ["theme", name] => Meaning::Theme((*name).to_owned()),
        ["device" | "devices", "list", selector @ ..] | ["devices", selector @ ..] => {
            Meaning::Filter(selector.join(" "))
        }
        ["device", "show", name] | ["device", name] => fleet
            .devices()
            .iter()
            .find(|device| device.name == *name)
            .map_or_else(
                || {
                    Meaning::Error(format!(
                        "no device named `{name}`: try `device list {name}*`"
                    ))
                },
                |device| Meaning::Ask(Ask::Device(device.id)),
            ),
        [] => Meaning::Ask(Ask::Say(String::new())),
        [first, ..] => Meaning::Error(format!(
            "`{first}` is not a command here: device list|show, events, config pending, theme, quit"
        )),
    }
}

impl CommandLine {
    pub(super) fn on(&mut self, action: &Action, fleet: &Fleet) -> After {
        match action {
            Action::Back => After::Leave(Vec::new()),
            Action::Open => match read(self.input.text(), fleet) {
                Meaning::Ask(ask) => After::Leave(vec![ask]),
                Meaning::Filter(selector) => After::Leave(vec![Ask::Filter(selector)]),
                Meaning::Theme(name) => After::Leave(vec![Ask::Theme(name)]),
                Meaning::Error(error) => {
                    self.error = Some(error);
                    After::Stay(Vec::new())
                }
            },
            other => {
                if self.input.on(other) {
                    self.error = None;
                }
                After::Stay(Vec::new())
            }
        }
    }

    pub(super) fn view(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let rows = Rect::new(area.x, area.bottom().saturating_sub(2), area.width, 2);
        Clear.render(rows, frame.buffer_mut());
        frame.buffer_mut().set_style(rows, theme.bg);
        let help = self.error.as_deref().map_or_else(
            || {
                Line::styled(
                    " the words of todctl: device list status=offline",
                    theme.faint,
                )
            },
            |error| Line::styled(format!(" {}", crate::text::cell(error, 200)), theme.crit),
        );
        help.render(Rect { height: 1, ..rows }, frame.buffer_mut());
        let mut input = Line::from(Span::styled(" : ", theme.key));
        input.extend(
            self.input
                .line(usize::from(area.width).saturating_sub(4), true, theme),
        );
        let last = Rect {
            y: rows.bottom().saturating_sub(1),
            height: 1,
            ..rows
        };
        input.render(last, frame.buffer_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_todctl_work_here() {
        let fleet = Fleet::default();

        assert_eq!(
            read("device list status=offline site=a", &fleet),
            Meaning::Filter("status=offline site=a".to_owned())
        );
        assert_eq!(
            read("events", &fleet),
            Meaning::Ask(Ask::Go(ScreenId::Events))
        );
        assert!(matches!(
            read("device show nobody", &fleet),
            Meaning::Error(_)
        ));
        assert!(matches!(read("make coffee", &fleet), Meaning::Error(_)));
    }
}
