//! The network around a device: who reaches it, decided by its own configuration alone.
//!
//! A loopback peer is what its address says: usually 127.0.0.1, a host of the *management
//! network*. It lies behind the device's uplink, the first Ethernet port, untagged; a device
//! answers it only through a route that leaves by the uplink (new devices have a default route).

use std::net::IpAddr;

use tod_proto::lab::Fault;

use super::{Core, Ends, Power};
use crate::tree::Row;
use crate::value::{Net, address_matches, port_matches};

/// What a connection meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is answered.
    Open,
    /// It is refused; why.
    Refused(String),
    /// Nothing answers; why.
    Silent(String),
}

/// A packet, as rules see it.
#[derive(Debug, Clone, Copy)]
struct Packet<'a> {
    protocol: Protocol,
    source: IpAddr,
    destination: IpAddr,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    ingress: Option<&'a str>,
    egress: Option<&'a str>,
    state: &'a str,
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

impl Protocol {
    fn is(self, word: &str) -> bool {
        match self {
            Self::Tcp => matches!(word, "tcp" | "6"),
            Self::Udp => matches!(word, "udp" | "17"),
            Self::Icmp => matches!(word, "icmp" | "1"),
        }
    }
}

/// What a chain decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ruling {
    Accept,
    Drop,
    Reject,
    Return,
}

/// Why a connection beyond `max-sessions` is refused.
pub(crate) const TOO_MANY: &str = "too many sessions";

/// The interface by which a device talks with itself.
const LOOPBACK: &str = "lo";

/// How deep chains may jump.
const JUMPS: u8 = 8;

impl Core {
    /// Decides over a new connection.
    pub(crate) fn knock(&self, ends: Ends) -> Verdict {
        let (port, peer) = (ends.port, ends.peer.ip());
        if self.power == Power::Booting {
            return Verdict::Silent("the device is booting".to_owned());
        }
        if self.has_fault(|f| *f == Fault::Refuse) {
            return Verdict::Refused("a fault".to_owned());
        }
        let path = self.path_of(ends, "new");
        if path != Verdict::Open {
            return path;
        }
        let Some(service) = self.service_at(port) else {
            return Verdict::Refused(format!("no service listens at port {port}"));
        };
        let allowed = service.get("address").unwrap_or_default();
        let mut networks = allowed.split(',').filter(|n| !n.is_empty()).peekable();
        if networks.peek().is_some() && !networks.any(|n| address_matches(n, peer)) {
            return Verdict::Refused("not in the service's address list".to_owned());
        }
        let most = service
            .get("max-sessions")
            .and_then(|m| m.parse().ok())
            .unwrap_or(20);
        let taken = self
            .sessions
            .values()
            .filter(|s| s.port == port && s.user.is_some())
            .count();
        if taken >= most {
            return Verdict::Refused(TOO_MANY.to_owned());
        }
        Verdict::Open
    }

    /// Says whether a service that is not disabled listens at a port.
    pub(crate) fn serves(&self, port: u16) -> bool {
        self.service_at(port).is_some()
    }

    /// Decides whether packets of a connection still pass.
    pub(crate) fn path_of_established(&self, ends: Ends) -> Verdict {
        match self.path_of(ends, "established") {
            // A rejected packet of an open connection is lost, which is silence for both ends.
            Verdict::Refused(why) => Verdict::Silent(why),
            other => other,
        }
    }

    /// Returns the service that listens at a port.
    pub(crate) fn service_at(&self, port: u16) -> Option<&Row> {
        let port = port.to_string();
        let mut services = self.tree.rows("/ip/service").iter();
        services.find(|s| s.get("port") == Some(port.as_str()) && !s.is("disabled"))
    }

    fn path_of(&self, ends: Ends, state: &str) -> Verdict {
        let (port, peer) = (Some(ends.port), ends.peer.ip());
        if ends.is_inside {
            self.inner_path(port, peer, state)
        } else {
            self.path(Protocol::Tcp, port, peer, state)
        }
    }

    /// Decides over what a device sends to itself: it passes its chains, and no wire.
    fn inner_path(&self, port: Option<u16>, own: IpAddr, state: &str) -> Verdict {
        let sent = Packet {
            protocol: Protocol::Tcp,
            source: own,
            destination: own,
            source_port: None,
            destination_port: port,
            ingress: None,
            egress: Some(LOOPBACK),
            state,
        };
        let heard = Packet {
            ingress: Some(LOOPBACK),
            egress: None,
            ..sent
        };
        self.judge(heard, sent)
    }

    /// Decides over a datagram to a port that is no service of `/ip/service`.
    pub(crate) fn reaches_udp(&self, port: u16, peer: IpAddr) -> Verdict {
        self.reaches(Protocol::Udp, Some(port), peer)
    }

    /// Decides over an echo request of another device, to which there is a way.
    pub(crate) fn answers_echo(&self, peer: IpAddr) -> Verdict {
        if self.is_off() {
            return Verdict::Silent("the device does not answer".to_owned());
        }
        self.own_path(Protocol::Icmp, None, peer, "new")
    }

