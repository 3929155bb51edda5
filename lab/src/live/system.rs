//! What a device says of itself: resources, health, hardware, packages, sessions, its log.

use std::f64::consts::TAU;

use routeros::row::Row as Record;
use routeros::version::Feature;

use crate::clock::{moment, spell_date, spell_moment};
use crate::core::Core;
use crate::core::shown_via;
use crate::text;

/// Packages that any device could have more of, with their size.
const EXTRA: &[(&str, u32)] = &[
    ("calea", 20_569),
    ("container", 94_318),
    ("iot", 331_864),
    ("rose-storage", 8_302_714),
    ("tr069-client", 139_345),
    ("user-manager", 409_704),
    ("wireless", 1_204_326),
    ("zerotier", 1_007_721),
];

impl Core {
    pub(super) fn system_records(&self, path: &str) -> Vec<Record> {
        match path {
            "/system/resource" => vec![self.resource()],
            "/system/health" => self.health(),
            "/system/routerboard" => vec![self.routerboard()],
            "/system/license" => vec![self.license()],
            "/system/package" => self.packages(),
            "/system/history" => self.history_records(),
            "/system/script/job" => self.job_records(),
            "/user/active" => self.active_users(),
            "/log" => self.log_records(),
            "/safe-mode" => {
                let holder = self.safe.as_ref().map(|s| s.user.as_str());
                vec![
                    Record::new()
                        .with("taken", holder.is_some().to_string())
                        .with("user", holder.unwrap_or_default()),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// Returns a value that swings slowly around a mean, seeded by its name.
    pub(crate) fn wave(&self, what: &str, mean: f64, swing: f64) -> f64 {
        let seed = self.seed.of(what);
        let period = 40.0 + seed.unit() * 200.0;
        let t = self
            .clock
            .now()
            .since(crate::clock::Tick::default())
            .as_secs_f64();
        let slow = (TAU * t / period + seed.of("phase").unit() * TAU).sin();
        let fast = (TAU * t / (period / 7.3)).sin();
        mean + swing * (0.7 * slow + 0.3 * fast)
    }

    fn resource(&self) -> Record {
        let base = 4.0 + self.seed.of("load").unit() * 30.0;
        let load = self.wave("cpu", base, base * 0.7).clamp(1.0, 100.0);
        let total = u64::from(self.board.ram) << 20;
        let free = self.wave("memory", 0.55, 0.06).clamp(0.05, 0.95);
        #[expect(clippy::cast_precision_loss, reason = "a share of some megabytes")]
        let free = crate::core::whole(total as f64 * free);
        let disk = u64::from(self.board.disk) << 20;
        let mut record = Record::new()
            .with("uptime", Self::span(self.uptime()))
            .with("version", self.release.with_channel())
            .with("build-time", self.release.build_time())
            .with("factory-software", "6.48.6")
            .with("free-memory", free.to_string())
            .with("total-memory", total.to_string())
            .with("cpu", self.board.cpu)
            .with("cpu-count", self.board.cores.to_string());
        if self.board.mhz > 0 {
            record.push("cpu-frequency", self.board.mhz.to_string());
        }
        record.push("cpu-load", format!("{load:.0}"));
        record.push("free-hdd-space", self.free_space().to_string());
        record.push("total-hdd-space", disk.to_string());
        let sectors = self.uptime().as_secs() / 11;
        record.push("write-sect-since-reboot", sectors.to_string());
        let past = self.seed.of("sectors").below(4_000_000);
        record.push("write-sect-total", (past + sectors).to_string());
        if self.board.is_routerboard() {
            record.push("bad-blocks", "0");
        }
        record
            .with("architecture-name", self.board.arch)
            .with("board-name", self.board.name)
            .with("platform", "MikroTik")
    }

    /// One row with a column for each sensor, or a row for each.
    fn health(&self) -> Vec<Record> {
        let readings = self.board.sensors.iter().map(|(name, tenths, unit)| {
            let value = match *unit {
                "ok" | "fail" => (*unit).to_owned(),
                "V" => format!("{:.1}", self.wave(name, f64::from(*tenths) / 10.0, 0.2)),
                "RPM" => format!("{:.0}", self.wave(name, f64::from(*tenths) / 10.0, 60.0)),
                _ => format!("{:.0}", self.wave(name, f64::from(*tenths) / 10.0, 3.0)),
            };
            let unit = if matches!(*unit, "ok" | "fail") {
                ""
            } else {
                *unit
            };
            (*name, value, unit)
        });
        if self.spec.switches.has_sensor_rows(self.release) {
            let rows = readings.zip(13_u32..).map(|((name, value, unit), id)| {
                Record::new()
                    .with(".id", format!("*{id:X}"))
                    .with("name", name)
                    .with("value", value)
                    .with("type", unit)
            });
            return rows.collect();
        }
        let row: Record = readings.map(|(name, value, _)| (name, value)).collect();
        if row.is_empty() {
            Vec::new()
        } else {
            vec![row]
        }
    }

    fn routerboard(&self) -> Record {
        let (current, newest) = self.firmware();
        Record::new()
            .with("routerboard", "true")
            .with("board-name", self.board.name)
            .with("model", self.board.model)
            .with("serial-number", self.serial())
            .with("firmware-type", self.board.arch)
            .with("factory-firmware", "6.48.6")
            .with("current-firmware", current.to_string())
            .with("upgrade-firmware", newest.to_string())
    }

    /// Returns the id of the licence, as exports show it.
    pub(crate) fn software_id(&self) -> String {
        let letters = b"ABCDEFGHIJKLMNPQRSTUVWXYZ0123456789";
        let letter = |n: usize| {
            let picked = self
                .hardware()
                .of("software-id")
                .of(&n.to_string())
                .pick(letters);
            picked.copied().map_or('X', char::from)
        };
        let half = |from: usize| (from..from + 4).map(letter).collect::<String>();
        format!("{}-{}", half(0), half(4))
    }

    fn license(&self) -> Record {
        if self.board.is_routerboard() {
            return Record::new()
                .with("software-id", self.software_id())
                .with("nlevel", "6")
                .with("features", "");
        }
        Record::new()
            .with("system-id", self.software_id())
            .with("level", "p1")
    }

    fn packages(&self) -> Vec<Record> {
        let row = |(name, id): (&str, u32)| {
            Record::new()
                .with(".id", format!("*{id:X}"))
                .with("name", name)
                .with("version", self.release.to_string())
                .with("build-time", self.release.build_time())
        };
        let usual = self.board.packages(self.release).iter().copied();
        let chosen = self.packages.iter().map(String::as_str);
        let names: Vec<&str> = if self.packages.is_empty() {
            usual.collect()
        } else {
            chosen.collect()
        };
        let bundle = format!("routeros-{}", self.board.arch);
        let installed = names.iter().copied().zip(1_u32..).map(|named| {
            let row = row(named).with("scheduled", "");
            if self.release.has_slashes() {
                row.with("disabled", "false")
            } else {
                row.with("bundle", &bundle).with("disabled", "false")
            }
        });
        let mut rows: Vec<_> = installed.collect();
        if self.release.at_least(7, 18) {
            let others = EXTRA.iter().filter(|(name, _)| !names.contains(name));
            let ids = u32::try_from(names.len()).unwrap_or(0) + 1..;
            rows.extend(others.zip(ids).map(|((name, size), id)| {
                let row = row((name, id)).with("size", size.to_string());
                row.with("scheduled", "").with("available", "true")
            }));
        }
        rows
    }

    fn history_records(&self) -> Vec<Record> {
        let floating = self.floating();
        let undone = self.undone.iter().map(|a| (a, false, false));
        let done = self.history.iter().rev().enumerate();
        let done = done.map(|(at, a)| (a, true, at < floating));
        undone
            .chain(done)
            .map(|(a, is_done, is_floating)| {
                Record::new()
                    .with(".id", format!("*{:X}", a.id))
                    .with("undoable", is_done.to_string())
                    .with("redoable", (!is_done).to_string())
                    .with("action", text::encode(&a.text))
                    .with("by", &a.by)
                    .with("policy", "write")
                    .with("time", spell_moment(self.release, a.at))
                    .with("floating-undo", is_floating.to_string())
            })
            .collect()
    }

    fn job_records(&self) -> Vec<Record> {
        let row = |(id, job): (&u32, &crate::core::Job)| {
            Record::new()
                .with(".id", format!("*{id:X}"))
                .with("script", text::encode(&job.name))
                .with("owner", &job.owner)
                .with("started", spell_moment(self.release, job.started))
                .with("type", "command")
        };
        self.jobs.iter().map(row).collect()
    }

    fn active_users(&self) -> Vec<Record> {
        let sessions = self
            .sessions
            .iter()
            .filter_map(|(id, s)| Some((id, s, s.user.as_ref()?)));
        sessions
            .map(|(id, session, user)| {
                let when = self.clock.wall(session.since);
                Record::new()
                    .with(".id", format!("*{id:X}"))
                    .with("when", spell_moment(self.release, when))
                    .with("name", text::encode(user))
                    .with("address", session.peer.ip().to_string())
                    .with("via", shown_via(session.via))
                    .with("group", text::encode(self.group_of(user)))
                    .with("radius", "false")
            })
            .collect()
    }

    fn log_records(&self) -> Vec<Record> {
        let today = spell_date(self.release, self.wall());
        let is_iso = self.release.has(Feature::IsoDates);
        self.log
            .iter()
            .map(|line| {
                let (date, time) = (spell_date(self.release, line.at), moment(line.at).time);
                let at = if is_iso {
                    format!("{date} {time}")
                } else if date == today {
                    time.to_string()
                } else {
                    format!("{} {time}", date.get(..6).unwrap_or(&date))
                };
                Record::new()
                    .with(".id", format!("*{:X}", line.id))
                    .with("time", at)
                    .with("topics", line.topics)
                    .with("message", text::encode(&line.message))
            })
            .collect()
    }

    pub(super) fn decorate_clock(&self, record: &mut Record) {
        let now = self.wall();
        record.set("time", moment(now).time.to_string());
        record.set("date", spell_date(self.release, now));
        record.set("gmt-offset", "+00:00");
        record.set("dst-active", "false");
    }
}
