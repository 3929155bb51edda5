//! What a manager of access points shows: those that found it, their radios, and who is on them.
//!
//! Interfaces that provisioning makes are always dynamic ones here, whatever the action says.

use std::net::IpAddr;
use std::sync::Arc;

use routeros::row::Row as Record;

use super::DYNAMIC;
use super::clients::{Station, new_registration};
use crate::clock::Tick;
use crate::core::{Core, Verdict, whole};
use crate::presence::{CapRadio, Driver, Presence};
use crate::seed::Seed;
use crate::text;
use crate::tree::Row;

/// Ids of what access points bring begin here.
const CAPS: u32 = DYNAMIC + 0x10_0000;

/// Most networks of one radio: the first and those beside it.
const BESIDE: usize = 4;

/// The port at which a manager listens.
const PORT: u16 = 5246;

/// A radio of an access point, as its manager has it.
struct Managed {
    cap: Arc<Presence>,
    radio: CapRadio,
    id: u32,
    /// What provisioning made of it: its interface and those beside it; none if no rule is for it.
    made: Vec<Made>,
}

/// One interface of a radio, with its network.
struct Made {
    id: u32,
    interface: String,
    /// Where its stations are: the radio itself, or one of the networks beside the first.
    place: String,
    ssid: String,
    is_enabled: bool,
    /// The row of the interface, if somebody has configured one for this radio.
    row: Option<Row>,
}

impl Driver {
    fn menu(self, name: &str) -> String {
        match self {
            Self::Wireless => format!("/caps-man/{name}"),
            Self::Wifi => format!("/interface/wifi/{name}"),
        }
    }
}

impl Core {
    /// Returns the rows of a menu about access points; nothing if it is another one.
    pub(super) fn capsman(&self, path: &str) -> Option<Vec<Record>> {
        Some(match path {
            "/caps-man/registration-table" => self.managed_registrations(Driver::Wireless),
            "/caps-man/remote-cap" => self.remote_caps(Driver::Wireless),
            "/interface/wifi/capsman/remote-cap" => self.remote_caps(Driver::Wifi),
            "/caps-man/radio" => self.cap_radios(Driver::Wireless),
            "/interface/wifi/radio" => self.wifi_radios(),
            _ => return None,
        })
    }

    /// Returns the access points that are at this manager now.
    fn caps(&self, driver: Driver) -> Vec<Arc<Presence>> {
        if !self.manages().contains(&driver) {
            return Vec::new();
        }
        self.topology.wake_loaded();
        let mine = |cap: &Arc<Presence>| {
            let is_own = cap.name == self.spec.name;
            let gives = cap.cap.as_ref().is_some_and(|c| c.driver == driver);
            let manager = gives.then(|| self.topology.manager_of(cap)).flatten();
            manager.is_some_and(|m| m.name == self.spec.name)
                && (is_own || self.hears_cap(IpAddr::V4(cap.address)))
        };
        let all = self.topology.everybody();
        all.into_iter().filter(|cap| mine(cap)).collect()
    }

    fn hears_cap(&self, from: IpAddr) -> bool {
        self.reaches_udp(PORT, from) == Verdict::Open
    }

    fn managed(&self, driver: Driver) -> Vec<Managed> {
        let mut all: Vec<Managed> = Vec::new();
        for cap in self.caps(driver) {
            let n = u32::try_from(Seed::new(1).of(&cap.name).below(0x1000)).unwrap_or(0);
            let radios = cap.cap.iter().flat_map(|c| c.radios.clone());
            for (radio, id) in radios.zip((CAPS + n * 0x100..).step_by(0x40)) {
                let taken = all.iter().flat_map(|m| &m.made);
                let taken: Vec<_> = taken.map(|m| m.interface.clone()).collect();
                let made = self.provisioned(driver, &cap, (&radio, id), &taken);
                let cap = Arc::clone(&cap);
                all.push(Managed {
                    cap,
                    radio,
                    id,
                    made,
                });
            }
        }
        all
    }

