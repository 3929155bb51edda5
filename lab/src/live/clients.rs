//! Who is connected: stations of radios and hosts with leases, that come, stay, fade and go.
//!
//! **Invariant:** who is there follows from the device's seed and its clock alone.

use std::f64::consts::TAU;
use std::time::Duration;

use routeros::row::Row as Record;

use super::DYNAMIC;
use crate::clock::Tick;
use crate::core::{Core, Interface, whole};
use crate::presence::Driver;
use crate::seed::Seed;
use crate::text;
use crate::tree::Row;

/// Ids of stations and of leases begin here, past those of other dynamic rows.
const STATIONS: u32 = DYNAMIC + 0x100;
const LEASES: u32 = DYNAMIC + 0x800;

/// How long a station takes to come within reach, or to get out of it.
const FADE: f64 = 45.0;

/// Names that hosts say of themselves.
const NAMES: &[&str] = &[
    "anna-phone",
    "lap-204",
    "tv",
    "printer",
    "nas",
    "tablet",
    "camera-2",
    "DESKTOP-7Q",
    "pos-1",
];

/// A station that is there now.
pub(super) struct Station {
    pub(super) id: u32,
    pub(super) mac: String,
    address: String,
    name: &'static str,
    /// For how long it has been there.
    pub(super) since: Duration,
    /// In dBm.
    pub(super) signal: f64,
    /// Bytes a second, from it and to it.
    flow: (f64, f64),
}

impl Station {
    pub(super) fn bytes(&self) -> (u64, u64) {
        let t = self.since.as_secs_f64();
        (whole(self.flow.1 * t), whole(self.flow.0 * t))
    }

    pub(super) fn quality(&self) -> f64 {
        ((self.signal + 95.0) / 45.0).clamp(0.05, 1.0)
    }
}

/// What decides over who is somewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    seed: Seed,
    /// Since when the device has been up, and for how long it had been when the lab began.
    booted: Tick,
    before: Duration,
    is_first_boot: bool,
}

impl Crowd {
    /// Returns the stations at a place, which is a radio or a server of addresses.
    pub(super) fn stations(self, now: Tick, place: &str, first: u32) -> Vec<Station> {
        let seed = self.seed.of("stations").of(place);
        let count = 3 + seed.of("count").below(6);
        let ids = first..;
        let all = (0..count).zip(ids);
        all.filter_map(|(n, id)| self.station(now, seed.of(&n.to_string()), id))
            .collect()
    }

    fn station(self, tick: Tick, seed: Seed, id: u32) -> Option<Station> {
        let period = 900.0 + seed.of("period").unit() * 5400.0;
        let share = 0.55 + seed.of("share").unit() * 0.42;
        let now = tick.since(Tick::default()).as_secs_f64();
        let past = now + seed.of("phase").unit() * period + self.before.as_secs_f64();
        let within = past.rem_euclid(period);
        let stays = share * period;
        if within >= stays {
            return None;
        }
        let base = -48.0 - seed.of("distance").unit() * 28.0;
        let sway = 3.0 * (TAU * past / (17.0 + seed.of("sway").unit() * 30.0)).sin();
        // Nobody appears out of nothing: it walks in, and it walks out.
        let edge = within.min(stays - within);
        let fade = (1.0 - edge / FADE).max(0.0) * 24.0;
        let nic = seed.of("mac").below(0x100_0000);
        let before = self.before * u32::from(self.is_first_boot);
        let uptime = tick.since(self.booted) + before;
        let since = within.min(uptime.as_secs_f64());
        let flow = 400.0 * (seed.of("flow").unit() * 7.0).exp();
        Some(Station {
            id,
            mac: format!(
                "B8:27:EB:{:02X}:{:02X}:{:02X}",
                nic >> 16 & 0xFF,
                nic >> 8 & 0xFF,
                nic & 0xFF
            ),
            address: format!("192.168.88.{}", 20 + (id - STATIONS) % 200),
            name: seed.of("name").pick(NAMES).copied().unwrap_or("host"),
            since: Duration::from_secs(whole(since)),
            signal: (base + sway - fade).max(-94.0),
            flow: (flow, flow * 6.0),
        })
    }
}

impl Core {
    pub(crate) fn crowd(&self) -> Crowd {
        Crowd {
            seed: self.seed,
            booted: self.booted,
            before: self.uptime_before,
            is_first_boot: self.boot == 0,
        }
    }

    fn stations(&self, place: &str, first: u32) -> Vec<Station> {
        self.crowd().stations(self.clock.now(), place, first)
    }

    fn radios(&self, kind: &str) -> Vec<Interface> {
        let all = self.interfaces().into_iter();
        all.filter(|i| i.kind == kind && i.is_enabled()).collect()
    }

