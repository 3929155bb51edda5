//! What lies above a screen. The top layer gets the person's actions first.

pub mod command;
pub mod help;
pub mod palette;
pub mod unlock;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use crate::action::Action;
use crate::fleet::Fleet;
use crate::keymap::{Keymap, Mode};
use crate::screen::Ask;
use crate::theme::Theme;

/// A layer above the screen.
#[derive(Debug)]
pub enum Layer {
    /// The keys.
    Help(help::Help),
    /// Find a screen, a device or an action.
    Palette(palette::Palette),
    /// A command line.
    Command(command::CommandLine),
    /// Really quit?
    Quit,
    /// Sign in again.
    Unlock(unlock::Unlock),
}

/// What becomes of a layer after an action.
#[derive(Debug)]
pub enum After {
    /// It stays.
    Stay(Vec<Ask>),
    /// It goes, and asks for something.
    Leave(Vec<Ask>),
}

impl Layer {
    /// What the keyboard is for while this layer is on top.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Help(_) => Mode::Normal,
            Self::Quit => Mode::Question,
            Self::Palette(_) | Self::Command(_) | Self::Unlock(_) => Mode::Text,
        }
    }

    /// Reacts to the person.
    pub fn on(&mut self, action: &Action, fleet: &Fleet) -> After {
        match self {
            Self::Help(help) => help.on(action),
            Self::Palette(palette) => palette.on(action, fleet),
            Self::Command(command) => command.on(action, fleet),
            Self::Unlock(unlock) => unlock.on(action),
            Self::Quit => match action {
                Action::Yes => After::Leave(vec![Ask::Effect(crate::event::Effect::Quit)]),
                Action::No => After::Leave(Vec::new()),
                _ => After::Stay(Vec::new()),
            },
        }
    }

    /// Draws.
    pub fn view(
        &mut self,
        frame: &mut Frame<'_>,
        area: Rect,
        fleet: &Fleet,
        keymap: &Keymap,
        theme: &Theme,
    ) {
        match self {
            Self::Help(help) => help.view(frame, area, keymap, theme),
            Self::Palette(palette) => palette.view(frame, area, fleet, theme),
            Self::Command(command) => command.view(frame, area, theme),
            Self::Unlock(unlock) => unlock.view(frame, area, theme),
            Self::Quit => {
                let inner = dialog(frame, area, "Quit?", (36, 3), theme);
                ratatui::text::Line::styled(" y or q quits, n stays", theme.fg)
                    .render(inner, frame.buffer_mut());
            }
        }
    }
}

/// Draws an empty box in the middle of an area; returns what is inside.
pub(crate) fn dialog(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    (width, height): (u16, u16),
    theme: &Theme,
) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    let place = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 3,
        width,
        height,
    );
    Clear.render(place, frame.buffer_mut());
    frame.buffer_mut().set_style(place, theme.bg);
    crate::widgets::pane::pane(frame, place, title, "", true, theme)
}