    /// Returns what the rules of provisioning make of a radio.
    fn provisioned(
        &self,
        driver: Driver,
        cap: &Presence,
        (radio, id): (&CapRadio, u32),
        taken: &[String],
    ) -> Vec<Made> {
        let interfaces = match driver {
            Driver::Wireless => self.tree.rows("/caps-man/interface"),
            Driver::Wifi => self.tree.rows("/interface/wifi"),
        };
        let is_mac = |r: &&Row| r.get("radio-mac").is_some_and(|m| is_same(m, &radio.mac));
        if let Some(row) = interfaces.iter().find(is_mac) {
            let configuration = row.get("configuration");
            return vec![Made {
                id,
                interface: row.get("name").unwrap_or_default().to_owned(),
                place: radio.name.clone(),
                ssid: self.ssid(driver, row.get("configuration.ssid"), configuration),
                is_enabled: !row.is("disabled"),
                row: Some(row.clone()),
            }];
        }
        let rules = self.tree.rows(&driver.menu("provisioning")).iter();
        let mut fitting = rules.filter(|r| !r.is("disabled") && is_for(r, cap, radio));
        let Some(rule) = fitting.next() else {
            return Vec::new();
        };
        let action = rule.get("action").unwrap_or("none");
        if action == "none" {
            return Vec::new();
        }
        let name = self.name_of_made(driver, rule, cap, radio, taken);
        let beside = rule.get("slave-configurations").unwrap_or_default();
        let beside = beside.split(',').filter(|c| !c.is_empty()).map(Some);
        let first = std::iter::once(rule.get("master-configuration"));
        let all = first.chain(beside).zip(0..).take(BESIDE);
        let made = all.map(|(configuration, n)| Made {
            id: id + n * 0x10,
            interface: match (n, driver) {
                (0, _) => name.clone(),
                (n, Driver::Wireless) => format!("{name}-{n}"),
                (n, Driver::Wifi) => format!("{name}-virtual{n}"),
            },
            place: match n {
                0 => radio.name.clone(),
                n => format!("{}/{n}", radio.name),
            },
            ssid: self.ssid(driver, None, configuration),
            is_enabled: action != "create-disabled",
            row: None,
        });
        made.collect()
    }

    fn ssid(&self, driver: Driver, own: Option<&str>, configuration: Option<&str>) -> String {
        let rows = self.tree.rows(&driver.menu("configuration")).iter();
        let mut named = rows.filter(|r| r.get("name") == configuration);
        let named = named.next().and_then(|r| r.get("ssid"));
        own.or(named).unwrap_or("MikroTik").to_owned()
    }

    fn name_of_made(
        &self,
        driver: Driver,
        rule: &Row,
        cap: &Presence,
        radio: &CapRadio,
        taken: &[String],
    ) -> String {
        let prefix = rule.get("name-prefix").unwrap_or_default();
        let base = match (driver, rule.get("name-format").unwrap_or_default()) {
            (_, "identity") => format!("{}-", cap.identity),
            (_, "prefix") => prefix.to_owned(),
            (_, "prefix-identity") => format!("{prefix}-{}-", cap.identity),
            (Driver::Wifi, format) if format.contains('%') => {
                let format = format.replace("%I", &cap.identity);
                format.replace("%R", &radio.mac)
            }
            (Driver::Wifi, _) => "cap-wifi".to_owned(),
            (Driver::Wireless, _) => "cap".to_owned(),
        };
        let names = (1..10_000).map(|n| format!("{base}{n}"));
        let is_free = |n: &String| !taken.contains(n) && self.interface(n).is_none();
        names.into_iter().find(is_free).unwrap_or(base)
    }

