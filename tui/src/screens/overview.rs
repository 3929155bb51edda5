//! The fleet at a glance.

mod view;

use tod_proto::api::devices::{Device, Status};
use tod_proto::id::DeviceId;

use crate::action::{Action, ScreenId};
use crate::event::Effect;
use crate::fleet::{Counts, Fleet};
use crate::screen::{Ask, Hint, Screen};
use crate::theme::Theme;
use crate::widgets::window::Window;

/// How much a device is out of order: the list is sorted by it.
fn urgency(device: &Device) -> u8 {
    match device.status {
        Status::Offline => 3,
        Status::Degraded => 2,
        Status::Unknown => 1,
        Status::Online => 0,
    }
}

/// The health of a fleet, from 0 to 100, with the terms that make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// The share of devices that answer, 0 to 1.
    pub online: f64,
    /// The share of those that say how busy they are and are below 90 %.
    pub cpu: f64,
    /// The share of those that say how full their memory is and are below 90 %.
    pub mem: f64,
}

impl Health {
    /// The weights of the three terms.
    pub const WEIGHTS: [f64; 3] = [50.0, 25.0, 25.0];

    /// Looks at a fleet. An empty one has none.
    pub fn of(devices: &[Device]) -> Option<Self> {
        if devices.is_empty() {
            return None;
        }
        let answering = |d: &&Device| matches!(d.status, Status::Online | Status::Degraded);
        Some(Self {
            online: share(devices.iter().filter(answering).count(), devices.len()),
            cpu: below(devices.iter().filter_map(|d| d.cpu_percent), 90.0),
            mem: below(devices.iter().filter_map(|d| d.mem_percent), 90.0),
        })
    }

    /// The sum of the terms.
    pub fn score(self) -> f64 {
        let [online, cpu, mem] = Self::WEIGHTS;
        self.online * online + self.cpu * cpu + self.mem * mem
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of devices")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 {
        1.0
    } else {
        part as f64 / of as f64
    }
}

fn below(values: impl Iterator<Item = f64>, limit: f64) -> f64 {
    let (mut good, mut all) = (0, 0);
    for value in values {
        all += 1;
        good += usize::from(value < limit);
    }
    share(good, all)
}

/// The fleet at a glance.
#[derive(Debug, Default)]
pub struct OverviewScreen {
    window: Window,
    /// The devices that need attention, the worst first.
    attention: Vec<DeviceId>,
    counts: Counts,
    health: Option<Health>,
    made_from: Option<u64>,
}

impl OverviewScreen {
    fn arrange(&mut self, fleet: &Fleet) {
        if self.made_from == Some(fleet.revision) {
            return;
        }
        self.made_from = Some(fleet.revision);
        self.counts = fleet.counts();
        self.health = Health::of(fleet.devices());
        let mut worst: Vec<&Device> = fleet
            .devices()
            .iter()
            .filter(|device| device.status != Status::Online || device.pending_change.is_some())
            .collect();
        worst.sort_by_key(|device| (std::cmp::Reverse(urgency(device)), device.status_since));
        self.attention = worst.iter().map(|device| device.id).collect();
    }
}

impl Screen for OverviewScreen {
    fn on(&mut self, action: &Action, fleet: &Fleet) -> Vec<Ask> {
        self.arrange(fleet);
        if self.window.on(action, self.attention.len()) {
            return Vec::new();
        }
        match action {
            Action::Open => self
                .attention
                .get(self.window.cursor)
                .map(|id| Ask::Device(*id))
                .into_iter()
                .collect(),
            Action::Refresh => vec![Ask::Effect(Effect::Refresh)],
            Action::Filter => vec![Ask::Go(ScreenId::Devices)],
            _ => Vec::new(),
        }
    }

    fn view(
        &mut self,
        frame: &mut ratatui::Frame<'_>,
        area: ratatui::layout::Rect,
        fleet: &Fleet,
        theme: &Theme,
    ) {
        self.arrange(fleet);
        view::draw(self, frame, area, fleet, theme);
    }

    fn hints(&self) -> &'static [Hint] {
        &[
            ("j/k", "move"),
            ("enter", "open"),
            ("g", "go"),
            ("/", "devices"),
            ("ctrl-k", "palette"),
            ("[", "sidebar"),
            ("?", "help"),
        ]
    }

    fn summary(&self, fleet: &Fleet) -> String {
        if !fleet.loaded {
            return "asking the server …".to_owned();
        }
        let counts = self.counts;
        format!(
            "{} devices · {} up · {} degraded · {} down",
            counts.total(),
            counts.online,
            counts.degraded,
            counts.offline
        )
    }
}