    fn is_off(&self) -> bool {
        self.power == Power::Booting || self.has_fault(|f| *f == Fault::Silent)
    }

    fn reaches(&self, protocol: Protocol, port: Option<u16>, peer: IpAddr) -> Verdict {
        if self.is_off() {
            return Verdict::Silent("the device does not answer".to_owned());
        }
        self.path(protocol, port, peer, "new")
    }

    fn path(&self, protocol: Protocol, port: Option<u16>, peer: IpAddr, state: &str) -> Verdict {
        match self.topology.cut(&self.spec.name) {
            Some(why) => Verdict::Silent(why),
            None => self.own_path(protocol, port, peer, state),
        }
    }

    /// Decides by the device's own configuration alone.
    fn own_path(
        &self,
        protocol: Protocol,
        port: Option<u16>,
        peer: IpAddr,
        state: &str,
    ) -> Verdict {
        let silent = |why: &str| Verdict::Silent(why.to_owned());
        let Some(ingress) = self.ingress() else {
            return silent("the uplink is down");
        };
        if !self.has_address(self.address()) {
            return silent("the device does not have the address");
        }
        match self.egress(peer) {
            None => return silent("no route to the peer"),
            Some(egress) if egress != ingress => {
                return silent("the route to the peer does not leave by the uplink");
            }
            Some(_) => {}
        }
        let inbound = Packet {
            protocol,
            source: peer,
            destination: self.address(),
            source_port: None,
            destination_port: port,
            ingress: Some(&ingress),
            egress: None,
            state,
        };
        let outbound = Packet {
            protocol,
            source: self.address(),
            destination: peer,
            source_port: port,
            destination_port: None,
            ingress: None,
            egress: Some(&ingress),
            state: "established",
        };
        self.judge(inbound, outbound)
    }

    /// Decides by the chains that a packet and its answer pass.
    fn judge(&self, inbound: Packet<'_>, outbound: Packet<'_>) -> Verdict {
        let chains = [
            ("/ip/firewall/raw", "prerouting", inbound),
            ("/ip/firewall/filter", "input", inbound),
            ("/ip/firewall/raw", "output", outbound),
            ("/ip/firewall/filter", "output", outbound),
        ];
        for (table, chain, packet) in chains {
            match self.chain(table, chain, packet, JUMPS) {
                Ruling::Drop => return Verdict::Silent(format!("{chain} drops it")),
                Ruling::Reject => return Verdict::Refused(format!("{chain} rejects it")),
                Ruling::Accept | Ruling::Return => {}
            }
        }
        Verdict::Open
    }

    /// Returns the interface on which packets of the uplink arrive.
    pub(crate) fn ingress(&self) -> Option<String> {
        let uplink = self.tree.rows("/interface/ethernet").iter();
        let mut uplink = uplink.filter(|r| r.get("default-name") == Some("ether1"));
        let port = uplink.next()?.get("name")?;
        if !self.is_running(port) {
            return None;
        }
        let master = self.master(port).unwrap_or_else(|| port.to_owned());
        self.is_running(&master).then_some(master)
    }

    fn has_address(&self, address: IpAddr) -> bool {
        self.addresses().any(|(net, _)| net.address == address)
    }

    /// Returns the addresses in use, with the interface each one really lives on.
    fn addresses(&self) -> impl Iterator<Item = (Net, String)> {
        self.tree
            .rows("/ip/address")
            .iter()
            .filter(|r| !r.is("disabled"))
            .filter_map(|row| {
                let interface = row.get("interface")?;
                let actual = self
                    .master(interface)
                    .unwrap_or_else(|| interface.to_owned());
                if !self.is_running(&actual) {
                    return None;
                }
                Some((Net::parse(row.get("address")?)?, actual))
            })
    }

    /// Returns the interface by which packets to a peer leave.
    pub(crate) fn egress(&self, peer: IpAddr) -> Option<String> {
        let connected = self.addresses().filter(|(net, _)| net.contains(peer));
        let connected = connected.map(|(net, interface)| (net.bits, 0, interface));
        let routes = self.tree.rows("/ip/route").iter().filter_map(|row| {
            let net = Net::parse(row.get("dst-address").unwrap_or("0.0.0.0/0"))?;
            let is_main = row.get("routing-table").is_none_or(|t| t == "main")
                && row.get("routing-mark").is_none();
            if row.is("disabled") || !is_main || !net.contains(peer) {
                return None;
            }
            let distance = row
                .get("distance")
                .and_then(|d| d.parse().ok())
                .unwrap_or(1_u32);
            let interface =
                if row.is("blackhole") || row.get("type").is_some_and(|t| t != "unicast") {
                    String::new()
                } else {
                    self.gateway_interface(row)?
                };
            Some((net.bits, distance, interface))
        });
        let best = connected
            .chain(routes)
            .max_by_key(|(bits, distance, _)| (*bits, std::cmp::Reverse(*distance)));
        best.map(|(_, _, interface)| interface)
            .filter(|i| !i.is_empty())
    }

