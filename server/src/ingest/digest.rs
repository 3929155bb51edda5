//! From a poll and what was known before to what is known after. Pure.

use jiff::Timestamp;
use serde::Serialize;
use tod_proto::api::devices::Status;
use tod_proto::bus::sample::{InterfaceCounters, Observation, Outcome, Sample};
use tod_proto::id::DeviceId;
use tod_proto::selector::version_key;
use tod_proto::untrusted::Untrusted;
use uuid::Uuid;

use super::rates::{self, Counted, CountedByName, Rate};
use super::status::{self, Health};
use crate::event::NewEvent;

/// The most interfaces of a device that are kept.
const MAX_INTERFACES: usize = 4096;
/// The longest text from a device that is kept, in characters.
const MAX_TEXT: usize = 255;
/// So much younger than expected and a device has restarted.
const RESTART_SLACK_SECONDS: i64 = 120;

/// The row of a device in `device_state`, as far as polls write it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct State {
    pub(super) device_id: Uuid,
    pub(super) status: &'static str,
    pub(super) status_since: Timestamp,
    pub(super) status_reason: Option<String>,
    pub(super) seen_at: Option<Timestamp>,
    pub(super) identity: Option<String>,
    pub(super) model: Option<String>,
    pub(super) arch: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) other_serial: Option<String>,
    pub(super) version: Option<String>,
    pub(super) version_key: Option<Vec<i64>>,
    pub(super) channel: Option<String>,
    pub(super) uptime_seconds: Option<i64>,
    pub(super) cpu_percent: Option<f64>,
    pub(super) mem_percent: Option<f64>,
    pub(super) disk_percent: Option<f64>,
    pub(super) temperature_celsius: Option<f64>,
    pub(super) voltage: Option<f64>,
    pub(super) rx_bps: Option<i64>,
    pub(super) tx_bps: Option<i64>,
    pub(super) poll_ms: Option<i32>,
    pub(super) polled_at: Option<Timestamp>,
    pub(super) counted_at: Option<Timestamp>,
    pub(super) failures: i32,
    pub(super) hot_polls: i32,
}

/// The row of an interface.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct InterfaceRow {
    pub(super) device_id: Uuid,
    pub(super) name: String,
    pub(super) position: i32,
    pub(super) kind: String,
    pub(super) running: bool,
    pub(super) disabled: bool,
    pub(super) comment: Option<String>,
    pub(super) mac: Option<String>,
    pub(super) mtu: Option<i32>,
    pub(super) rx_bytes: Option<i64>,
    pub(super) tx_bytes: Option<i64>,
    pub(super) rx_packets: Option<i64>,
    pub(super) tx_packets: Option<i64>,
    pub(super) rx_bps: Option<i64>,
    pub(super) tx_bps: Option<i64>,
    pub(super) errors: Option<i64>,
    pub(super) drops: Option<i64>,
}

/// A device as it is known, while samples are worked in.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) status: Status,
    /// What its interfaces counted at `state.counted_at`.
    pub(super) counted: CountedByName,
    /// Its interfaces as the newest sample saw them, if one did.
    pub(super) interfaces: Option<Vec<InterfaceRow>>,
    /// Values for the time series.
    pub(super) values: Vec<(String, Timestamp, f64)>,
    /// What happened.
    pub(super) events: Vec<NewEvent>,
    /// Sign-ins by hour, in seconds since 1970.
    pub(super) logins: Vec<(i64, i32)>,
    /// The certificate and the SSH host key trusted at first use.
    pub(super) tls_pin: Option<String>,
    pub(super) ssh_pin: Option<String>,
}

impl Known {
    /// Works a sample in. One that is not newer than what is known changes nothing.
    pub(super) fn take(&mut self, sample: &Sample) -> bool {
        if self.state.polled_at.is_some_and(|last| sample.at <= last) {
            return false;
        }
        self.state.polled_at = Some(sample.at);
        self.state.poll_ms = i32::try_from(sample.poll_ms).ok();
        if let Ok(logins @ 1..) = i32::try_from(sample.logins) {
            self.logins
                .push((sample.at.as_second().div_euclid(3600) * 3600, logins));
        }
        let health = Health {
            status: self.status,
            reason: self.state.status_reason.take(),
            failures: self.state.failures,
            hot_polls: self.state.hot_polls,
        };
        let health = match &sample.outcome {
            Outcome::Answered(seen) => self.answered(sample, seen, &health),
            Outcome::Failed(failure) => status::failed(&health, failure),
        };
        self.enter(&health, sample.at);
        true
    }

