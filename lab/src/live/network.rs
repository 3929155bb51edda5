//! The neighbourhood: who else is at a device's site, as discovery and ARP see it.

use routeros::row::Row as Record;

use super::DYNAMIC;
use crate::core::Core;
use crate::presence::{Presence, Segment};
use crate::seed::Seed;
use crate::text;

impl Core {
    /// Returns the hosts of the management network that the device has heard of.
    fn hosts(&self) -> impl Iterator<Item = (u32, String, String)> {
        let [a, b, c, d] = self.spec.address.octets();
        let seed = self.seed;
        let last = [254, d.wrapping_add(1).max(1), d.wrapping_sub(1).max(1)];
        last.into_iter()
            .filter(move |x| *x != d)
            .enumerate()
            .map(move |(n, x)| {
                let address = format!("{a}.{b}.{c}.{x}");
                let nic = seed.of("host").of(&address).below(0x1_0000);
                let mac = format!("48:A9:8A:00:{:02X}:{:02X}", nic >> 8, nic & 0xFF);
                (DYNAMIC + u32::try_from(n).unwrap_or(0), address, mac)
            })
    }

    /// Returns the devices beside it which tell of themselves: those at its cables, those in the
    /// management network if it stands there, and the gateway of its site.
    pub(super) fn neighbors(&self) -> Vec<Record> {
        let own = self.presence();
        let mut rows = Vec::new();
        for beside in self.topology.beside(&own) {
            let here = own.segments.get(&beside.own_port).filter(|s| s.is_heard);
            let there = beside.who.segments.get(&beside.port);
            let there = there.filter(|s| s.is_told);
            if let (Some(here), Some(there)) = (here, there) {
                let n = Seed::new(0).of(&beside.who.name).below(0x1_0000);
                let id = DYNAMIC + 0x1_0000 + u32::try_from(n).unwrap_or(0);
                rows.push(self.neighbor(id, here, there, &beside.who));
            }
        }
        let uplink = own.segments.get("ether1").filter(|s| s.is_heard);
        let is_outside = !self.topology.has_above(&self.spec.name);
        let uplink = uplink.filter(|_| is_outside && self.ingress().is_some());
        let hosts = uplink.map(|here| self.hosts().filter_map(|host| self.host(here, host)));
        rows.extend(hosts.into_iter().flatten());
        rows
    }

    /// Returns a host of the management network as a neighbour: a device of the lab, or a gateway.
    fn host(&self, here: &Segment, (id, address, mac): (u32, String, String)) -> Option<Record> {
        let ip = address.parse().ok()?;
        if let Some(device) = self.topology.at(ip) {
            let name = &device.spec.name;
            let who = self.topology.seen(name).filter(|w| w.carries("ether1"))?;
            let there = who.segments.get("ether1").filter(|s| s.is_told)?;
            let is_here = !self.topology.has_above(name);
            return is_here.then(|| self.neighbor(id, here, there, &who));
        }
        if !address.ends_with(".254") {
            return None;
        }
        let row = self.heard(id, here).with("address", &address);
        let age = self.age(id);
        Some(
            row.with("address4", &address)
                .with("mac-address", mac)
                .with("identity", format!("gw-{}", address.replace('.', "-")))
                .with("platform", "MikroTik")
                .with("version", "7.20.8 (long-term)")
                .with("unpack", "none")
                .with("age", age)
                .with("board", "CCR2216-1G-12XS-2XQ")
                .with("interface-name", "sfp28-1"),
        )
    }

    fn heard(&self, id: u32, here: &Segment) -> Record {
        let is_listed = self.release.at_least(7, 0) && here.name != here.port;
        let interface = if is_listed {
            format!("{},{}", here.port, here.name)
        } else {
            here.name.clone()
        };
        Record::new()
            .with(".id", format!("*{id:X}"))
            .with("interface", text::encode(&interface))
    }

    /// Says how long ago a neighbour was last heard of; each speaks twice a minute.
    fn age(&self, id: u32) -> String {
        format!("{}s", (self.clock.now().0 / 1000 + u64::from(id)) % 30)
    }

    fn neighbor(&self, id: u32, here: &Segment, there: &Segment, who: &Presence) -> Record {
        let version = who.release.announced();
        let board = who.board.name;
        let address = who.address.to_string();
        let mut row = self
            .heard(id, here)
            .with("address", &address)
            .with("address4", &address)
            .with("mac-address", &who.mac)
            .with("identity", text::encode(&who.identity))
            .with("platform", "MikroTik")
            .with("version", &version)
            .with("unpack", "none")
            .with("age", self.age(id))
            .with("uptime", Self::span(who.uptime(self.clock.now())))
            .with("software-id", &who.software_id)
            .with("board", board);
        if self.release.at_least(7, 0) {
            row.push("ipv6", "false");
        }
        let interface = if there.name == there.port {
            there.port.clone()
        } else {
            format!("{}/{}", there.name, there.port)
        };
        row.push("interface-name", text::encode(&interface));
        row.push(
            "system-description",
            format!("MikroTik RouterOS {version} {board}"),
        );
        row.push("system-caps", "bridge,router");
        row.push("system-caps-enabled", "bridge,router");
        if self.release.at_least(7, 7) {
            row.push("discovered-by", "cdp,lldp,mndp");
        }
        row
    }

    pub(super) fn arp(&self) -> Vec<Record> {
        let Some(ingress) = self.ingress() else {
            return Vec::new();
        };
        let behind = self.lease_neighbours();
        let uplink = self.hosts();
        let uplink = uplink.map(|(id, address, mac)| (id, address, mac, ingress.clone()));
        uplink
            .chain(behind)
            .map(|(id, address, mac, interface)| {
                let flag = if self.release.at_least(7, 0) {
                    "dhcp"
                } else {
                    "DHCP"
                };
                let mut record = Record::new()
                    .with(".id", format!("*{id:X}"))
                    .with("address", &address)
                    .with("mac-address", &mac)
                    .with("interface", &interface)
                    .with("published", "false")
                    .with("invalid", "false")
                    .with(flag, "false")
                    .with("dynamic", "true")
                    .with("complete", "true")
                    .with("disabled", "false");
                if self.release.at_least(7, 0) {
                    record.push("status", "reachable");
                }
                record
            })
            .collect()
    }
}