    /// Says whether an address lies in a network of the device's own.
    pub(crate) fn is_connected(&self, address: &str) -> bool {
        let Ok(address) = address.parse() else {
            return false;
        };
        self.addresses().any(|(net, _)| net.contains(address))
    }

    /// Returns the gateway by which packets to an address leave.
    pub(crate) fn gateway_to(&self, address: &str) -> Option<String> {
        let address: IpAddr = address.parse().ok()?;
        let routes = self.tree.rows("/ip/route").iter();
        let fitting = routes.filter(|r| !r.is("disabled")).filter_map(|r| {
            let net = Net::parse(r.get("dst-address").unwrap_or("0.0.0.0/0"))?;
            let gateway = r.get("gateway")?;
            net.contains(address).then_some((net.bits, gateway))
        });
        let best = fitting.max_by_key(|(bits, _)| *bits);
        best.map(|(_, gateway)| gateway.to_owned())
    }

    /// Returns the interface of a route's gateway, if that is reachable.
    pub(crate) fn gateway_interface(&self, route: &Row) -> Option<String> {
        route.get("gateway")?.split(',').find_map(|gateway| {
            let gateway = gateway.split('@').next()?;
            match gateway.parse::<IpAddr>() {
                Ok(ip) => {
                    let mut nets = self.addresses().filter(|(net, _)| net.contains(ip));
                    nets.next().map(|(_, interface)| interface)
                }
                Err(_) => self.is_running(gateway).then(|| gateway.to_owned()),
            }
        })
    }

    fn chain(&self, table: &str, chain: &str, packet: Packet<'_>, jumps: u8) -> Ruling {
        for rule in self.tree.rows(table) {
            let is_here = rule.get("chain") == Some(chain) && !rule.is("disabled");
            if !is_here || !self.rule_matches(rule, packet) {
                continue;
            }
            match rule.get("action").unwrap_or("accept") {
                "accept" => return Ruling::Accept,
                "drop" | "tarpit" => return Ruling::Drop,
                "reject" => return Ruling::Reject,
                "return" => return Ruling::Return,
                "jump" if jumps > 0 => {
                    let target = rule.get("jump-target").unwrap_or_default();
                    match self.chain(table, target, packet, jumps - 1) {
                        Ruling::Return => {}
                        ruling => return ruling,
                    }
                }
                _ => {}
            }
        }
        Ruling::Return
    }

    /// Says whether a rule matches; one with a matcher that the lab does not know never does.
    fn rule_matches(&self, rule: &Row, packet: Packet<'_>) -> bool {
        rule.props
            .iter()
            .all(|(key, value)| self.matcher(key, value, packet))
    }

    fn matcher(&self, key: &str, value: &str, packet: Packet<'_>) -> bool {
        let port = |p: Option<u16>| p.is_some_and(|p| port_matches(value, p));
        match key {
            "src-address" => address_matches(value, packet.source),
            "dst-address" => address_matches(value, packet.destination),
            "src-address-list" => self.in_address_list(value, packet.source),
            "dst-address-list" => self.in_address_list(value, packet.destination),
            "protocol" => negatable(value, |v| packet.protocol.is(v)),
            "dst-port" => port(packet.destination_port),
            "src-port" => port(packet.source_port),
            "port" => port(packet.destination_port) || port(packet.source_port),
            "in-interface" => negatable(value, |v| packet.ingress == Some(v)),
            "out-interface" => negatable(value, |v| packet.egress == Some(v)),
            "in-interface-list" => negatable(value, |v| self.in_list(v, packet.ingress)),
            "out-interface-list" => negatable(value, |v| self.in_list(v, packet.egress)),
            "connection-state" => negatable(value, |v| v.split(',').any(|s| s == packet.state)),
            "dst-address-type" | "src-address-type" => negatable(value, |v| {
                v.split(',').any(|t| t == "local" || t == "unicast")
            }),
            "chain"
            | "action"
            | "comment"
            | "disabled"
            | "log"
            | "log-prefix"
            | "reject-with"
            | "jump-target"
            | "address-list"
            | "address-list-timeout" => true,
            _ => value.is_empty(),
        }
    }

    fn in_address_list(&self, value: &str, address: IpAddr) -> bool {
        negatable(value, |list| {
            self.tree.rows("/ip/firewall/address-list").iter().any(|r| {
                let is_listed = r.get("list") == Some(list) && !r.is("disabled");
                is_listed
                    && r.get("address")
                        .is_some_and(|a| address_matches(a, address))
            })
        })
    }

    pub(crate) fn in_list(&self, list: &str, interface: Option<&str>) -> bool {
        let Some(interface) = interface else {
            return false;
        };
        if list == "all" {
            return true;
        }
        self.tree.rows("/interface/list/member").iter().any(|r| {
            let is_member = r.get("list") == Some(list) && !r.is("disabled");
            is_member && r.get("interface") == Some(interface)
        })
    }
}

fn negatable(value: &str, is_it: impl Fn(&str) -> bool) -> bool {
    match value.strip_prefix('!') {
        Some(not) => !is_it(not),
        None => is_it(value),
    }
}
