//! Interfaces: which there are, whether they run, and the bytes that pass them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Core;
use crate::clock::Tick;
use crate::schema::{Menu, SCHEMA};
use crate::seed::Seed;
use crate::tree::{Key, Row};

/// How deep interfaces may stand on each other.
const DEPTH: u8 = 8;

/// An interface of any type.
#[derive(Debug, Clone)]
pub(crate) struct Interface {
    pub(crate) menu: Key,
    pub(crate) kind: &'static str,
    pub(crate) row: Row,
}

impl Interface {
    fn of(menu: &Menu, row: &Row) -> Self {
        Self {
            menu: Key::clone(&menu.path),
            kind: menu.interface_type.unwrap_or_default(),
            row: row.clone(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.row.get("name").unwrap_or_default()
    }

    pub(crate) fn is_enabled(&self) -> bool {
        let default = SCHEMA.menu(&self.menu).and_then(|m| {
            m.props
                .iter()
                .find(|p| &*p.name == "disabled")
                .and_then(|p| p.default)
        });
        let set = self.row.get("disabled");
        !matches!(set.or(default), Some("true" | "yes"))
    }
}

/// What an interface has seen since the device booted.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) is_up: bool,
    /// Its counters were set to zero since the lab was started.
    is_fresh: bool,
    changed: Tick,
    rx: f64,
    tx: f64,
    pub(crate) downs: u32,
    pub(crate) last_up: Option<Timestamp>,
    pub(crate) last_down: Option<Timestamp>,
}

/// Bytes and packets of one interface, with their rates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) rx_byte: u64,
    pub(crate) tx_byte: u64,
    pub(crate) rx_rate: f64,
    pub(crate) tx_rate: f64,
}

impl Core {
    /// Returns all interfaces, in the order of their ids.
    pub(crate) fn interfaces(&self) -> Vec<Interface> {
        let tables = self.tree.interface_tables();
        let mut all: Vec<_> = tables
            .flat_map(|(menu, rows)| rows.iter().map(move |row| Interface::of(menu, row)))
            .collect();
        all.sort_by_key(|i| i.row.id);
        all
    }

    pub(crate) fn interface(&self, name: &str) -> Option<Interface> {
        self.tree.interface_tables().find_map(|(menu, rows)| {
            let row = rows.iter().find(|r| r.get("name") == Some(name))?;
            Some(Interface::of(menu, row))
        })
    }

    /// Returns the bridge or bond of which an interface is a part.
    pub(crate) fn master(&self, name: &str) -> Option<String> {
        let port = self
            .tree
            .rows("/interface/bridge/port")
            .iter()
            .find(|r| r.get("interface") == Some(name) && !r.is("disabled"));
        if let Some(bridge) = port.and_then(|p| p.get("bridge")) {
            return Some(bridge.to_owned());
        }
        let bond = self.tree.rows("/interface/bonding").iter().find(|r| {
            r.get("slaves")
                .is_some_and(|s| s.split(',').any(|x| x == name))
                && !r.is("disabled")
        });
        bond.and_then(|b| b.get("name")).map(str::to_owned)
    }

    pub(crate) fn is_running(&self, name: &str) -> bool {
        self.runs(name, DEPTH)
    }

    fn runs(&self, name: &str, depth: u8) -> bool {
        let Some(interface) = self.interface(name) else {
            return false;
        };
        if depth == 0 || !interface.is_enabled() {
            return false;
        }
        match interface.kind {
            "ether" => self.has_cable(&interface),
            "bridge" => {
                let ports = self.tree.rows("/interface/bridge/port");
                let mut mine = ports
                    .iter()
                    .filter(|r| r.get("bridge") == Some(name) && !r.is("disabled"));
                let up = |r: &Row| r.get("interface").is_some_and(|i| self.runs(i, depth - 1));
                mine.clone().next().is_none() || mine.any(up)
            }
            "vlan" => interface
                .row
                .get("interface")
                .is_some_and(|i| self.runs(i, depth - 1)),
            "bond" => {
                let slaves = interface.row.get("slaves").unwrap_or_default();
                slaves.split(',').any(|s| self.runs(s, depth - 1))
            }
            "wlan" | "wifi" | "wifiwave2" | "wg" | "loopback" => true,
            _ => false,
        }
    }

    /// Says whether something is plugged in; the first port always is, it is the uplink.
    fn has_cable(&self, interface: &Interface) -> bool {
        let port = interface.row.get("default-name").unwrap_or_default();
        if let Some(is_plugged) = self.cables.get(port) {
            return *is_plugged;
        }
        port == "ether1"
            || self.topology.is_used(&self.spec.name, port)
            || self.seed.of("cable").of(port).below(10) < 7
    }

