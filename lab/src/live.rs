//! What a device shows: stored rows with what follows from their state, and rows nobody stored.

use routeros::row::Row as Record;
use routeros::value::format_duration;

use crate::clock::spell_moment;
use crate::core::{Core, Interface};
use crate::fleet::SchedulerRule;
use crate::schema::{Access, Kind, Menu, SCHEMA, Storage};
use crate::text;
use crate::tree::Row;
use crate::value::Net;

mod capsman;
mod clients;
mod network;
mod system;

pub(crate) use clients::Crowd;

/// Dynamic rows have ids far above those of configuration.
const DYNAMIC: u32 = 0x8000_0000;

impl Core {
    /// Returns the rows of a menu as a `print` without arguments shows them.
    pub(crate) fn records(&self, path: &str) -> Vec<Record> {
        if let Some(menu) = SCHEMA.menu(path).filter(|m| m.storage == Storage::Live) {
            return self.live(&menu.path);
        }
        let menu = SCHEMA.menu(path);
        if path.ends_with("/registration-table") && !path.starts_with("/caps-man") {
            return self.registrations(path);
        }
        let rows = self.tree.rows(path).iter();
        let mut records: Vec<_> = rows.map(|row| self.full(menu, path, row)).collect();
        if records.is_empty() && self.is_single(path) {
            // Nobody has touched it.
            records.push(self.full(menu, path, &Row::default()));
        }
        match path {
            "/ip/arp" => records.extend(self.arp()),
            "/ip/dhcp-server/lease" => records.extend(self.leases()),
            "/caps-man/interface" | "/interface/wifi" => {
                records.extend(self.made_interfaces(path));
            }
            _ => {}
        }
        if path == "/ip/route" {
            records.extend(self.connected_routes());
        }
        records
    }

    fn live(&self, path: &str) -> Vec<Record> {
        match path {
            "/interface" => {
                let all = self.interfaces();
                let mut rows: Vec<_> = all.iter().map(|i| self.interface_record(i)).collect();
                rows.extend(self.made_interfaces(path));
                rows
            }
            "/ip/neighbor" => self.neighbors(),
            "/interface/ethernet/poe" => self.powered_ports(),
            _ if path.ends_with("/registration-table") && !path.starts_with("/caps-man") => {
                self.registrations(path)
            }
            _ => match self.capsman(path) {
                Some(rows) => rows,
                None => self.system_records(path),
            },
        }
    }

    /// Returns a stored row with its defaults and its state.
    pub(crate) fn full(&self, menu: Option<&Menu>, path: &str, row: &Row) -> Record {
        let mut record = Record::new();
        let is_single = self.is_single(path);
        if !is_single {
            record.push(".id", row.shown_id());
        }
        let Some(menu) = menu else {
            for (key, value) in row.props.iter().filter(|(k, _)| !k.starts_with('.')) {
                record.push(key, text::encode(value));
            }
            return record;
        };
        for prop in menu
            .props
            .iter()
            .filter(|p| p.exists_in(self.release.version()))
        {
            if prop.access == Access::WriteOnly {
                continue;
            }
            let flag =
                || (prop.kind == Kind::Bool && prop.access == Access::ReadOnly).then_some("false");
            let default = prop.default.filter(|_| !row.is_cleared(&prop.name));
            let value = row.get(&prop.name).or(default);
            if let Some(value) = value.or_else(flag) {
                record.push(&prop.name, text::encode(value));
            }
        }
        // What an export brought and the schema does not know is kept.
        for (key, value) in &row.props {
            if !key.starts_with(['.', '!']) && !menu.props.iter().any(|p| p.name == *key) {
                record.push(key, text::encode(value));
            }
        }
        if row.is_dynamic {
            record.set("dynamic", "true");
        }
        self.decorate(path, row, &mut record);
        record
    }