    fn answered(&mut self, sample: &Sample, seen: &Observation, before: &Health) -> Health {
        let restarted = self.note_restart(sample.at, seen);
        self.note_identity(seen);
        let state = &mut self.state;
        state.seen_at = Some(sample.at);
        state.model = text(seen.model.as_ref()).or(state.model.take());
        state.arch = text(seen.arch.as_ref()).or(state.arch.take());
        state.channel = text(seen.channel.as_ref()).or(state.channel.take());
        state.cpu_percent = seen.cpu_percent.filter(|load| load.is_finite());
        state.mem_percent = used_percent(seen.mem_free_bytes, seen.mem_total_bytes);
        state.disk_percent = used_percent(seen.disk_free_bytes, seen.disk_total_bytes);
        state.temperature_celsius = seen.temperature_celsius.filter(|value| value.is_finite());
        state.voltage = seen.voltage.filter(|value| value.is_finite());
        let mut health = status::answered(before, seen, state.disk_percent);
        if let (Some(known), Some(other)) = (&state.serial, &state.other_serial) {
            health.status = Status::Degraded;
            health.reason = Some(format!(
                "another device answers here: serial number {other}, not {known}"
            ));
        }
        if let Some(interfaces) = &seen.interfaces {
            self.count(sample.at, interfaces, restarted);
        }
        self.tls_pin = seen.tls_pin.clone().or(self.tls_pin.take());
        self.ssh_pin = seen.ssh_pin.clone().or(self.ssh_pin.take());
        self.value_all(sample);
        health
    }

    fn enter(&mut self, health: &Health, at: Timestamp) {
        if health.status != self.status {
            let reason = health
                .reason
                .as_deref()
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            self.happened(
                "device.status",
                Some(self.status.as_str().to_owned()),
                Some(health.status.as_str().to_owned()),
                format!("{} is {}{reason}", self.name, health.status.as_str()),
            );
            self.status = health.status;
            self.state.status = health.status.as_str();
            self.state.status_since = at;
        }
        self.state.status_reason = health.reason.as_deref().map(cut);
        self.state.failures = health.failures;
        self.state.hot_polls = health.hot_polls;
    }

    fn note_restart(&mut self, at: Timestamp, seen: &Observation) -> bool {
        let before = self.state.uptime_seconds;
        let now = seen.uptime_seconds.and_then(|up| i64::try_from(up).ok());
        self.state.uptime_seconds = now;
        let (Some(before), Some(now), Some(seen_at)) = (before, now, self.state.seen_at) else {
            return false;
        };
        let expected = before.saturating_add(at.as_second() - seen_at.as_second());
        let restarted = now < before || now.saturating_add(RESTART_SLACK_SECONDS) < expected;
        if restarted {
            let message = format!("{} restarted {now} s ago", self.name);
            self.happened("device.rebooted", None, None, message);
        }
        restarted
    }

    fn note_identity(&mut self, seen: &Observation) {
        let name = self.name.clone();
        let mut changed = Vec::new();
        let mut set = |what: &str, old: &mut Option<String>, new: Option<String>| {
            let Some(new) = new else { return };
            if let Some(old) = old.as_deref().filter(|old| *old != new) {
                changed.push((what.to_owned(), old.to_owned(), new.clone()));
            }
            *old = Some(new);
        };
        let state = &mut self.state;
        set(
            "identity",
            &mut state.identity,
            text(seen.identity.as_ref()),
        );
        set("version", &mut state.version, text(seen.version.as_ref()));
        state.version_key = state
            .version
            .as_deref()
            .and_then(version_key)
            .map(|key| key.into_iter().map(i64::from).collect());
        self.note_serial(text(seen.serial.as_ref()));
        for (what, old, new) in changed {
            let message = format!("the {what} of {name} changed from {old} to {new}");
            self.happened("device.identity", Some(old), Some(new), message);
        }
    }

    /// A device is known by its serial number. Another one at its address does not take its place
    /// until a person says so.
    fn note_serial(&mut self, seen: Option<String>) {
        let Some(seen) = seen else { return };
        let state = &mut self.state;
        let Some(known) = state.serial.clone() else {
            state.serial = Some(seen);
            return;
        };
        let before = state.other_serial.take();
        if seen == known {
            if let Some(before) = before {
                let message = format!("{} answers as itself again: {known}", self.name);
                self.happened("device.identity", Some(before), Some(known), message);
            }
            return;
        }
        state.other_serial = Some(seen.clone());
        if before.as_ref() != Some(&seen) {
            let message = format!(
                "another device answers as {}: serial number {seen}, not {known}; nothing is \
                 written to it",
                self.name
            );
            self.happened("device.identity", Some(known), Some(seen), message);
        }
    }

