//! What a device tells over SNMP: system, interfaces, storage, processors, MikroTik's own.

use std::collections::BTreeMap;
use std::ops::Bound;

use routeros::row::Row as Record;

use super::ber::{Oid, Value};
use crate::core::{Core, Interface};
use crate::text;

/// All objects of a device at one moment.
#[derive(Debug, Default)]
pub(crate) struct Mib(BTreeMap<Oid, Value>);

impl Mib {
    pub(super) fn get(&self, name: &Oid) -> Value {
        if let Some(value) = self.0.get(name) {
            return value.clone();
        }
        let parent = name.get(..name.len().saturating_sub(1)).unwrap_or_default();
        let has_siblings = self
            .0
            .range::<[u32], _>((Bound::Excluded(parent), Bound::Unbounded))
            .next()
            .is_some_and(|(n, _)| n.starts_with(parent));
        if has_siblings {
            Value::NoSuchInstance
        } else {
            Value::NoSuchObject
        }
    }

    pub(super) fn next(&self, name: &Oid) -> (Oid, Value) {
        let after = (Bound::Excluded(name.as_slice()), Bound::Unbounded);
        match self.0.range::<[u32], _>(after).next() {
            Some((name, value)) => (name.clone(), value.clone()),
            None => (name.clone(), Value::EndOfView),
        }
    }

    fn put(&mut self, base: &[u32], tail: &[u32], value: Value) {
        self.0.insert([base, tail].concat(), value);
    }

    fn text(&mut self, base: &[u32], tail: &[u32], value: &str) {
        self.put(base, tail, Value::Octets(text::encode(value)));
    }
}

const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];
const IF_NUMBER: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 1, 0];
const IF_ENTRY: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1];
const IP_ADDRESSES: &[u32] = &[1, 3, 6, 1, 2, 1, 4, 20, 1];
const HOST: &[u32] = &[1, 3, 6, 1, 2, 1, 25];
const IF_X_ENTRY: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1];
const MIKROTIK: &[u32] = &[1, 3, 6, 1, 4, 1, 14988];

impl Core {
    /// Gathers all objects.
    pub(crate) fn mib(&self) -> Mib {
        let mut mib = Mib::default();
        self.put_system(&mut mib);
        let interfaces = self.interfaces();
        let count = i64::try_from(interfaces.len()).unwrap_or(0);
        mib.put(IF_NUMBER, &[], Value::Integer(count));
        for interface in &interfaces {
            self.put_interface(&mut mib, interface);
        }
        self.put_addresses(&mut mib);
        self.put_host(&mut mib);
        self.put_mikrotik(&mut mib);
        mib
    }

    fn ticks(&self) -> Value {
        let hundredths = u64::try_from(self.uptime().as_millis() / 10);
        Value::Ticks(clip(hundredths.unwrap_or(u64::MAX)))
    }

    fn put_system(&self, mib: &mut Mib) {
        let of = |name| self.tree.single("/snmp", name).unwrap_or_default();
        mib.text(SYSTEM, &[1, 0], &format!("RouterOS {}", self.board.name));
        mib.put(SYSTEM, &[2, 0], Value::Oid([MIKROTIK, &[1]].concat()));
        mib.put(SYSTEM, &[3, 0], self.ticks());
        mib.text(SYSTEM, &[4, 0], of("contact"));
        mib.text(SYSTEM, &[5, 0], self.identity());
        mib.text(SYSTEM, &[6, 0], of("location"));
        mib.put(SYSTEM, &[7, 0], Value::Integer(78));
    }

