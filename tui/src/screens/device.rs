//! One device: its state, and its interfaces with live rates.

mod view;

use tod_proto::id::DeviceId;

use crate::action::Action;
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::screen::{Ask, Hint, Screen};
use crate::theme::Theme;
use crate::widgets::window::Window;

/// The tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// State, curves and the busiest interfaces.
    #[default]
    Overview,
    /// All interfaces.
    Interfaces,
}

/// One device.
#[derive(Debug)]
pub struct DeviceScreen {
    device: DeviceId,
    tab: Tab,
    window: Window,
    /// When the device had been seen at the last time we asked for its interfaces.
    asked_at: Option<jiff::Timestamp>,
}

impl DeviceScreen {
    /// Looks at a device.
    pub fn new(device: DeviceId) -> Self {
        Self {
            device,
            tab: Tab::default(),
            window: Window::default(),
            asked_at: None,
        }
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// What must be asked for because the device was polled since we last asked.
    pub fn refresh(&mut self, fleet: &Fleet) -> Option<Effect> {
        let seen = fleet.device(self.device)?.seen_at;
        if self.asked_at.is_some() && self.asked_at == seen {
            return None;
        }
        self.asked_at = seen;
        Some(Effect::LoadInterfaces(self.device))
    }

    fn interfaces<'a>(&self, fleet: &'a Fleet) -> &'a [tod_proto::api::devices::Interface] {
        match &fleet.interfaces {
            Some((device, interfaces)) if *device == self.device => interfaces,
            _ => &[],
        }
    }
}

impl Screen for DeviceScreen {
    fn on(&mut self, action: &Action, fleet: &Fleet) -> Vec<Ask> {
        let count = self.interfaces(fleet).len();
        if self.window.on(action, count) {
            return Vec::new();
        }
        match action {
            Action::Tab(1) => self.tab = Tab::Overview,
            Action::Tab(2) => self.tab = Tab::Interfaces,
            Action::NextTab | Action::PreviousTab | Action::Left | Action::Right => {
                self.tab = match self.tab {
                    Tab::Overview => Tab::Interfaces,
                    Tab::Interfaces => Tab::Overview,
                }
            }
            Action::Refresh => {
                return vec![
                    Ask::Effect(Effect::LoadInterfaces(self.device)),
                    Ask::Effect(Effect::LoadSeries(self.device)),
                ];
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(
        &mut self,
        frame: &mut ratatui::Frame<'_>,
        area: ratatui::layout::Rect,
        fleet: &Fleet,
        theme: &Theme,
    ) {
        view::draw(self, frame, area, fleet, theme);
    }

    fn hints(&self) -> &'static [Hint] {
        &[
            ("1", "overview"),
            ("2", "interfaces"),
            ("j/k", "move"),
            ("r", "refresh"),
            ("esc", "back"),
            (":", "command"),
            ("?", "help"),
        ]
    }

    fn summary(&self, fleet: &Fleet) -> String {
        let Some(device) = fleet.device(self.device) else {
            return "this device is gone; esc goes back".to_owned();
        };
        let polled = device.poll_ms.map_or_else(
            || "not polled yet".to_owned(),
            |ms| format!("last poll took {ms} ms"),
        );
        format!(
            "{polled} · every {} s · signed in {}× in 24 h",
            device.poll_seconds, device.logins_today
        )
    }
}
