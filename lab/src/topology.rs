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

/// The most devices that may lie between one and the management network.
const DEPTH: usize = 32;

/// What a device lets through to those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) is_down: bool,
    /// Ports that do not run.
    pub(crate) dead_ports: BTreeSet<String>,
}

/// The devices of a lab, and what lies between them.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    /// The device and its port that a device hangs on.
    above: BTreeMap<String, (String, String)>,
    below: BTreeMap<String, Vec<String>>,
    passages: Mutex<BTreeMap<String, Passage>>,
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

    /// Notes what a device lets through, and wakes those whom that concerns.
    pub(crate) fn publish(&self, name: &str, passage: Passage) {
        {
            let mut passages = lock(&self.passages);
            if passages.get(name) == Some(&passage) {
                return;
            }
            passages.insert(name.to_owned(), passage);
        }
        let world = self.world.get().and_then(Weak::upgrade);
        let Some(world) = world else { return };
        let mut all: Vec<&String> = self.below.get(name).into_iter().flatten().collect();
        while let Some(name) = all.pop() {
            if let Some(device) = world.named(name) {
                device.wake();
            }
            all.extend(self.below.get(name).into_iter().flatten());
        }
    }

    /// Returns what cuts a device off from the management network.
    pub(crate) fn cut(&self, name: &str) -> Option<String> {
        let passages = lock(&self.passages);
        self.ancestors(name).find_map(|(above, port)| {
            let passage = passages.get(above)?;
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
        let passages = lock(&self.passages);
        let mut way = BTreeSet::from([name.to_owned()]);
        for (above, port) in self.ancestors(name) {
            let passage = passages.get(above);
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
    use super::{Passage, Topology};
    use crate::fleet::{Fleet, Spec};

    fn spec(n: u8, via: &str) -> Spec {
        Spec {
            via: via.to_owned(),
            ..Spec::new(&format!("r{n}"), std::net::Ipv4Addr::new(127, 20, 0, n))
        }
    }

    #[test]
    fn a_dead_port_cuts_off_all_that_hangs_on_it() {
        let devices = vec![
            spec(1, ""),
            spec(2, "r1:ether2"),
            spec(3, "r2:ether3"),
            spec(4, ""),
        ];
        let topology = Topology::of(&Fleet { devices }).unwrap();

        assert!(topology.connects("r3", "r4"));
        topology.publish(
            "r1",
            Passage {
                is_down: false,
                dead_ports: ["ether2".to_owned()].into(),
            },
        );

        assert_eq!(topology.cut("r3").unwrap(), "ether2 of r1 does not run");
        assert_eq!(topology.cut("r1"), None);
        assert!(!topology.connects("r3", "r4"));
        assert!(topology.connects("r3", "r2"));
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
