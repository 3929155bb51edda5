//! Commands that are no plain work on rows: power, scripts, safe mode, logs, measurements.

use std::time::Duration;

use jiff::SignedDuration;
use routeros::error::Trap;

use super::monitor::is_monitor;
use super::{After, Order, Outcome};
use crate::clock::{moment, read_moment, spell_date};
use crate::core::{Caller, Core};
use crate::text;
use crate::trap;

impl Core {
    /// Carries out a command that is not one of a plain menu; nothing if it is.
    pub(super) fn special(
        &mut self,
        caller: &Caller,
        order: &Order,
    ) -> Result<Option<Outcome>, Trap> {
        let path = order.path();
        let probed = self.probe(caller, order, &path)?;
        if probed.is_some() {
            return Ok(probed);
        }
        let outcome = match path.as_str() {
            "/quit" => Outcome::after(After::Quit),
            "/export" => {
                let text = self.time_out(self.export("", order));
                self.export_to(caller, order, text)?
            }
            "/import" => self.import(caller, order)?,
            "/undo" | "/redo" => self.walk_history(caller, order)?,
            "/console/inspect" if self.release.has_slashes() => {
                self.require(caller, "read")?;
                self.inspect(order)?
            }
            "/system/reboot" | "/system/shutdown" => self.turn_off(caller, order)?,
            "/system/backup/save" => self.backup_save(caller, order)?,
            "/system/backup/load" => self.backup_load(caller, order)?,
            "/system/script/run" => self.run_script(order)?,
            "/execute" => execute(order)?,
            "/certificate/sign" | "/certificate/import" | "/user/ssh-keys/import" => {
                self.credentials(caller, order, &path)?
            }
            "/file/read" if self.release.at_least(7, 13) => self.read_file(order)?,
            path if is_monitor(path) => self.monitor(caller, order)?,
            "/tool/speed-test" => self.speed_test(caller, order)?,
            "/interface/reset-counters" => self.reset_counters_of(order)?,
            "/user/active/request-logout" if !self.release.at_least(7, 20) => {
                self.log_out(order)?
            }
            "/user/active/remove" if self.release.at_least(7, 20) => self.log_out(order)?,
            "/system/clock/set" => self.set_clock(caller, order)?,
            "/ip/dhcp-server/lease/make-static" => self.make_static(caller, order)?,
            "/safe-mode/take" | "/safe-mode/release" | "/safe-mode/unroll" | "/safe-mode/get"
                if self.release.at_least(7, 18) =>
            {
                return self.safe_mode(caller, order).map(Some);
            }
            _ if order.menu == "/log" && is_topic(&order.verb) => {
                let message = order.arg("message").unwrap_or_default().to_owned();
                self.say(topics(&order.verb), message);
                Outcome::default()
            }
            _ => return self.software(caller, &path),
        };
        Ok(Some(outcome))
    }

    fn walk_history(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        if order.verb == "undo" {
            self.undo()?;
        } else {
            self.redo()?;
        }
        Ok(Outcome::default())
    }