    /// Returns who is on the radios that this device manages.
    pub(super) fn managed_registrations(&self, driver: Driver) -> Vec<Record> {
        let now = self.clock.now();
        let mut rows = Vec::new();
        for m in self.managed(driver) {
            for made in m.made.iter().filter(|made| made.is_enabled) {
                let stations = m.cap.crowd.stations(now, &made.place, made.id);
                rows.extend(stations.iter().map(|s| match driver {
                    Driver::Wireless => old_registration(made, s),
                    Driver::Wifi => new_registration(&made.interface, &made.ssid, s),
                }));
            }
        }
        rows
    }

    fn remote_caps(&self, driver: Driver) -> Vec<Record> {
        let now = self.clock.now();
        let rows = self.caps(driver).into_iter().map(|cap| {
            let n = u32::try_from(Seed::new(1).of(&cap.name).below(0x1000)).unwrap_or(0);
            let id = format!("*{:X}", CAPS + n * 0x100);
            let identity = text::encode(&cap.identity);
            let radios = cap.cap.iter().flat_map(|c| &c.radios);
            let version = cap.release.version().to_string();
            match driver {
                Driver::Wireless => Record::new()
                    .with(".id", id)
                    .with("address", format!("{}/{PORT}", cap.address))
                    .with("name", format!("[{}]", cap.mac))
                    .with("board", cap.board.model)
                    .with("serial", &cap.serial)
                    .with("version", version)
                    .with("identity", identity)
                    .with("base-mac", &cap.mac)
                    .with("state", "Run")
                    .with("radios", radios.count().to_string()),
                Driver::Wifi => Record::new()
                    .with(".id", id)
                    .with("address", cap.address.to_string())
                    .with("identity", identity)
                    .with("state", "Ok")
                    .with("common-name", "")
                    .with("version", version)
                    .with("board-name", cap.board.name)
                    .with("serial", &cap.serial)
                    .with("base-mac", &cap.mac)
                    .with("uptime", Self::span(cap.uptime(now)))
                    .with("connected-time", Self::span(cap.uptime(now))),
            }
        });
        rows.collect()
    }

    fn cap_radios(&self, driver: Driver) -> Vec<Record> {
        let rows = self.managed(driver).into_iter().map(|m| {
            let row = Record::new()
                .with(".id", format!("*{:X}", m.id))
                .with("radio-mac", &m.radio.mac);
            let row = match driver {
                Driver::Wireless => row
                    .with("remote-cap-name", format!("[{}]", m.cap.mac))
                    .with("remote-cap-identity", text::encode(&m.cap.identity))
                    .with("provisioned", (!m.made.is_empty()).to_string()),
                Driver::Wifi => {
                    let cap = format!("{}@{}", m.cap.identity, m.cap.address);
                    row.with("cap", text::encode(&cap)).with("local", "false")
                }
            };
            match m.made.first() {
                Some(made) => row.with("interface", text::encode(&made.interface)),
                None => row,
            }
        });
        rows.collect()
    }

    fn wifi_radios(&self) -> Vec<Record> {
        let own = self.interfaces().into_iter().filter(|i| i.kind == "wifi");
        let own = own.filter(|i| i.row.get("default-name").is_some());
        let own = own.map(|i| {
            Record::new()
                .with(".id", i.row.shown_id())
                .with("radio-mac", self.mac_of(&i))
                .with("local", "true")
                .with("interface", text::encode(i.name()))
        });
        own.chain(self.cap_radios(Driver::Wifi)).collect()
    }

    /// Returns the interfaces that provisioning made, as `/interface` or their own menu shows them.
    pub(super) fn made_interfaces(&self, path: &str) -> Vec<Record> {
        let drivers: &[Driver] = match path {
            "/interface" => &[Driver::Wireless, Driver::Wifi],
            "/caps-man/interface" => &[Driver::Wireless],
            "/interface/wifi" => &[Driver::Wifi],
            _ => return Vec::new(),
        };
        let now = self.clock.now();
        let mut rows = Vec::new();
        for driver in drivers {
            for m in self.managed(*driver) {
                let own = m.made.iter().filter(|made| made.row.is_none());
                rows.extend(own.map(|made| made_interface(*driver, &m, made, path, now)));
            }
        }
        rows
    }

