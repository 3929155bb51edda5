//! Who hangs on whom: devices that are reached through a port of another one.
//!
//! A device without `via` stands in the management network itself. What a port of another one
//! carries is lost while that port does not run, or that device is down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use anyhow::{Context as _, ensure};

use crate::device::Inner;
use crate::fleet::Fleet;
use crate::lab::World;
use crate::lock;
use crate::presence::Presence;

/// The most devices that may lie between one and the management network.
const DEPTH: usize = 32;

/// The most devices that one hears of as being beside it.
const MOST: usize = 256;

/// The port with which a device hangs on another one.
const UPLINK: &str = "ether1";

/// A device beside another one, with the ports between them.
#[derive(Debug)]
pub(crate) struct Beside {
    /// The port of the one who asks, by its first name.
    pub(crate) own_port: String,
    /// The port of the other one.
    pub(crate) port: String,
    pub(crate) who: Arc<Presence>,
}

/// The devices of a lab, and what lies between them.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    /// The device and its port that a device hangs on.
    above: BTreeMap<String, (String, String)>,
    below: BTreeMap<String, Vec<String>>,
    present: Mutex<BTreeMap<String, Arc<Presence>>>,
    world: OnceLock<Weak<World>>,
}

impl Topology {
    /// Reads who hangs on whom, and refuses circles and strangers.
    pub(crate) fn of(fleet: &Fleet) -> anyhow::Result<Self> {
        let mut topology = Self::default();
        let names: BTreeSet<_> = fleet.devices.iter().map(|d| d.name.as_str()).collect();
        for device in fleet.devices.iter().filter(|d| !d.via.is_empty()) {
            let name = device.name.clone();
            let (above, port) = device
                .via
                .split_once(':')
                .with_context(|| format!("device {name}: via is written `device:port`"))?;
            ensure!(
                names.contains(above),
                "device {name}: no device is called {above}"
            );
            let below = topology.below.entry(above.to_owned()).or_default();
            below.push(name.clone());
            let above = (above.to_owned(), port.to_owned());
            topology.above.insert(name, above);
        }
        for name in topology.above.keys() {
            let depth = topology.ancestors(name).count();
            ensure!(
                depth < DEPTH,
                "device {name}: it hangs on itself, or too far out"
            );
        }
        Ok(topology)
    }

    /// Lets changes be told to the devices that they concern.
    pub(crate) fn join(&self, world: &Arc<World>) {
        self.world.get_or_init(|| Arc::downgrade(world));
    }

    fn ancestors<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a (String, String)> {
        let next = |(above, _): &&'a (String, String)| self.above.get(above);
        std::iter::successors(self.above.get(name), next).take(DEPTH)
    }

    /// Says whether others hang on a device.
    pub(crate) fn has_below(&self, name: &str) -> bool {
        self.below.contains_key(name)
    }

    /// Says whether a device hangs on another one.
    pub(crate) fn has_above(&self, name: &str) -> bool {
        self.above.contains_key(name)
    }

    /// Says whether somebody hangs on a port, so that there is a cable in it.
    pub(crate) fn is_used(&self, name: &str, port: &str) -> bool {
        let below = self.below.get(name).into_iter().flatten();
        let mut ports = below.filter_map(|b| self.above.get(b));
        ports.any(|(_, p)| p == port)
    }

    /// Notes what a device shows of itself, and wakes those whom it lets through or not.
    pub(crate) fn publish(&self, presence: Presence) {
        let name = presence.name.clone();
        let is_same = {
            let mut present = lock(&self.present);
            let passage = presence.passage.clone();
            let before = present.insert(name.clone(), Arc::new(presence));
            before.is_some_and(|b| b.passage == passage)
        };
        if is_same || !self.has_below(&name) {
            return;
        }
        let world = self.world.get().and_then(Weak::upgrade);
        let Some(world) = world else { return };
        let mut all: Vec<&String> = self.below.get(&name).into_iter().flatten().collect();
        while let Some(name) = all.pop() {
            if let Some(device) = world.named(name) {
                device.wake();
            }
            all.extend(self.below.get(name).into_iter().flatten());
        }
    }

    fn presence(&self, name: &str) -> Option<Arc<Presence>> {
        lock(&self.present).get(name).cloned()
    }

    /// Returns a device as others see it; who has not been touched yet is now.
    pub(crate) fn seen(&self, name: &str) -> Option<Arc<Presence>> {
        if let Some(presence) = self.presence(name) {
            return Some(presence);
        }
        let world = self.world.get().and_then(Weak::upgrade)?;
        world.named(name)?.touch();
        self.presence(name)
    }

    /// Returns all devices that anybody has touched.
    pub(crate) fn everybody(&self) -> Vec<Arc<Presence>> {
        lock(&self.present).values().cloned().collect()
    }

    /// Touches the devices that an export has configured, as others may depend on them.
    pub(crate) fn wake_loaded(&self) {
        let Some(world) = self.world.get().and_then(Weak::upgrade) else {
            return;
        };
        let loaded = world.inners().filter(|d| d.spec.export.is_some());
        loaded.for_each(Inner::touch);
    }