    /// Adds what follows from the device's state.
    fn decorate(&self, path: &str, row: &Row, record: &mut Record) {
        if SCHEMA
            .menu(path)
            .is_some_and(|m| m.interface_type.is_some())
        {
            if let Some(interface) = self.interface(row.get("name").unwrap_or_default()) {
                self.decorate_interface(&interface, record);
            }
            return;
        }
        match path {
            "/ip/address" => {
                let name = row.get("interface").unwrap_or_default();
                let actual = self.master(name).unwrap_or_else(|| name.to_owned());
                record.set("actual-interface", &actual);
                record.set("invalid", (self.interface(name).is_none()).to_string());
                record.unset("slave");
            }
            "/ip/route" => self.decorate_route(row, record),
            "/ip/service" => {
                record.set("invalid", "false");
            }
            "/system/scheduler" => self.decorate_schedule(row, record),
            "/system/script" => {
                let runs = self.script_runs.get(&row.id);
                record.set("run-count", runs.map_or(0, |r| r.0).to_string());
                if let Some((_, at)) = runs {
                    let at = self.clock.wall(*at);
                    record.set("last-started", spell_moment(self.release, at));
                }
            }
            "/tool/netwatch" => self.decorate_watch(row, record),
            "/interface/wireguard/peers" => self.decorate_peer(row, record),
            "/system/clock" => self.decorate_clock(record),
            "/certificate" => self.decorate_certificate(row, record),
            "/interface/wifi/cap" => self.decorate_cap(record),
            "/file" => {
                let contents = record.raw("contents").map_or(0, <[u8]>::len);
                let is_plain = row.get("type").is_none_or(|t| t != "directory");
                if is_plain {
                    record.set("size", contents.to_string());
                }
                if contents > 60 << 10 || row.get("type") == Some("backup") {
                    record.unset("contents");
                }
            }
            "/system/package/update" => self.decorate_update(record),
            "/queue/simple" => {
                for (name, value) in [("bytes", "0/0"), ("packets", "0/0"), ("rate", "0bps/0bps")] {
                    record.set(name, value);
                }
            }
            _ if path.starts_with("/ip/firewall/") => self.decorate_rule(path, row, record),
            _ => {}
        }
    }

    fn decorate_schedule(&self, row: &Row, record: &mut Record) {
        let runs = self.timers.get(&row.id).map_or(0, |t| t.runs);
        record.set("run-count", runs.to_string());
        if let Some(next) = self.next_run(row.id) {
            record.set("next-run", spell_moment(self.release, next));
        }
        if self.spec.scheduler == SchedulerRule::Inactivated {
            record.set(".about", "inactivated, not allowed by device-mode");
        }
    }

    fn decorate_rule(&self, path: &str, row: &Row, record: &mut Record) {
        if path == "/ip/firewall/address-list" || path == "/ip/firewall/service-port" {
            return;
        }
        let seed = self.seed.of(path).of(&row.id.to_string());
        let is_on = !row.is("disabled");
        let per_second = seed.below(40);
        let packets = if is_on {
            per_second * self.uptime().as_secs()
        } else {
            0
        };
        record.set("packets", packets.to_string());
        record.set("bytes", (packets * 93).to_string());
    }

    fn decorate_route(&self, row: &Row, record: &mut Record) {
        let gateway = row.get("gateway").unwrap_or_default();
        let interface = self.gateway_interface(row).filter(|_| !row.is("disabled"));
        let is_active = interface.is_some();
        record.set("active", is_active.to_string());
        record.set("static", "true");
        record.unset("connect");
        if let Some(interface) = interface {
            if self.release.at_least(7, 0) {
                record.set("immediate-gw", format!("{gateway}%{interface}"));
            } else {
                record.set(
                    "gateway-status",
                    format!("{gateway} reachable via  {interface}"),
                );
            }
        } else {
            record.set("inactive", "true");
        }
    }

    fn connected_routes(&self) -> Vec<Record> {
        let rows = self.tree.rows("/ip/address").iter().enumerate();
        rows.filter(|(_, row)| !row.is("disabled"))
            .filter_map(|(n, row)| {
                let name = row.get("interface")?;
                let actual = self.master(name).unwrap_or_else(|| name.to_owned());
                let net = Net::parse(row.get("address")?)?;
                if !self.is_running(&actual) {
                    return None;
                }
                let id = DYNAMIC + u32::try_from(n).unwrap_or(0);
                let dst = Net {
                    address: net.network(),
                    bits: net.bits,
                };
                let mut record = Record::new()
                    .with(".id", format!("*{id:X}"))
                    .with("dst-address", dst.to_string())
                    .with("gateway", &actual)
                    .with("distance", "0")
                    .with("scope", "10")
                    .with("target-scope", "5");
                if self.release.at_least(7, 0) {
                    record.push("routing-table", "main");
                    record.push("immediate-gw", &actual);
                    record.push("local-address", format!("{}%{actual}", net.address));
                } else {
                    record.push("pref-src", net.address.to_string());
                    record.push("gateway-status", format!("{actual} reachable"));
                }
                for flag in ["active", "connect", "dynamic"] {
                    record.push(flag, "true");
                }
                record.push("disabled", "false");
                Some(record)
            })
            .collect()
    }