    fn turn_off(&self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "reboot")?;
        Ok(Outcome::after(if order.verb == "reboot" {
            let cause = caller.cause.clone();
            After::Reboot { cause, load: None }
        } else {
            After::Off
        }))
    }

    fn safe_mode(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        match order.verb.as_str() {
            "take" => {
                self.require(caller, "write")?;
                let session = caller.session.ok_or_else(trap::no_such_command)?;
                self.take_safe_mode(session, &caller.user)?;
                Ok(Outcome::default())
            }
            "release" => {
                self.release_safe_mode(caller.session)?;
                Ok(Outcome::default())
            }
            "unroll" => {
                self.unroll_safe_mode(caller.session)?;
                Ok(Outcome::text("Unrolling Safe Mode... Success!"))
            }
            "get" => {
                let is_taken = self.safe.is_some();
                let own = self
                    .safe
                    .as_ref()
                    .is_some_and(|s| Some(s.holder) == caller.session);
                let user = self
                    .safe
                    .as_ref()
                    .map(|s| s.user.clone())
                    .unwrap_or_default();
                Ok(Outcome::ret(match order.arg("value-name") {
                    Some("user") => user,
                    Some("own") => own.to_string(),
                    _ => is_taken.to_string(),
                }))
            }
            _ => Err(trap::no_such_command()),
        }
    }

    fn run_script(&mut self, order: &Order) -> Result<Outcome, Trap> {
        let number = order.numbers().or_else(|| order.arg("number"));
        let number = number.ok_or_else(|| trap::missing_value("number"))?;
        let ids = self.resolve("/system/script", number, order.is_console)?;
        let id = ids.first().and_then(|id| super::write::read_id(id));
        let row = self
            .tree
            .rows("/system/script")
            .iter()
            .find(|r| Some(r.id) == id);
        let row = row.ok_or_else(trap::no_such_item)?;
        let name = row.get("name").unwrap_or_default().to_owned();
        let source = text::encode(row.get("source").unwrap_or_default());
        let now = self.clock.now();
        let runs = self.script_runs.entry(row.id).or_insert((0, now));
        *runs = (runs.0 + 1, now);
        Ok(Outcome::after(After::Run { name, source }))
    }

    fn reset_counters_of(&mut self, order: &Order) -> Result<Outcome, Trap> {
        let numbers = order
            .numbers()
            .ok_or_else(|| trap::missing_value("numbers"))?;
        for id in self.resolve("/interface", numbers, order.is_console)? {
            if let Some(id) = super::write::read_id(&id) {
                self.reset_counters(id);
            }
        }
        Ok(Outcome::default())
    }

    /// Keeps the leases that are meant, as rows of their own.
    fn make_static(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        let numbers = order
            .numbers()
            .ok_or_else(|| trap::missing_value("numbers"))?;
        let ids = self.resolve(&order.menu, numbers, order.is_console)?;
        let leases = self.records(&order.menu);
        for id in ids {
            let Some(lease) = leases.iter().find(|l| l.id() == Some(id.as_str())) else {
                continue;
            };
            let named = ["address", "mac-address", "client-id", "server"].into_iter();
            let args = named.filter_map(|name| {
                let value = lease.raw(name)?;
                Some((name.to_owned(), Some(text::decode(value))))
            });
            let order = Order {
                menu: order.menu.clone(),
                verb: "add".to_owned(),
                args: args.collect(),
                ..Order::default()
            };
            self.write(caller, &order)?;
        }
        Ok(Outcome::default())
    }

    fn log_out(&mut self, order: &Order) -> Result<Outcome, Trap> {
        let numbers = order
            .numbers()
            .ok_or_else(|| trap::missing_value("numbers"))?;
        for id in self.resolve("/user/active", numbers, order.is_console)? {
            let id = super::write::read_id(&id).map(u64::from);
            if let Some(session) = id.and_then(|id| self.sessions.get(&id)) {
                session.gate.set(crate::gate::Mode::Cut);
            }
        }
        Ok(Outcome::default())
    }

    /// Sets date and time by shifting the device's clock; the rest is plain configuration.
    fn set_clock(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        let now = self.wall();
        let mut rest = order.clone();
        rest.args.retain(|(k, _)| k != "date" && k != "time");
        if order.has("date") || order.has("time") {
            let today = spell_date(self.release, now);
            let time = moment(now).time.to_string();
            let date = order.arg("date").unwrap_or(&today);
            let wanted = read_moment(date, order.arg("time").unwrap_or(&time));
            let wanted = wanted.ok_or_else(|| trap::invalid("time"))?;
            self.jump(wanted.duration_since(now));
        }
        if rest.args.is_empty() {
            Ok(Outcome::default())
        } else {
            self.write(caller, &rest)
        }
    }

    /// Moves the device's own clock; nothing but the clock moves.
    pub(crate) fn jump(&mut self, by: SignedDuration) {
        self.wall_shift = self.wall_shift.checked_add(by).unwrap_or(self.wall_shift);
        self.say("system,info", "time changed".to_owned());
        self.settle();
    }

    /// Returns the time an echo takes to an address, or nothing if it has no way there.
    pub(crate) fn echo(&self, address: &str) -> Option<Duration> {
        let address = address.parse().ok()?;
        if address == self.address() {
            return Some(Duration::from_micros(90));
        }
        let egress = self.egress(address)?;
        let is_lan = self.ingress() == Some(egress);
        let micros = 300 + self.seed.of("echo").below(900);
        is_lan.then(|| Duration::from_micros(micros))
    }
}

fn execute(order: &Order) -> Result<Outcome, Trap> {
    let source = order
        .arg("script")
        .ok_or_else(|| trap::missing_value("script"))?;
    let source = text::encode(source);
    let name = String::new();
    Ok(Outcome::after(After::Run { name, source }))
}

fn is_topic(verb: &str) -> bool {
    matches!(verb, "info" | "warning" | "error" | "debug")
}

/// Returns the topics under which a script's own line appears.
pub(crate) fn topics(topic: &str) -> &'static str {
    match topic {
        "warning" => "script,warning",
        "error" => "script,error",
        "debug" => "script,debug",
        _ => "script,info",
    }
}