    /// Says whether a radio serves nobody by itself, because another device manages it.
    pub(super) fn is_given_away(&self, radio: &str) -> bool {
        let Some(cap) = self.cap() else { return false };
        let mut radios = cap.radios.iter().filter(|r| r.name == radio);
        radios.next().is_some_and(|r| {
            !r.is_local_too || self.topology.manager_of(&self.presence()).is_some()
        })
    }

    /// Adds the manager that an access point has found.
    pub(super) fn decorate_cap(&self, record: &mut Record) {
        if self.cap().is_none() {
            return;
        }
        if let Some(manager) = self.topology.manager_of(&self.presence()) {
            record.set("current-caps-man-address", manager.address.to_string());
            record.set("current-caps-man-identity", text::encode(&manager.identity));
        }
    }
}

/// Shows an interface that provisioning made, in `/interface` or in its own menu.
fn made_interface(driver: Driver, m: &Managed, made: &Made, path: &str, now: Tick) -> Record {
    let mut row = Record::new()
        .with(".id", format!("*{:X}", made.id))
        .with("name", text::encode(&made.interface));
    if path == "/interface" {
        let kind = match driver {
            Driver::Wireless => "cap",
            Driver::Wifi => "wifi",
        };
        let seconds = m.cap.uptime(now).as_secs_f64();
        let rate = 20_000.0 + 100_000.0 * Seed::new(2).of(&made.interface).unit();
        row.push("type", kind);
        row.push("mtu", "1500");
        row.push("actual-mtu", "1500");
        row.push("rx-byte", whole(seconds * rate).to_string());
        row.push("tx-byte", whole(seconds * rate * 6.0).to_string());
    } else {
        row.push("configuration.ssid", text::encode(&made.ssid));
        row.push("radio-mac", &m.radio.mac);
    }
    row.with("mac-address", &m.radio.mac)
        .with("running", made.is_enabled.to_string())
        .with("dynamic", "true")
        .with("disabled", (!made.is_enabled).to_string())
}

/// Says whether a rule of provisioning is for a radio.
fn is_for(rule: &Row, cap: &Presence, radio: &CapRadio) -> bool {
    let mac = rule.get("radio-mac").unwrap_or_default();
    let is_any = mac.is_empty() || mac == "00:00:00:00:00:00";
    let expression = rule.get("identity-regexp").unwrap_or_default();
    let literal = expression.trim_matches(['^', '$', '*', '.']);
    (is_any || is_same(mac, &radio.mac)) && cap.identity.contains(literal)
}

fn is_same(mac: &str, other: &str) -> bool {
    mac.eq_ignore_ascii_case(other)
}

fn old_registration(made: &Made, s: &Station) -> Record {
    let (down, up) = s.bytes();
    let rate = 6.5 + 130.0 * s.quality();
    Record::new()
        .with(".id", format!("*{:X}", s.id))
        .with("interface", text::encode(&made.interface))
        .with("ssid", text::encode(&made.ssid))
        .with("mac-address", &s.mac)
        .with("rx-signal", format!("{:.0}", s.signal))
        .with("tx-rate", format!("{:.1}Mbps-20MHz/1S/SGI", rate * 0.9))
        .with("rx-rate", format!("{rate:.1}Mbps-20MHz/1S/SGI"))
        .with("tx-rate-set", "CCK:1-11 OFDM:6-54 BW:1x SGI:1x HT:0-7")
        .with("uptime", Core::span(s.since))
        .with("packets", format!("{},{}", down / 840, up / 310))
        .with("bytes", format!("{down},{up}"))
        .with("eap-identity", "")
}