    /// Returns the registration table of a driver.
    pub(super) fn registrations(&self, path: &str) -> Vec<Record> {
        let (kind, is_old) = match path {
            "/interface/wireless/registration-table" => ("wlan", true),
            "/interface/wifiwave2/registration-table" => ("wifiwave2", false),
            _ => ("wifi", false),
        };
        let radios = self.radios(kind);
        let each = radios.iter().zip((STATIONS..).step_by(0x10));
        let own = each.filter(|(radio, _)| !self.is_given_away(radio.name()));
        let own = own.flat_map(|(radio, first)| {
            let is_station = radio
                .row
                .get("mode")
                .is_none_or(|m| m.starts_with("station"));
            if is_old && is_station {
                return vec![self.uplink_of(radio, first)];
            }
            let stations = self.stations(radio.name(), first);
            let rows = stations.iter().map(|s| {
                if is_old {
                    Self::old_registration(radio, s)
                } else {
                    let ssid = radio.row.get("configuration.ssid");
                    new_registration(radio.name(), ssid.unwrap_or("MikroTik"), s)
                }
            });
            rows.collect()
        });
        let mut rows: Vec<_> = own.collect();
        if !is_old {
            rows.extend(self.managed_registrations(Driver::Wifi));
        }
        rows
    }

    fn old_registration(radio: &Interface, s: &Station) -> Record {
        let (down, up) = s.bytes();
        let rate = 6.5 + 130.0 * s.quality();
        let signal = format!("{:.0}@6Mbps", s.signal);
        Record::new()
            .with(".id", format!("*{:X}", s.id))
            .with("interface", radio.name())
            .with("mac-address", &s.mac)
            .with("ap", "false")
            .with("wds", "false")
            .with("bridge", "false")
            .with("rx-rate", format!("{rate:.1}Mbps-20MHz/1S/SGI"))
            .with("tx-rate", format!("{:.1}Mbps-20MHz/1S/SGI", rate * 0.9))
            .with("packets", format!("{},{}", down / 840, up / 310))
            .with("bytes", format!("{down},{up}"))
            .with("frames", format!("{},{}", down / 840, up / 310))
            .with("tx-frames-timed-out", "0")
            .with("uptime", Self::span(s.since))
            .with("last-activity", format!("{}ms", 10 + s.id % 900))
            .with("signal-strength", signal)
            .with("signal-to-noise", format!("{:.0}", s.signal + 106.0))
            .with("signal-strength-ch0", format!("{:.0}", s.signal - 2.0))
            .with("tx-ccq", format!("{:.0}", 100.0 * s.quality()))
            .with("p-throughput", whole(rate * 700.0).to_string())
            .with("last-ip", &s.address)
            .with("802.1x-port-enabled", "true")
            .with("authentication-type", "wpa2-psk")
            .with("encryption", "aes-ccm")
            .with("group-encryption", "aes-ccm")
            .with("management-protection", "false")
            .with("wmm-enabled", "true")
    }

    /// A radio that is a station has one row: its access point.
    fn uplink_of(&self, radio: &Interface, id: u32) -> Record {
        let seed = self.seed.of("uplink").of(radio.name());
        let signal = self.wave("uplink", -58.0 - seed.unit() * 12.0, 4.0);
        let nic = seed.of("mac").below(0x1_0000);
        let traffic = self.traffic(radio);
        Record::new()
            .with(".id", format!("*{id:X}"))
            .with("interface", radio.name())
            .with("radio-name", "sector-1")
            .with(
                "mac-address",
                format!("48:A9:8A:FE:{:02X}:{:02X}", nic >> 8, nic & 0xFF),
            )
            .with("ap", "true")
            .with("wds", "false")
            .with("bridge", "false")
            .with("rx-rate", "144.4Mbps-20MHz/2S/SGI")
            .with("tx-rate", "130Mbps-20MHz/2S")
            .with("bytes", format!("{},{}", traffic.tx_byte, traffic.rx_byte))
            .with("uptime", Self::span(self.uptime()))
            .with("last-activity", "20ms")
            .with("signal-strength", format!("{signal:.0}@6Mbps"))
            .with("signal-to-noise", format!("{:.0}", signal + 106.0))
            .with("tx-ccq", "91")
            .with("rx-ccq", "88")
            .with("distance", "3")
            .with("routeros-version", self.release.to_string())
    }

    /// Returns what a monitor of a radio shows.
    pub(crate) fn radio_sample(&self, name: &str) -> Option<Record> {
        let radio = self.interface(name)?;
        let is_old = radio.kind == "wlan";
        if !radio.is_enabled() {
            let word = if is_old { "status" } else { "state" };
            return Some(Record::new().with(word, "disabled"));
        }
        let count = self.stations(name, STATIONS).len().to_string();
        let is_station = radio
            .row
            .get("mode")
            .is_none_or(|m| m.starts_with("station"));
        Some(match (is_old, is_station) {
            (true, true) => Record::new()
                .with("status", "connected-to-ess")
                .with("channel", "5500/20-Ce/an")
                .with("wireless-protocol", "802.11")
                .with("noise-floor", "-107")
                .with("overall-tx-ccq", "91"),
            (true, false) => Record::new()
                .with("status", "running-ap")
                .with("channel", "5180/20-Ceee/ac")
                .with("wireless-protocol", "802.11")
                .with("noise-floor", "-106")
                .with("overall-tx-ccq", "93")
                .with("registered-clients", &count)
                .with("authenticated-clients", &count),
            (false, _) => Record::new()
                .with("state", "running")
                .with("channel", "5180/ax/Ceee")
                .with("registered-peers", &count)
                .with("authorized-peers", &count)
                .with("tx-power", "20"),
        })
    }

