//! Commands that show again and again what goes on: monitors, loads, measurements.

use std::time::Duration;

use routeros::error::Trap;
use routeros::row::Row as Record;
use routeros::value::format_duration;

use super::{After, Order, Outcome};
use crate::core::{Caller, Core, whole};
use crate::text;
use crate::trap;

/// Commands that show a sample a second until they are stopped.
const MONITORS: &[&str] = &[
    "/interface/ethernet/monitor",
    "/interface/ethernet/poe/monitor",
    "/interface/monitor-traffic",
    "/interface/wifi/monitor",
    "/interface/wifiwave2/monitor",
    "/interface/wireless/monitor",
    "/system/resource/monitor",
    "/tool/profile",
];

/// What a processor does, with the part of its load that each takes.
const TASKS: &[(&str, f64)] = &[
    ("spi", 0.3),
    ("console", 0.02),
    ("firewall", 0.2),
    ("networking", 0.25),
    ("management", 0.1),
    ("profiling", 0.03),
    ("unclassified", 0.1),
];

/// What a speed test does, one after the other.
const PHASES: &[(&str, &str)] = &[
    ("ping", "ping-min-avg-max"),
    ("tcp download", "tcp-download"),
    ("tcp upload", "tcp-upload"),
    ("udp download", "udp-download"),
    ("udp upload", "udp-upload"),
];

/// How copper and fibre name their speeds, before and after releases told them apart.
const OLD_SPEEDS: &str = "10M-half,10M-full,100M-half,100M-full,1000M-half,1000M-full";
const NEW_SPEEDS: &str = "10M-baseT-half,10M-baseT-full,100M-baseT-half,100M-baseT-full,\
                          1G-baseT-half,1G-baseT-full";

/// Says whether a command shows samples.
pub(super) fn is_monitor(path: &str) -> bool {
    MONITORS.contains(&path)
}