    fn put_interface(&self, mib: &mut Mib, interface: &Interface) {
        let index = interface.row.id;
        let (name, is_up) = (interface.name(), self.is_running(interface.name()));
        let kind = kind_of(interface.kind);
        let mtu = interface.row.get("mtu").and_then(|m| m.parse().ok());
        let speed = if is_up { megabits(name, kind) } else { 0 };
        let set = interface.row.get("mac-address").map(str::to_owned);
        let mac = set.unwrap_or_else(|| self.mac_of(interface));
        let mac = mac.split(':');
        let mac = mac.filter_map(|p| u8::from_str_radix(p, 16).ok());
        let comment = interface.row.get("comment").unwrap_or_default();
        let columns = [
            (1, Value::Integer(i64::from(index))),
            (2, Value::Octets(text::encode(name))),
            (3, Value::Integer(kind)),
            (4, Value::Integer(mtu.unwrap_or(1500))),
            (5, Value::Gauge32(clip(u64::from(speed) * 1_000_000))),
            (6, Value::Octets(mac.collect())),
            (7, status(interface.is_enabled())),
            (8, status(is_up)),
            (9, Value::Ticks(0)),
        ];
        for (column, value) in columns {
            mib.put(IF_ENTRY, &[column, index], value);
        }
        let columns = [
            (1, Value::Octets(text::encode(name))),
            (15, Value::Gauge32(speed)),
            (17, status(kind == 6)),
            (18, Value::Octets(text::encode(comment))),
        ];
        for (column, value) in columns {
            mib.put(IF_X_ENTRY, &[column, index], value);
        }
        self.put_counters(mib, interface);
    }

    fn put_counters(&self, mib: &mut Mib, interface: &Interface) {
        let index = interface.row.id;
        let t = self.traffic(interface);
        let (rx, tx) = (t.rx_byte, t.tx_byte);
        let narrow = [
            (10, rx),
            (11, rx / 702),
            (13, 0),
            (14, 0),
            (16, tx),
            (17, tx / 655),
            (19, 0),
            (20, 0),
        ];
        for (column, count) in narrow {
            mib.put(IF_ENTRY, &[column, index], Value::Counter32(wrapped(count)));
        }
        for (column, count) in [(6, rx), (7, rx / 702), (10, tx), (11, tx / 655)] {
            mib.put(IF_X_ENTRY, &[column, index], Value::Counter64(count));
        }
    }

    fn put_addresses(&self, mib: &mut Mib) {
        for row in self.tree.rows("/ip/address") {
            let net = crate::value::Net::parse(row.get("address").unwrap_or_default());
            let Some((net, std::net::IpAddr::V4(address))) = net.map(|n| (n, n.address)) else {
                continue;
            };
            let octets = address.octets();
            let [a, b, c, d] = octets.map(u32::from);
            let interface = row.get("interface").and_then(|i| self.interface(i));
            let index = interface.map_or(0, |i| i64::from(i.row.id));
            let mask = u32::MAX.checked_shl(32 - u32::from(net.bits)).unwrap_or(0);
            mib.put(IP_ADDRESSES, &[1, a, b, c, d], Value::Address(octets));
            mib.put(IP_ADDRESSES, &[2, a, b, c, d], Value::Integer(index));
            let mask = Value::Address(mask.to_be_bytes());
            mib.put(IP_ADDRESSES, &[3, a, b, c, d], mask);
        }
    }

    fn put_host(&self, mib: &mut Mib) {
        let all = self.records("/system/resource");
        let Some(resource) = all.first() else { return };
        mib.put(HOST, &[1, 1, 0], self.ticks());
        let memory = (
            number(resource, "total-memory"),
            number(resource, "free-memory"),
        );
        let disk = (
            number(resource, "total-hdd-space"),
            number(resource, "free-hdd-space"),
        );
        let storage = [
            (65_536, 2, "main memory", memory),
            (131_072, 4, "system disk", disk),
        ];
        for (index, kind, name, (total, free)) in storage {
            let kind = Value::Oid([HOST, &[2, 1, kind]].concat());
            let columns = [
                (1, Value::Integer(i64::from(index))),
                (2, kind),
                (3, Value::Octets(name.into())),
                (4, Value::Integer(1024)),
                (5, Value::Integer(signed(total / 1024))),
                (6, Value::Integer(signed(total.saturating_sub(free) / 1024))),
                (7, Value::Counter32(0)),
            ];
            for (column, value) in columns {
                mib.put(HOST, &[2, 3, 1, column, index], value);
            }
        }
        let load = signed(number(resource, "cpu-load"));
        for core in 1..=self.board.cores {
            let zero = Value::Oid(vec![0, 0]);
            mib.put(HOST, &[3, 3, 1, 1, core], zero);
            mib.put(HOST, &[3, 3, 1, 2, core], Value::Integer(load));
        }
    }