    /// Returns an interface as `/interface` shows it, whatever its type.
    fn interface_record(&self, interface: &Interface) -> Record {
        let menu = SCHEMA.menu(&interface.menu);
        let typed = self.full(menu, &interface.menu, &interface.row);
        let mut record = Record::new();
        record.push(".id", interface.row.shown_id());
        let copy = |record: &mut Record, name: &str| {
            if let Some(value) = typed.raw(name) {
                record.push(name, value);
            }
        };
        copy(&mut record, "name");
        copy(&mut record, "default-name");
        record.push("type", interface.kind);
        for name in ["mtu", "actual-mtu", "l2mtu", "mac-address"] {
            copy(&mut record, name);
        }
        if let Some(link) = self.links.get(&interface.row.id) {
            for (name, at) in [
                ("last-link-down-time", link.last_down),
                ("last-link-up-time", link.last_up),
            ] {
                if let Some(at) = at {
                    record.push(name, spell_moment(self.release, at));
                }
            }
            record.push("link-downs", link.downs.to_string());
        }
        let traffic = self.traffic(interface);
        let counters = [
            ("rx-byte", traffic.rx_byte),
            ("tx-byte", traffic.tx_byte),
            ("rx-packet", traffic.rx_byte / 702),
            ("tx-packet", traffic.tx_byte / 655),
            ("rx-drop", 0),
            ("tx-drop", 0),
            ("tx-queue-drop", traffic.tx_byte / 3_000_000_000),
            ("rx-error", 0),
            ("tx-error", 0),
            ("fp-rx-byte", traffic.rx_byte),
            ("fp-tx-byte", traffic.tx_byte),
            ("fp-rx-packet", traffic.rx_byte / 702),
            ("fp-tx-packet", traffic.tx_byte / 655),
        ];
        for (name, value) in counters {
            record.push(name, value.to_string());
        }
        for name in ["running", "slave", "disabled", "comment"] {
            copy(&mut record, name);
        }
        record
    }

    fn decorate_interface(&self, interface: &Interface, record: &mut Record) {
        let name = interface.name();
        let is_up = self.is_running(name);
        record.set("running", is_up.to_string());
        record.set("disabled", (!interface.is_enabled()).to_string());
        if self.master(name).is_some() {
            record.set("slave", "true");
        } else {
            record.unset("slave");
        }
        let mtu = record.text("mtu").map(std::borrow::Cow::into_owned);
        match mtu.as_deref() {
            Some("auto") => record.set("actual-mtu", "1500"),
            Some(mtu) => record.set("actual-mtu", mtu),
            None => {}
        }
        if !interface.is_enabled() {
            record.unset("actual-mtu");
        }
        if interface.kind == "wlan" && self.is_given_away(name) {
            record.set(".about", "managed by CAPsMAN");
        }
        if record.raw("mac-address").is_none() && interface.kind != "loopback" {
            record.set("mac-address", self.mac_of(interface));
        }
    }

    /// Returns the ports that give power to others.
    fn powered_ports(&self) -> Vec<Record> {
        let rows = self.tree.rows("/interface/ethernet").iter();
        let giving = rows.filter_map(|row| Some((row, row.get("poe-out")?)));
        giving
            .map(|(row, mode)| {
                Record::new()
                    .with(".id", row.shown_id())
                    .with("name", row.get("name").unwrap_or_default())
                    .with("poe-out", mode)
                    .with("poe-priority", "10")
                    .with("power-cycle-ping-enabled", "false")
                    .with("power-cycle-interval", "none")
            })
            .collect()
    }

    /// Returns what a monitor of a port's power shows.
    pub(crate) fn power_sample(&self, name: &str) -> Record {
        let row = Record::new().with("name", text::encode(name));
        let mode = self.interface(name);
        let mode = mode
            .as_ref()
            .and_then(|i| i.row.get("poe-out"))
            .unwrap_or("off");
        let is_on = mode != "off" && self.is_running(name);
        let status = match (mode, is_on) {
            ("off", _) => "disabled",
            (_, true) => "powered-on",
            (_, false) => "waiting-for-load",
        };
        let row = row.with("poe-out", mode).with("poe-out-status", status);
        if !is_on {
            return row;
        }
        let current = self.wave(name, 60.0 + self.seed.of("poe").of(name).unit() * 90.0, 8.0);
        row.with("poe-out-voltage", "24.1")
            .with("poe-out-current", format!("{current:.0}"))
            .with("poe-out-power", format!("{:.1}", current * 0.0241))
    }

    /// Returns the address that an interface has on the wire: its own, or that of the first port.
    pub(crate) fn mac_of(&self, interface: &Interface) -> String {
        let first = self.tree.rows("/interface/ethernet").first();
        let own = interface.row.get("default-name");
        let port = own.or_else(|| first.and_then(|p| p.get("default-name")));
        let n = self
            .hardware()
            .of("mac")
            .of(port.unwrap_or_default())
            .below(0x100_0000);
        let byte = |shift: u32| n >> shift & 0xFF;
        format!("48:A9:8A:{:02X}:{:02X}:{:02X}", byte(16), byte(8), byte(0))
    }

    /// Spells how long something has been.
    pub(crate) fn span(d: std::time::Duration) -> String {
        format_duration(std::time::Duration::from_secs(d.as_secs()))
    }
}