    /// Returns the manager that an access point has found: the first of those that it is told of,
    /// or one in a segment where it looks for one.
    pub(crate) fn manager_of(&self, own: &Presence) -> Option<Arc<Presence>> {
        let cap = own.cap.as_ref()?;
        let is_there = |m: &Arc<Presence>| {
            let is_manager = m.manages.contains(&cap.driver) && !m.passage.is_down;
            is_manager && (m.name == own.name || self.connects(&m.name, &own.name))
        };
        let everybody = self.everybody();
        let named = |address: &String| {
            let at = |m: &&Arc<Presence>| m.address.to_string() == *address;
            everybody.iter().find(|m| at(m) && is_there(m)).cloned()
        };
        if !cap.managers.is_empty() {
            return cap.managers.iter().find_map(named);
        }
        let looks = |port: &str| {
            let segment = own.segments.get(port);
            segment.is_some_and(|s| cap.discovery.iter().any(|d| *d == s.name || *d == s.port))
        };
        let beside = self.beside(own).into_iter();
        let mut near = beside.filter(|b| looks(&b.own_port)).map(|b| b.who);
        near.find(is_there)
    }

    /// Returns the cables of a device: its port, the other device, and that one's port.
    fn cables(&self, name: &str) -> Vec<(&str, &str, &str)> {
        let above = self.above.get(name).into_iter();
        let up = above.map(|(above, port)| (UPLINK, above.as_str(), port.as_str()));
        let below = self.below.get(name).into_iter().flatten();
        let down = below.filter_map(|below| {
            let (_, port) = self.above.get(below)?;
            Some((port.as_str(), below.as_str(), UPLINK))
        });
        up.chain(down).collect()
    }

    /// Returns the devices beside a device: at the other end of a cable, or behind bridges there.
    pub(crate) fn beside(&self, own: &Presence) -> Vec<Beside> {
        let mut found = Vec::new();
        for (own_port, other, port) in self.cables(&own.name) {
            let mut ways = vec![(own.name.clone(), own_port, other, port)];
            while let Some((from, from_port, to, to_port)) = ways.pop() {
                let near = self.presence(&from).is_some_and(|p| p.carries(from_port));
                let Some(who) = self.seen(to).filter(|p| near && p.carries(to_port)) else {
                    continue;
                };
                if found.len() < MOST {
                    let on = self.bridged(&who, to_port).into_iter();
                    ways.extend(on.map(|(port, next, at)| (to.to_owned(), port, next, at)));
                }
                found.push(Beside {
                    own_port: own_port.to_owned(),
                    port: to_port.to_owned(),
                    who,
                });
            }
        }
        found
    }

    /// Returns the cables to which a device passes on what comes in at a port.
    fn bridged(&self, who: &Presence, from: &str) -> Vec<(&str, &str, &str)> {
        let name = |port: &str| who.segments.get(port).map(|s| s.name.as_str());
        let bridge = name(from);
        let mut cables = self.cables(&who.name);
        // The way back is no new way.
        cables.retain(|(port, ..)| *port != from && bridge.is_some() && name(port) == bridge);
        cables
    }

    /// Returns what cuts a device off from the management network.
    pub(crate) fn cut(&self, name: &str) -> Option<String> {
        let present = lock(&self.present);
        self.ancestors(name).find_map(|(above, port)| {
            let passage = &present.get(above)?.passage;
            if passage.is_down {
                Some(format!("{above} is down"))
            } else {
                let is_dead = passage.dead_ports.contains(port);
                is_dead.then(|| format!("{port} of {above} does not run"))
            }
        })
    }

    /// Returns how far a device gets: the devices on its way, and whether it gets all the way.
    fn way(&self, name: &str) -> (BTreeSet<String>, bool) {
        let present = lock(&self.present);
        let mut way = BTreeSet::from([name.to_owned()]);
        for (above, port) in self.ancestors(name) {
            let passage = present.get(above).map(|p| &p.passage);
            if passage.is_some_and(|p| p.is_down || p.dead_ports.contains(port)) {
                return (way, false);
            }
            way.insert(above.clone());
        }
        (way, true)
    }

    /// Says whether packets get from one device to another.
    pub(crate) fn connects(&self, a: &str, b: &str) -> bool {
        let ((a, a_arrives), (b, b_arrives)) = (self.way(a), self.way(b));
        a_arrives && b_arrives || !a.is_disjoint(&b)
    }

    /// Returns the devices between a device and the management network, the nearest first.
    pub(crate) fn hops(&self, name: &str) -> Vec<Arc<Inner>> {
        let world = self.world.get().and_then(Weak::upgrade);
        let Some(world) = world else {
            return Vec::new();
        };
        let above = self.ancestors(name);
        above.filter_map(|(a, _)| world.named(a).cloned()).collect()
    }

    /// Returns the device at an address.
    pub(crate) fn at(&self, address: std::net::IpAddr) -> Option<Arc<Inner>> {
        let world = self.world.get().and_then(Weak::upgrade)?;
        world.at(address).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::Topology;
    use crate::fleet::{Fleet, Spec};

    fn spec(n: u8, via: &str) -> Spec {
        Spec {
            via: via.to_owned(),
            ..Spec::new(&format!("r{n}"), std::net::Ipv4Addr::new(127, 20, 0, n))
        }
    }

    #[test]
    fn circles_and_strangers_are_refused() {
        let circle = vec![spec(1, "r2:ether1"), spec(2, "r1:ether1")];
        assert!(Topology::of(&Fleet { devices: circle }).is_err());
        let stranger = vec![spec(1, "nobody:ether1")];
        assert!(Topology::of(&Fleet { devices: stranger }).is_err());
        assert!(
            Topology::of(&Fleet {
                devices: vec![spec(1, "nobody")]
            })
            .is_err()
        );
    }
}