    fn put_mikrotik(&self, mib: &mut Mib) {
        let at = |tail: &[u32]| [&[1, 1], tail].concat();
        for (n, (name, value, unit)) in (1_u32..).zip(self.readings()) {
            let tenths = (value * 10.0).round();
            #[expect(clippy::cast_possible_truncation, reason = "a sensor's reading")]
            let (whole, tenths) = (value.round() as i64, tenths as i64);
            match name {
                "voltage" => mib.put(
                    MIKROTIK,
                    &at(&[3, 8, 0]),
                    Value::Gauge32(clip_signed(tenths)),
                ),
                "temperature" => mib.put(MIKROTIK, &at(&[3, 10, 0]), Value::Integer(tenths)),
                "cpu-temperature" => mib.put(MIKROTIK, &at(&[3, 11, 0]), Value::Integer(tenths)),
                _ => {}
            }
            let (kind, shown) = match unit {
                "C" => (1, whole),
                "RPM" => (2, whole),
                "V" => (3, tenths),
                _ => (6, whole),
            };
            mib.text(MIKROTIK, &at(&[3, 100, 1, 2, n]), name);
            mib.put(
                MIKROTIK,
                &at(&[3, 100, 1, 3, n]),
                Value::Gauge32(clip_signed(shown)),
            );
            mib.put(MIKROTIK, &at(&[3, 100, 1, 4, n]), Value::Integer(kind));
        }
        if self.board.mhz > 0 {
            mib.put(MIKROTIK, &at(&[3, 14, 0]), Value::Gauge32(self.board.mhz));
        }
        mib.text(MIKROTIK, &at(&[4, 1, 0]), &self.software_id());
        mib.put(MIKROTIK, &at(&[4, 3, 0]), Value::Integer(6));
        mib.text(MIKROTIK, &at(&[4, 4, 0]), &self.release.to_string());
        if self.board.is_routerboard() {
            let firmware = self.release.to_string();
            mib.text(MIKROTIK, &at(&[7, 3, 0]), &self.serial());
            mib.text(MIKROTIK, &at(&[7, 4, 0]), &firmware);
            mib.text(MIKROTIK, &at(&[7, 7, 0]), &firmware);
        }
        mib.text(MIKROTIK, &at(&[7, 8, 0]), self.board.name);
        for (n, row) in (1_u32..).zip(self.records("/ip/neighbor")) {
            let of = |name| row.text(name).unwrap_or_default().into_owned();
            let address: Option<std::net::Ipv4Addr> = of("address4").parse().ok();
            let address = address.map_or([0; 4], |a| a.octets());
            mib.put(MIKROTIK, &at(&[11, 1, 1, 2, n]), Value::Address(address));
            for (column, name) in [(4, "version"), (5, "platform"), (6, "identity")] {
                mib.text(MIKROTIK, &at(&[11, 1, 1, column, n]), &of(name));
            }
        }
    }

    /// Returns what the sensors of the board read.
    fn readings(&self) -> Vec<(&'static str, f64, &'static str)> {
        let sensors = self.board.sensors.iter();
        sensors
            .map(|(name, tenths, unit)| match *unit {
                "ok" => (*name, 0.0, *unit),
                "fail" => (*name, 1.0, *unit),
                unit => (*name, self.wave(name, f64::from(*tenths) / 10.0, 0.2), unit),
            })
            .collect()
    }
}

/// Returns the number of an interface's type, as IANA gave it.
fn kind_of(kind: &str) -> i64 {
    match kind {
        "ether" => 6,
        "bridge" => 209,
        "vlan" => 135,
        "wlan" | "wifi" => 71,
        "loopback" => 24,
        "bond" => 161,
        _ => 1,
    }
}

/// Returns how fast a running port is.
fn megabits(name: &str, kind: i64) -> u32 {
    match kind {
        6 if name.starts_with("sfp-sfpplus") => 10_000,
        6 => 1_000,
        _ => 0,
    }
}

fn status(is: bool) -> Value {
    Value::Integer(if is { 1 } else { 2 })
}

fn number(record: &Record, name: &str) -> u64 {
    record.get(name).unwrap_or(0)
}

fn clip(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn clip_signed(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Counters of 32 bits begin again when they are full.
fn wrapped(n: u64) -> u32 {
    u32::try_from(n & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}