    fn count(&mut self, at: Timestamp, interfaces: &[InterfaceCounters], restarted: bool) {
        let since = self.state.counted_at.filter(|_| !restarted);
        let millis = since.map_or(0, |since| {
            u64::try_from(at.as_millisecond() - since.as_millisecond()).unwrap_or(0)
        });
        let mut counted = CountedByName::new();
        let mut rows = Vec::new();
        let mut rated: Vec<(&InterfaceCounters, Rate)> = Vec::new();
        for interface in interfaces.iter().take(MAX_INTERFACES) {
            let name = cut(interface.name.raw());
            let now = Counted {
                rx_bytes: interface.rx_bytes,
                tx_bytes: interface.tx_bytes,
            };
            let rate = rates::rate(self.counted.get(&name).copied(), now, millis);
            if counted.insert(name.clone(), now).is_some() {
                continue;
            }
            rows.push(row(self.state.device_id, rows.len(), name, interface, rate));
            rated.push((interface, rate));
        }
        let sum = rates::total(rated.iter().map(|(interface, rate)| (*interface, rate)));
        self.state.rx_bps = signed(sum.rx_bps);
        self.state.tx_bps = signed(sum.tx_bps);
        for row in rows.iter().filter(|row| !is_dynamic(&row.kind)) {
            for (direction, rate) in [("rx", row.rx_bps), ("tx", row.tx_bps)] {
                if let Some(rate) = rate {
                    self.values
                        .push((format!("iface:{}:{direction}", row.name), at, float(rate)));
                }
            }
        }
        self.state.counted_at = Some(at);
        self.counted = counted;
        self.interfaces = Some(rows);
    }

    fn value_all(&mut self, sample: &Sample) {
        let state = &self.state;
        let rates_are_new = state.counted_at == Some(sample.at);
        let values = [
            ("cpu", state.cpu_percent),
            ("mem", state.mem_percent),
            ("disk", state.disk_percent),
            ("temp", state.temperature_celsius),
            ("volt", state.voltage),
            ("rx", state.rx_bps.filter(|_| rates_are_new).map(float)),
            ("tx", state.tx_bps.filter(|_| rates_are_new).map(float)),
            ("poll_ms", Some(f64::from(sample.poll_ms))),
        ];
        let values = values
            .into_iter()
            .filter_map(|(series, value)| value.map(|value| (series.to_owned(), sample.at, value)));
        self.values.extend(values);
    }

    fn happened(
        &mut self,
        kind: &'static str,
        from: Option<String>,
        to: Option<String>,
        message: String,
    ) {
        self.events.push(NewEvent {
            kind,
            device: Some(DeviceId(self.state.device_id)),
            device_name: Some(self.name.clone()),
            from,
            to,
            message,
            actor: None,
        });
    }
}

fn row(
    device_id: Uuid,
    position: usize,
    name: String,
    interface: &InterfaceCounters,
    rate: Rate,
) -> InterfaceRow {
    InterfaceRow {
        device_id,
        name,
        position: i32::try_from(position).unwrap_or(i32::MAX),
        kind: cut(interface.kind.raw()),
        running: interface.running,
        disabled: interface.disabled,
        comment: text(interface.comment.as_ref()),
        mac: text(interface.mac.as_ref()),
        mtu: interface.mtu.and_then(|mtu| i32::try_from(mtu).ok()),
        rx_bytes: signed(interface.rx_bytes),
        tx_bytes: signed(interface.tx_bytes),
        rx_packets: signed(interface.rx_packets),
        tx_packets: signed(interface.tx_packets),
        rx_bps: signed(rate.rx_bps),
        tx_bps: signed(rate.tx_bps),
        errors: signed(interface.errors),
        drops: signed(interface.drops),
    }
}

/// Whether an interface comes and goes with a subscriber: it is shown, and has no history.
fn is_dynamic(kind: &str) -> bool {
    kind.ends_with("-in")
}

fn used_percent(free: Option<u64>, total: Option<u64>) -> Option<f64> {
    let (free, total) = (free?, total.filter(|total| *total > 0)?);
    let per_mille = u128::from(total.saturating_sub(free)) * 1000 / u128::from(total);
    u32::try_from(per_mille)
        .ok()
        .map(|value| f64::from(value) / 10.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate of 2^53 bit/s does not exist"
)]
fn float(value: i64) -> f64 {
    value as f64
}

fn signed(value: Option<u64>) -> Option<i64> {
    value.and_then(|value| i64::try_from(value).ok())
}

fn text(text: Option<&Untrusted>) -> Option<String> {
    text.map(|text| cut(text.raw()))
}

/// Text as PostgreSQL can keep it: without NUL, and not too long.
fn cut(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests;
