//! The list of devices: only the visible rows are ever formatted.

mod view;

use std::collections::HashSet;

use jiff::Timestamp;
use tod_proto::api::devices::Device;
use tod_proto::id::DeviceId;
use tod_proto::selector::{Selector, version_key};

use crate::action::Action;
use crate::event::Effect;
use crate::fleet::Fleet;
use crate::screen::{Ask, Hint, Screen};
use crate::theme::Theme;
use crate::widgets::input::Input;
use crate::widgets::window::Window;

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The name.
    #[default]
    Name,
    /// The worst first.
    Status,
    /// Load, the highest first.
    Cpu,
    /// Memory, the fullest first.
    Mem,
    /// The version, the oldest first.
    Version,
    /// Traffic received, the most first.
    Rx,
}

impl SortBy {
    const ALL: [Self; 6] = [
        Self::Name,
        Self::Status,
        Self::Cpu,
        Self::Mem,
        Self::Version,
        Self::Rx,
    ];

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|by| *by == self).unwrap_or(0);
        Self::ALL
            .get((at + 1) % Self::ALL.len())
            .copied()
            .unwrap_or_default()
    }
}

/// The list of devices.
#[derive(Debug, Default)]
pub struct DevicesScreen {
    window: Window,
    /// The device under the cursor: the cursor stays on it while rows move.
    selected: Option<DeviceId>,
    marks: HashSet<DeviceId>,
    filter: Input,
    typing: bool,
    selector: Option<Selector>,
    filter_error: Option<String>,
    sort: SortBy,
    reverse: bool,
    frozen: bool,
    /// Places in `fleet.devices()` of the rows, in their order.
    order: Vec<usize>,
    /// What `order` was made from.
    made_from: Option<(u64, SortBy, bool, String)>,
}

impl DevicesScreen {
    /// Whether keys are text at the moment.
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// Shows what a selector picks.
    pub fn show(&mut self, selector: &str) {
        self.filter.set(selector);
        self.parse_filter();
    }

    /// The devices that are marked, or the one under the cursor.
    pub fn targets(&self) -> Vec<DeviceId> {
        if self.marks.is_empty() {
            self.selected.into_iter().collect()
        } else {
            let mut marks: Vec<DeviceId> = self.marks.iter().copied().collect();
            marks.sort_unstable();
            marks
        }
    }

    fn parse_filter(&mut self) {
        let text = self.filter.text().trim();
        if text.is_empty() {
            self.selector = None;
            self.filter_error = None;
            return;
        }
        match text.parse::<Selector>() {
            Ok(Selector::Name(word)) => {
                // A bare word in a filter means "contains": nobody types whole names.
                let text = format!("name~\"{}\"", word.replace(['"', '\\'], ""));
                self.selector = text.parse().ok();
                self.filter_error = None;
            }
            Ok(selector) => {
                self.selector = Some(selector);
                self.filter_error = None;
            }
            // The last good filter stays in force while a new one is being typed.
            Err(error) => {
                let hint = error.hint.as_deref().unwrap_or_default();
                self.filter_error = Some(format!("{error} {hint}"));
            }
        }
    }

    /// Makes the rows anew when the fleet, the filter or the order changed.
    fn arrange(&mut self, fleet: &Fleet) {
        let key = (
            fleet.revision,
            self.sort,
            self.reverse,
            format!("{:?}", self.selector),
        );
        let only_data = self
            .made_from
            .as_ref()
            .is_some_and(|old| old.1 == key.1 && old.2 == key.2 && old.3 == key.3);
        if self.made_from.as_ref() == Some(&key) || (self.frozen && only_data) {
            return;
        }
        self.made_from = Some(key);
        let devices = fleet.devices();
        self.order = (0..devices.len())
            .filter(|&i| picks(self.selector.as_ref(), devices.get(i), fleet.now))
            .collect();
        self.sort_rows(devices);
        self.follow_selected(devices);
    }

    fn sort_rows(&mut self, devices: &[Device]) {
        let number = |i: &usize, read: fn(&Device) -> Option<f64>| {
            devices.get(*i).and_then(read).unwrap_or(f64::NEG_INFINITY)
        };
        match self.sort {
            // The fleet is sorted by name already.
            SortBy::Name => {}
            SortBy::Status => self
                .order
                .sort_by_key(|&i| std::cmp::Reverse(devices.get(i).map(|device| device.status))),
            SortBy::Cpu => self.order.sort_by(|a, b| {
                number(b, |d| d.cpu_percent).total_cmp(&number(a, |d| d.cpu_percent))
            }),
            SortBy::Mem => self.order.sort_by(|a, b| {
                number(b, |d| d.mem_percent).total_cmp(&number(a, |d| d.mem_percent))
            }),
            SortBy::Rx => self
                .order
                .sort_by_key(|&i| std::cmp::Reverse(devices.get(i).and_then(|d| d.rx_bps))),
            SortBy::Version => self.order.sort_by_cached_key(|&i| {
                let version = devices.get(i).and_then(|d| d.version.as_ref());
                version.and_then(|version| version_key(version.raw()))
            }),
        }
        if self.reverse {
            self.order.reverse();
        }
    }

