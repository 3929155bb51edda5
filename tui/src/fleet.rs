//! What the server has told us. Screens read it; only [`Fleet::apply`] writes it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use tod_proto::api::changes::Change;
use tod_proto::api::devices::{Device, FleetUpdate, Interface, Point, Status};
use tod_proto::api::events::Event as FleetEvent;
use tod_proto::id::DeviceId;

use crate::event::{Event, Link};
use crate::units::as_float;

/// How many events are kept.
pub const KEPT_EVENTS: usize = 1000;

/// How many sums of traffic are kept: an hour at one each 10 seconds.
const KEPT_TRAFFIC: usize = 360;

/// Seconds between sums of traffic.
const TRAFFIC_EVERY: i64 = 10;

/// The server's data, as last seen.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    devices: Vec<Device>,
    places: HashMap<DeviceId, usize>,
    /// Whether the fleet has been listed at least once.
    pub loaded: bool,
    /// Grows with every change of the devices.
    pub revision: u64,
    /// What happened, the oldest first.
    pub events: VecDeque<FleetEvent>,
    /// The newest changes, the newest first.
    pub changes: Vec<Change>,
    /// The connection.
    pub link: Link,
    /// The server's clock, as far as we know it.
    pub now: Timestamp,
    /// The interfaces of the device that is looked at.
    pub interfaces: Option<(DeviceId, Vec<Interface>)>,
    /// The values of the device that is looked at.
    pub series: BTreeMap<&'static str, Vec<Point>>,
    series_of: Option<DeviceId>,
    /// Bits received and sent each second by all devices, over time.
    pub traffic: VecDeque<(u64, u64)>,
    traffic_at: i64,
}

/// How many devices are how well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They answer.
    pub online: usize,
    /// They answer, and something is wrong.
    pub degraded: usize,
    /// They do not answer.
    pub offline: usize,
    /// They have not been asked.
    pub unknown: usize,
}

impl Counts {
    /// All of them.
    pub fn total(self) -> usize {
        self.online + self.degraded + self.offline + self.unknown
    }
}

impl Fleet {
    /// Nothing is known yet.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// The devices, by name.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// A device.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(*self.places.get(&id)?)
    }

    /// How many devices are how well.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for device in &self.devices {
            match device.status {
                Status::Online => counts.online += 1,
                Status::Degraded => counts.degraded += 1,
                Status::Offline => counts.offline += 1,
                Status::Unknown => counts.unknown += 1,
            }
        }
        counts
    }

    /// Takes in what an event brings.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Devices(devices) => self.replace(devices.clone()),
            Event::Fleet(updates) => self.update(updates),
            Event::History(events) => {
                self.events = events.iter().cloned().collect();
                self.trim_events();
            }
            Event::Happened(event) => {
                let newer = self
                    .events
                    .back()
                    .is_none_or(|last| last.cursor < event.cursor);
                if newer {
                    self.events.push_back((**event).clone());
                    self.trim_events();
                }
            }
            Event::Interfaces(device, interfaces) => {
                self.interfaces = Some((*device, interfaces.clone()));
            }
            Event::Series(device, metric, points) => {
                if self.series_of != Some(*device) {
                    self.series.clear();
                    self.series_of = Some(*device);
                }
                self.series.insert(metric, points.clone());
            }
            Event::Changes(changes) => self.changes.clone_from(changes),
            Event::Link(link) => self.link = link.clone(),
            Event::Unlocked => self.link = Link::Connecting,
            Event::Tick(now) => self.tick(*now),
            Event::Action(_) | Event::Failed(_) | Event::UnlockFailed(_) | Event::CodeWanted => {}
        }
    }

    fn replace(&mut self, mut devices: Vec<Device>) {
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        self.devices = devices;
        self.loaded = true;
        self.reindex();
    }

    fn update(&mut self, updates: &[FleetUpdate]) {
        let mut moved = false;
        for update in updates {
            match update {
                FleetUpdate::Device { device } => moved |= self.put(device),
                FleetUpdate::Deleted { device } => {
                    if self.places.contains_key(device) {
                        self.devices.retain(|old| old.id != *device);
                        self.reindex();
                    }
                }
                FleetUpdate::Resync => {}
            }
        }
        if moved {
            self.devices.sort_by(|a, b| a.name.cmp(&b.name));
            self.reindex();
        }
        self.revision += 1;
    }

    /// Takes in one device. Returns whether the order of names may have changed.
    fn put(&mut self, device: &Device) -> bool {
        let place = self.places.get(&device.id).copied();
        if let Some(old) = place.and_then(|place| self.devices.get_mut(place)) {
            let renamed = old.name != device.name;
            old.clone_from(device);
            self.extend_series(device);
            return renamed;
        }
        self.places.insert(device.id, self.devices.len());
        self.devices.push(device.clone());
        true
    }

    fn reindex(&mut self) {
        self.places = self
            .devices
            .iter()
            .enumerate()
            .map(|(place, device)| (device.id, place))
            .collect();
        self.revision += 1;
    }

    /// A poll of the device that is looked at adds to its curves.
    fn extend_series(&mut self, device: &Device) {
        if self.series_of != Some(device.id) {
            return;
        }
        let Some(at) = device.seen_at else { return };
        let values = [
            ("cpu", device.cpu_percent),
            ("rx", device.rx_bps.map(as_float)),
            ("tx", device.tx_bps.map(as_float)),
        ];
        for (metric, value) in values {
            let points = self.series.entry(metric).or_default();
            if let Some(value) = value
                && points.last().is_none_or(|last| last.at < at)
            {
                points.push(Point { at, value });
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.now = now;
        if now.as_second() - self.traffic_at < TRAFFIC_EVERY || self.devices.is_empty() {
            return;
        }
        self.traffic_at = now.as_second();
        let sum = self
            .devices
            .iter()
            .fold((0_u64, 0_u64), |(rx, tx), device| {
                (
                    rx.saturating_add(device.rx_bps.unwrap_or(0)),
                    tx.saturating_add(device.tx_bps.unwrap_or(0)),
                )
            });
        self.traffic.push_back(sum);
        while self.traffic.len() > KEPT_TRAFFIC {
            self.traffic.pop_front();
        }
    }

    fn trim_events(&mut self) {
        while self.events.len() > KEPT_EVENTS {
            self.events.pop_front();
        }
    }
}