impl Core {
    pub(super) fn monitor(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "test")?;
        for name in ["interval", "duration"] {
            if order.has(name) && order.time(name).is_none() {
                return Err(trap::invalid(name));
            }
        }
        let rows = self.sample(order)?;
        if order.has("once") {
            return Ok(Outcome::rows(rows));
        }
        let rows = rows.into_iter().map(|r| r.with(".section", "0"));
        let mut outcome = Outcome::rows(rows.collect());
        outcome.after = Some(After::Monitor(Box::new(order.clone())));
        Ok(outcome)
    }

    /// Takes one sample of what a monitor shows.
    pub(crate) fn sample(&self, order: &Order) -> Result<Vec<Record>, Trap> {
        if order.menu == "/tool" {
            return self.load(order.arg("cpu"));
        }
        if order.menu == "/system/resource" {
            let all = self.records("/system/resource");
            let shown = |r: &Record| {
                let pick = |n: &str| r.raw(n).map(<[u8]>::to_vec);
                [
                    ("cpu-used", pick("cpu-load")),
                    ("free-memory", pick("free-memory")),
                ]
                .into_iter()
                .filter_map(|(k, v)| Some((k, v?)))
                .collect::<Record>()
            };
            return Ok(all.iter().map(shown).collect());
        }
        let names = order.arg("interface").or_else(|| order.numbers());
        let names = names.ok_or_else(|| trap::missing_value("interface"))?;
        let ids = self.resolve("/interface", names, order.is_console)?;
        let meant = self
            .interfaces()
            .into_iter()
            .filter(|i| ids.contains(&i.row.shown_id()));
        if matches!(
            order.menu.as_str(),
            "/interface/wireless" | "/interface/wifi" | "/interface/wifiwave2"
        ) {
            return Ok(meant.filter_map(|i| self.radio_sample(i.name())).collect());
        }
        if order.menu == "/interface/ethernet/poe" {
            return Ok(meant.map(|i| self.power_sample(i.name())).collect());
        }
        if order.menu == "/interface/ethernet" {
            return Ok(meant.map(|i| self.ethernet_sample(i.name())).collect());
        }
        let per_second = |x: f64| whole(x).to_string();
        let rows = meant.map(|i| {
            let t = self.traffic(&i);
            Record::new()
                .with("name", text::encode(i.name()))
                .with("rx-packets-per-second", per_second(t.rx_rate / 702.0))
                .with("rx-bits-per-second", per_second(t.rx_rate * 8.0))
                .with("fp-rx-packets-per-second", per_second(t.rx_rate / 702.0))
                .with("fp-rx-bits-per-second", per_second(t.rx_rate * 8.0))
                .with("rx-drops-per-second", "0")
                .with("rx-errors-per-second", "0")
                .with("tx-packets-per-second", per_second(t.tx_rate / 655.0))
                .with("tx-bits-per-second", per_second(t.tx_rate * 8.0))
                .with("fp-tx-packets-per-second", per_second(t.tx_rate / 655.0))
                .with("fp-tx-bits-per-second", per_second(t.tx_rate * 8.0))
                .with("tx-drops-per-second", "0")
                .with("tx-queue-drops-per-second", "0")
                .with("tx-errors-per-second", "0")
        });
        Ok(rows.collect())
    }

    fn ethernet_sample(&self, name: &str) -> Record {
        let is_up = self.is_running(name);
        let is_optical = name.starts_with("sfp");
        let mut row = Record::new()
            .with("name", text::encode(name))
            .with("status", if is_up { "link-ok" } else { "no-link" })
            .with(
                "auto-negotiation",
                if is_up { "done" } else { "incomplete" },
            );
        if is_up {
            let rate = if name.starts_with("sfp-sfpplus") {
                "10Gbps"
            } else {
                "1Gbps"
            };
            row = row
                .with("rate", rate)
                .with("full-duplex", "true")
                .with("tx-flow-control", "false")
                .with("rx-flow-control", "false");
        }
        let is_new = self.release.at_least(7, 12);
        let speeds = match (is_optical, is_new) {
            (true, _) => "",
            (false, true) => NEW_SPEEDS,
            (false, false) => OLD_SPEEDS,
        };
        if is_new {
            row = row.with("supported", speeds);
        }
        let partner = if is_up { speeds } else { "" };
        let row = row
            .with("advertising", speeds)
            .with("link-partner-advertising", partner);
        if is_optical {
            self.module_sample(name, is_up, row)
        } else {
            row
        }
    }

    /// Adds what the module in an optical port says of itself.
    fn module_sample(&self, name: &str, is_there: bool, row: Record) -> Record {
        let row = row.with("sfp-module-present", is_there.to_string());
        if !is_there {
            return row;
        }
        let seed = self.seed.of("module").of(name);
        let level = |what: &str, mean: f64, swing: f64| {
            self.wave(
                &format!("{what} {name}"),
                mean + seed.of(what).unit(),
                swing,
            )
        };
        row.with("sfp-rx-loss", "false")
            .with("sfp-tx-fault", "false")
            .with("sfp-type", "SFP-or-SFP+")
            .with("sfp-connector-type", "LC")
            .with("sfp-link-length-50um", "80")
            .with("sfp-link-length-62um", "30")
            .with("sfp-vendor-name", "Mikrotik")
            .with("sfp-vendor-part-number", "S+85DLC03D")
            .with("sfp-vendor-revision", "A")
            .with(
                "sfp-vendor-serial",
                format!("ST{:08X}", seed.below(0xFFFF_FFFF)),
            )
            .with("sfp-manufacturing-date", "18-12-07")
            .with("sfp-wavelength", "850")
            .with(
                "sfp-temperature",
                format!("{:.0}", level("heat", 33.0, 3.0)),
            )
            .with(
                "sfp-supply-voltage",
                format!("{:.3}", level("volts", 2.75, 0.02)),
            )
            .with(
                "sfp-tx-bias-current",
                format!("{:.0}", level("bias", 5.5, 0.6)),
            )
            .with("sfp-tx-power", format!("{:.3}", level("out", -3.3, 0.15)))
            .with("sfp-rx-power", format!("{:.3}", level("in", -4.8, 0.4)))
            .with("eeprom-checksum", "good")
    }

    /// Returns what the processors do: together, each, or one of them.
    fn load(&self, cpu: Option<&str>) -> Result<Vec<Record>, Trap> {
        let cores = match cpu {
            Some("all") => (0..self.board.cores).map(Some).collect(),
            Some("total") | None => vec![None],
            Some(core) => {
                let core = core.parse().ok().filter(|c| *c < self.board.cores);
                vec![Some(core.ok_or_else(|| trap::invalid("cpu"))?)]
            }
        };
        Ok(cores.into_iter().flat_map(|c| self.tasks(c)).collect())
    }

    /// Returns what the processors do, or one of them, and what it comes to.
    fn tasks(&self, core: Option<u32>) -> Vec<Record> {
        let resource = self.records("/system/resource");
        let load = resource.first().and_then(|r| r.text("cpu-load"));
        let load: f64 = load.and_then(|l| l.parse().ok()).unwrap_or(0.0);
        let row = |name: &str, halves: u64| {
            let half = if halves % 2 == 1 { ".5" } else { "" };
            let row = Record::new().with("name", name);
            let row = match core {
                Some(core) => row.with("cpu", core.to_string()),
                None => row,
            };
            row.with("usage", format!("{}{half}", halves / 2))
        };
        let tasks = TASKS
            .iter()
            .map(|(name, part)| (*name, whole(load * part * 2.0)));
        let total = tasks.clone().map(|(_, halves)| halves).sum();
        let all = tasks.chain([("total", total)]);
        all.map(|(name, halves)| row(name, halves)).collect()
    }

    /// Measures how much goes through to another router, a second for each kind of traffic.
    pub(super) fn speed_test(&self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "test")?;
        let address = order
            .arg("address")
            .ok_or_else(|| trap::missing_value("address"))?;
        let Some(echo) = self.echo(address) else {
            let row = Record::new().with("status", "could not connect");
            return Ok(Outcome::after(After::Series(vec![vec![row]], None)));
        };
        let spell = |d: Duration| format_duration(d);
        let around = |d: Duration| format!("{} / {} / {}", spell(d / 2), spell(d), spell(d * 3));
        let speed = |name: &str| {
            let rate = 600 + self.seed.of("speed").of(address).of(name).below(340);
            let load = 6 + self.seed.of("speed-load").of(name).below(30);
            format!("{rate}Mbps local-cpu-load:{load}%")
        };
        let mut known = Record::new();
        let mut sections = Vec::new();
        for (n, (status, name)) in PHASES.iter().enumerate() {
            if n == 0 {
                known.push(name, around(echo));
                known.push("jitter-min-avg-max", around(echo / 8));
                known.push("loss", "0% (0/200)");
            } else {
                known.push(name, speed(name));
            }
            let left = PHASES.len() - n - 1;
            let is_last = left == 0;
            let row = Record::new()
                .with("status", if is_last { "done" } else { status })
                .with("time-remaining", format!("{left}s"));
            let row = known.iter().fold(row, |row, (k, v)| row.with(k, v));
            sections.push(vec![row]);
        }
        Ok(Outcome::after(After::Series(sections, None)))
    }

    /// Adds what only `print status` shows. Nobody in the lab answers as a peer: one that can be
    /// reached is being connected to.
    pub(super) fn add_status(&self, menu: &str, rows: &mut [Record]) {
        if menu != "/routing/bgp/peer" {
            return;
        }
        for row in rows {
            let address = row.text("remote-address").unwrap_or_default().into_owned();
            let is_on = row.text("disabled").as_deref() != Some("true");
            let is_near = is_on && self.echo(&address).is_some();
            row.set("state", if is_near { "connect" } else { "idle" });
        }
    }
}
