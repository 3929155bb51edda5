//! What a device shows of itself to the others: who it is, what its ports carry, which radios it
//! gives away. Others look at this and never at the device itself, which may be looking at them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use tod_proto::lab::Fault;

use crate::clock::Tick;
use crate::core::{Core, Power};
use crate::live::Crowd;
use crate::profile::{Board, Release};

/// A device, as others see it.
#[derive(Debug, Clone)]
pub(crate) struct Presence {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) identity: String,
    pub(crate) release: Release,
    pub(crate) board: &'static Board,
    pub(crate) mac: String,
    pub(crate) serial: String,
    pub(crate) software_id: String,
    /// Since when it has been up, and for how long before the lab began.
    pub(crate) booted: Tick,
    pub(crate) before: Duration,
    /// What the coming and going of its stations follows from.
    pub(crate) crowd: Crowd,
    pub(crate) passage: Passage,
    /// Where each port to another device ends up, by its first name.
    pub(crate) segments: BTreeMap<String, Segment>,
    pub(crate) cap: Option<Cap>,
    /// The drivers whose access points it manages.
    pub(crate) manages: Vec<Driver>,
}

/// What a device lets through to those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) is_down: bool,
    /// Ports that do not run.
    pub(crate) dead_ports: BTreeSet<String>,
}

impl Presence {
    /// Says whether packets pass a port.
    pub(crate) fn carries(&self, port: &str) -> bool {
        !self.passage.is_down && !self.passage.dead_ports.contains(port)
    }

    /// Returns for how long it has been up.
    pub(crate) fn uptime(&self, now: Tick) -> Duration {
        now.since(self.booted) + self.before
    }
}

/// Where a port ends up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// What the port is called.
    pub(crate) port: String,
    /// The bridge that it is part of, or the port itself.
    pub(crate) name: String,
    /// The device tells its neighbours there of itself.
    pub(crate) is_told: bool,
    /// It listens there for others.
    pub(crate) is_heard: bool,
}

/// The two kinds of access points, which know nothing of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    Wireless,
    Wifi,
}

/// Radios that a device lets another one manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cap {
    pub(crate) driver: Driver,
    /// The managers that it may have; without any it looks for one in its segments.
    pub(crate) managers: Vec<String>,
    /// The interfaces on which it looks for one.
    pub(crate) discovery: Vec<String>,
    pub(crate) radios: Vec<CapRadio>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CapRadio {
    pub(crate) name: String,
    pub(crate) mac: String,
    /// It serves by itself while there is no manager.
    pub(crate) is_local_too: bool,
}

impl Core {
    /// Returns what others see of the device.
    pub(crate) fn presence(&self) -> Presence {
        let is_down = self.power == Power::Booting || self.has_fault(|f| *f == Fault::Silent);
        let ports = self.tree.rows("/interface/ethernet").iter();
        let dead = ports.filter(|p| !self.is_running(p.get("name").unwrap_or_default()));
        let dead = dead.filter_map(|p| p.get("default-name").map(str::to_owned));
        let first = self.interfaces().into_iter().find(|i| i.kind == "ether");
        let is_first_boot = self.boot == 0;
        Presence {
            name: self.spec.name.clone(),
            address: self.spec.address,
            identity: self.identity().to_owned(),
            release: self.release,
            board: self.board,
            mac: first.map(|i| self.mac_of(&i)).unwrap_or_default(),
            serial: self.serial(),
            software_id: self.software_id(),
            booted: self.booted,
            before: self.uptime_before * u32::from(is_first_boot),
            crowd: self.crowd(),
            passage: Passage {
                is_down,
                dead_ports: dead.collect(),
            },
            segments: self.segments(),
            cap: self.cap(),
            manages: self.manages(),
        }
    }

    /// Returns where the ports to other devices end up.
    fn segments(&self) -> BTreeMap<String, Segment> {
        let rows = self.tree.rows("/interface/ethernet").iter();
        let used = rows.filter_map(|row| {
            let first = row.get("default-name")?;
            let is_used = first == "ether1" || self.topology.is_used(&self.spec.name, first);
            let port = row.get("name").filter(|_| is_used)?;
            let name = self.master(port).unwrap_or_else(|| port.to_owned());
            let is_listed = self.discovers(port) || self.discovers(&name);
            let mode = self.discovery("mode").unwrap_or("tx-and-rx");
            let segment = Segment {
                port: port.to_owned(),
                name,
                is_told: is_listed && mode != "rx-only",
                is_heard: is_listed && mode != "tx-only",
            };
            Some((first.to_owned(), segment))
        });
        used.collect()
    }

    fn discovery(&self, name: &str) -> Option<&str> {
        self.tree.single("/ip/neighbor/discovery-settings", name)
    }

    /// Says whether the device looks for neighbours on an interface.
    fn discovers(&self, interface: &str) -> bool {
        let list = self.discovery("discover-interface-list");
        let list = list.unwrap_or("static");
        let holds = |list: &str| match list {
            "all" | "static" => true,
            "none" | "dynamic" => false,
            list => self.in_list(list, Some(interface)),
        };
        match list.strip_prefix('!') {
            Some(not) => !holds(not),
            None => holds(list),
        }
    }

    /// Returns the radios that it lets another device manage.
    pub(crate) fn cap(&self) -> Option<Cap> {
        let (menu, driver) = [
            ("/interface/wireless/cap", Driver::Wireless),
            ("/interface/wifi/cap", Driver::Wifi),
            ("/interface/wifiwave2/cap", Driver::Wifi),
        ]
        .into_iter()
        .find(|(menu, _)| self.is_on(menu))?;
        let words = |name: &str| {
            let text = self.tree.single(menu, name).unwrap_or_default();
            let words = text.split(',').filter(|w| !w.is_empty());
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let named = words("interfaces");
        let radios = self.interfaces().into_iter().filter(|i| match driver {
            Driver::Wireless => i.kind == "wlan" && named.iter().any(|n| n == i.name()),
            Driver::Wifi => {
                let manager = i.row.get("configuration.manager");
                let is_given = manager.is_some_and(|m| m.starts_with("capsman"));
                matches!(i.kind, "wifi" | "wifiwave2") && is_given && i.is_enabled()
            }
        });
        let radios = radios.map(|i| CapRadio {
            name: i.name().to_owned(),
            mac: self.mac_of(&i),
            is_local_too: i.row.get("configuration.manager") == Some("capsman-or-local"),
        });
        Some(Cap {
            driver,
            managers: words("caps-man-addresses"),
            discovery: words("discovery-interfaces"),
            radios: radios.collect(),
        })
    }

    pub(crate) fn manages(&self) -> Vec<Driver> {
        let menus = [
            ("/caps-man/manager", Driver::Wireless),
            ("/interface/wifi/capsman", Driver::Wifi),
            ("/interface/wifiwave2/capsman", Driver::Wifi),
        ];
        let on = menus.into_iter().filter(|(menu, _)| self.is_on(menu));
        on.map(|(_, driver)| driver).collect()
    }

    fn is_on(&self, menu: &str) -> bool {
        let enabled = self.tree.rows(menu).first().and_then(|r| r.get("enabled"));
        matches!(enabled, Some("true" | "yes"))
    }
}