    fn follow_selected(&mut self, devices: &[Device]) {
        let place = self.selected.and_then(|id| {
            self.order
                .iter()
                .position(|&i| devices.get(i).is_some_and(|device| device.id == id))
        });
        if let Some(place) = place {
            self.window.cursor = place;
        }
    }

    fn select_under_cursor(&mut self, fleet: &Fleet) {
        self.selected = self
            .order
            .get(self.window.cursor)
            .and_then(|&i| fleet.devices().get(i))
            .map(|device| device.id);
    }

    fn type_filter(&mut self, action: &Action) {
        match action {
            Action::Open => self.typing = false,
            Action::Back => {
                self.typing = false;
                self.filter.set("");
                self.parse_filter();
            }
            other => {
                if self.filter.on(other) {
                    self.parse_filter();
                }
            }
        }
    }

    fn toggle_marks(&mut self, fleet: &Fleet) {
        let shown: Vec<DeviceId> = self
            .order
            .iter()
            .filter_map(|&i| fleet.devices().get(i))
            .map(|device| device.id)
            .collect();
        if shown.iter().all(|id| self.marks.contains(id)) {
            for id in &shown {
                self.marks.remove(id);
            }
        } else {
            self.marks.extend(shown);
        }
    }
}

fn picks(selector: Option<&Selector>, device: Option<&Device>, now: Timestamp) -> bool {
    match (selector, device) {
        (None, Some(_)) => true,
        (Some(selector), Some(device)) => selector.matches(device, now),
        (_, None) => false,
    }
}

impl Screen for DevicesScreen {
    fn on(&mut self, action: &Action, fleet: &Fleet) -> Vec<Ask> {
        if self.typing {
            self.type_filter(action);
            self.arrange(fleet);
            self.select_under_cursor(fleet);
            return Vec::new();
        }
        self.arrange(fleet);
        if self.selected.is_none() {
            self.select_under_cursor(fleet);
        }
        if self.window.on(action, self.order.len()) {
            self.select_under_cursor(fleet);
            return Vec::new();
        }
        match action {
            Action::Filter => self.typing = true,
            Action::Back if !self.filter.text().is_empty() => {
                self.filter.set("");
                self.parse_filter();
            }
            Action::Back => self.marks.clear(),
            Action::Sort => {
                self.sort = self.sort.next();
                return vec![Ask::Say(
                    format!("sorted by {:?}", self.sort).to_lowercase(),
                )];
            }
            Action::Reverse => self.reverse = !self.reverse,
            Action::Freeze => self.frozen = !self.frozen,
            Action::Refresh => return vec![Ask::Effect(Effect::Refresh)],
            Action::MarkAll => self.toggle_marks(fleet),
            Action::Mark => {
                if let Some(id) = self.selected
                    && !self.marks.remove(&id)
                {
                    self.marks.insert(id);
                }
                self.window.by(1, self.order.len());
                self.select_under_cursor(fleet);
            }
            Action::Click { y, .. } => {
                // The rows start below the header, the rule, the filter and the column heads.
                let row = self.window.top + usize::from(y.saturating_sub(4));
                if row < self.order.len() {
                    self.window.cursor = row;
                    self.select_under_cursor(fleet);
                }
            }
            Action::Open => return self.selected.map(Ask::Device).into_iter().collect(),
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
        self.arrange(fleet);
        if self.selected.is_none() {
            self.select_under_cursor(fleet);
        }
        view::draw(self, frame, area, fleet, theme);
    }

    fn hints(&self) -> &'static [Hint] {
        if self.typing {
            return &[("enter", "keep"), ("esc", "clear"), ("ctrl-u", "empty")];
        }
        &[
            ("j/k", "move"),
            ("enter", "open"),
            ("/", "filter"),
            ("space", "mark"),
            ("s", "sort"),
            ("f", "freeze"),
            ("g", "go"),
            ("ctrl-k", "palette"),
            ("?", "help"),
        ]
    }

    fn summary(&self, fleet: &Fleet) -> String {
        if let Some(error) = &self.filter_error {
            return format!("filter: {error}");
        }
        let total = fleet.devices().len();
        let matching = if self.selector.is_some() {
            format!("{} of {total} devices match", self.order.len())
        } else {
            format!("{total} devices")
        };
        let marked = match self.marks.len() {
            0 => String::new(),
            count => format!(" · {count} marked"),
        };
        let frozen = if self.frozen {
            " · frozen, f resumes"
        } else {
            ""
        };
        format!("{matching}{marked}{frozen}")
    }
}
