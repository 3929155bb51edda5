//! What a screen is.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::action::{Action, ScreenId};
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::theme::Theme;
use tod_proto::id::DeviceId;

/// What a screen asks of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Go to a screen.
    Go(ScreenId),
    /// Open a device.
    Device(DeviceId),
    /// Do something outside the loop.
    Effect(Effect),
    /// Say something on the message line.
    Say(String),
    /// Show the devices that a selector picks.
    Filter(String),
    /// Change the theme.
    Theme(String),
}

/// A key and what it does here, for the last line.
pub type Hint = (&'static str, &'static str);

/// A page of the dashboard.
///
/// A screen owns where the person is (cursor, scroll, filter, sort) and nothing else; the data is
/// in [`Fleet`]. Neither function ever waits.
pub trait Screen {
    /// Reacts to the person. What it does not know it leaves alone.
    fn on(&mut self, action: &Action, fleet: &Fleet) -> Vec<Ask>;

    /// Draws. `self` is mutable only for scroll offsets and what is cached for drawing.
    fn view(&mut self, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme);

    /// The keys for the last line, the most useful first.
    fn hints(&self) -> &'static [Hint];

    /// One line about what is shown, for the message line.
    fn summary(&self, fleet: &Fleet) -> String;
}