    /// Notes which interfaces came up or went down, and counts what passed until then.
    pub(crate) fn refresh_links(&mut self) {
        let now = self.clock.now();
        let wall = self.wall();
        let states: Vec<_> = self
            .interfaces()
            .into_iter()
            .map(|i| (i.row.id, i.name().to_owned(), self.is_running(i.name())))
            .collect();
        for (id, name, is_up) in &states {
            let Some(link) = self.links.get(id) else {
                self.links.insert(*id, Link::new(*is_up, now, wall));
                continue;
            };
            if link.is_up == *is_up {
                continue;
            }
            let seed = self.seed.of("traffic").of(name);
            let mut link = link.clone();
            link.turn(*is_up, now, wall, seed);
            self.links.insert(*id, link);
            let word = if *is_up { "up" } else { "down" };
            self.say("interface,info", format!("{name} link {word}"));
        }
        self.links
            .retain(|id, _| states.iter().any(|(i, ..)| i == id));
    }

    /// Forgets all counters, as a boot does.
    pub(crate) fn reset_links(&mut self) {
        self.links = BTreeMap::new();
        self.refresh_links();
    }

    pub(crate) fn traffic(&self, interface: &Interface) -> Traffic {
        let Some(link) = self.links.get(&interface.row.id) else {
            return Traffic::default();
        };
        let seed = self.seed.of("traffic").of(interface.name());
        let now = self.clock.now();
        let before = if self.boot == 0 {
            self.uptime_before
        } else {
            Duration::ZERO
        };
        let (rx, tx) = link.volume(now, seed);
        let base = (Flow::new(seed.of("rx")).mean, Flow::new(seed.of("tx")).mean);
        let past = if link.is_up && !link.is_fresh {
            before.as_secs_f64()
        } else {
            0.0
        };
        let is_active = link.is_up;
        let t = now.0;
        Traffic {
            rx_byte: whole(rx + base.0 * past),
            tx_byte: whole(tx + base.1 * past),
            rx_rate: if is_active {
                Flow::new(seed.of("rx")).rate(t)
            } else {
                0.0
            },
            tx_rate: if is_active {
                Flow::new(seed.of("tx")).rate(t)
            } else {
                0.0
            },
        }
    }

    /// Sets the counters of an interface to zero.
    pub(crate) fn reset_counters(&mut self, id: u32) {
        let now = self.clock.now();
        if let Some(link) = self.links.get_mut(&id) {
            (link.changed, link.rx, link.tx) = (now, 0.0, 0.0);
            link.is_fresh = true;
        }
    }
}

impl Link {
    fn new(is_up: bool, now: Tick, wall: Timestamp) -> Self {
        let earlier = wall
            .checked_sub(SignedDuration::from_secs(30))
            .unwrap_or(wall);
        Self {
            is_up,
            is_fresh: false,
            changed: now,
            rx: 0.0,
            tx: 0.0,
            downs: 0,
            last_up: is_up.then_some(earlier),
            last_down: None,
        }
    }

    fn volume(&self, now: Tick, seed: Seed) -> (f64, f64) {
        if !self.is_up {
            return (self.rx, self.tx);
        }
        let more = |what| Flow::new(seed.of(what)).volume(self.changed.0, now.0);
        (self.rx + more("rx"), self.tx + more("tx"))
    }

    fn turn(&mut self, is_up: bool, now: Tick, wall: Timestamp, seed: Seed) {
        (self.rx, self.tx) = self.volume(now, seed);
        self.changed = now;
        self.is_up = is_up;
        if is_up {
            self.last_up = Some(wall);
        } else {
            self.downs += 1;
            self.last_down = Some(wall);
        }
    }
}

/// A flow of bytes that swells and ebbs, so that rates look alive and totals only grow.
#[derive(Debug, Clone, Copy)]
struct Flow {
    /// Bytes per second.
    mean: f64,
    /// Seconds.
    period: f64,
    phase: f64,
}

/// How far a flow swings around its mean.
const SWING: f64 = 0.6;

impl Flow {
    fn new(seed: Seed) -> Self {
        let size = seed.of("size").unit();
        Self {
            mean: 2_000.0 * (size * 8.0).exp(),
            period: 45.0 + seed.of("period").unit() * 240.0,
            phase: seed.of("phase").unit() * TAU,
        }
    }

    fn rate(self, ms: u64) -> f64 {
        let t = seconds(ms);
        self.mean * (1.0 + SWING * (TAU * t / self.period + self.phase).sin())
    }

    /// Returns the integral of the rate.
    fn volume(self, from: u64, to: u64) -> f64 {
        let wave = |t: f64| -(TAU * t / self.period + self.phase).cos() * self.period / TAU;
        let (a, b) = (seconds(from), seconds(to));
        self.mean * ((b - a) + SWING * (wave(b) - wave(a)))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a lab does not run for 285,000 years"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts saturate"
)]
pub(crate) fn whole(x: f64) -> u64 {
    x as u64
}