    /// Returns the servers that give addresses now.
    fn servers(&self) -> impl Iterator<Item = (&Row, String)> {
        let rows = self.tree.rows("/ip/dhcp-server").iter();
        let on = rows.filter(|r| r.get("disabled") == Some("false"));
        on.filter_map(|row| {
            let interface = row.get("interface")?;
            self.is_running(interface)
                .then(|| (row, interface.to_owned()))
        })
    }

    /// Returns leases that nobody configured.
    pub(super) fn leases(&self) -> Vec<Record> {
        let each = self.servers().zip((LEASES..).step_by(0x10));
        each.flat_map(|((row, _), first)| {
            let server = row.get("name").unwrap_or_default();
            let stations = self.stations(server, first);
            stations
                .into_iter()
                .map(move |s| lease(server, &s))
                .collect::<Vec<_>>()
        })
        .collect()
    }

    /// Returns the hosts that have a lease, as the table of neighbours sees them.
    pub(super) fn lease_neighbours(&self) -> Vec<(u32, String, String, String)> {
        let each = self.servers().zip((LEASES..).step_by(0x10));
        each.flat_map(|((row, interface), first)| {
            let stations = self.stations(row.get("name").unwrap_or_default(), first);
            let rows = stations.into_iter();
            rows.map(move |s| (s.id, s.address, s.mac, interface.clone()))
                .collect::<Vec<_>>()
        })
        .collect()
    }

    /// Adds what is known of a peer that has been heard of.
    pub(super) fn decorate_peer(&self, row: &Row, record: &mut Record) {
        let address = row.get("endpoint-address").filter(|a| !a.is_empty());
        let interface = row.get("interface").unwrap_or_default();
        let is_on = !row.is("disabled") && self.is_running(interface);
        let (rx, tx) = (
            self.seed.of("rx").of(interface),
            self.seed.of("tx").of(interface),
        );
        let seconds = self.uptime().as_secs();
        if let Some(address) = address.filter(|_| is_on) {
            record.set("current-endpoint-address", address);
            record.set(
                "current-endpoint-port",
                row.get("endpoint-port").unwrap_or("13231"),
            );
            record.set("rx", (seconds * (200 + rx.below(9000))).to_string());
            record.set("tx", (seconds * (200 + tx.below(9000))).to_string());
            record.set(
                "last-handshake",
                Self::span(Duration::from_secs(seconds % 120)),
            );
        } else {
            record.set("rx", "0");
            record.set("tx", "0");
        }
    }
}

pub(super) fn new_registration(interface: &str, ssid: &str, s: &Station) -> Record {
    let (down, up) = s.bytes();
    let rate = whole(6.5e6 + 1.1e9 * s.quality());
    Record::new()
        .with(".id", format!("*{:X}", s.id))
        .with("interface", text::encode(interface))
        .with("ssid", text::encode(ssid))
        .with("mac-address", &s.mac)
        .with("uptime", Core::span(s.since))
        .with("last-activity", format!("{}ms", 10 + s.id % 900))
        .with("signal", format!("{:.0}", s.signal))
        .with("auth-type", "wpa2-psk")
        .with("band", "5ghz-ax")
        .with("tx-rate", rate.to_string())
        .with("rx-rate", (rate / 10 * 9).to_string())
        .with("packets", format!("{},{}", down / 840, up / 310))
        .with("bytes", format!("{down},{up}"))
        .with("tx-bits-per-second", whole(s.flow.1 * 8.0).to_string())
        .with("rx-bits-per-second", whole(s.flow.0 * 8.0).to_string())
        .with("authorized", "true")
}

fn lease(server: &str, s: &Station) -> Record {
    let left = 1800 - s.since.as_secs() % 900;
    Record::new()
        .with(".id", format!("*{:X}", s.id))
        .with("address", &s.address)
        .with("mac-address", &s.mac)
        .with("client-id", format!("1:{}", s.mac.to_lowercase()))
        .with("address-lists", "")
        .with("server", server)
        .with("dhcp-option", "")
        .with("status", "bound")
        .with("expires-after", Core::span(Duration::from_secs(left)))
        .with(
            "last-seen",
            Core::span(Duration::from_secs(s.since.as_secs() % 900)),
        )
        .with("active-address", &s.address)
        .with("active-mac-address", &s.mac)
        .with("active-server", server)
        .with("host-name", s.name)
        .with("radius", "false")
        .with("dynamic", "true")
        .with("blocked", "false")
        .with("disabled", "false")
}
