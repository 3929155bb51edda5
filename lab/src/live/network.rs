//! The neighbourhood: who else is at a device's site, as discovery and ARP see it.

use routeros::row::Row as Record;

use super::DYNAMIC;
use crate::core::Core;

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

    pub(super) fn neighbors(&self) -> Vec<Record> {
        let Some(ingress) = self.ingress() else {
            return Vec::new();
        };
        self.hosts()
            .map(|(id, address, mac)| {
                let age = (self.clock.now().0 / 1000 + u64::from(id)) % 60;
                Record::new()
                    .with(".id", format!("*{id:X}"))
                    .with("interface", &ingress)
                    .with("address", &address)
                    .with("address4", &address)
                    .with("mac-address", &mac)
                    .with("identity", format!("host-{}", address.replace('.', "-")))
                    .with("platform", "MikroTik")
                    .with("version", self.release.with_channel())
                    .with("unpack", "none")
                    .with("age", format!("{age}s"))
                    .with("board", self.board.name)
                    .with("interface-name", "ether1")
            })
            .collect()
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
