//! The scheduler's timers: when each entry runs next, counted on the lab's clock.
//!
//! An entry with an interval and no start of its own first runs after one interval; after a boot
//! it runs on the grid of its start. One that starts at `startup` runs three seconds after a boot.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use routeros::value::Value as _;

use super::{Core, Power};
use crate::clock::{Tick, moment, read_moment, spell_date};
use crate::fleet::SchedulerRule;
use crate::switches::{BootClock, BootTimers};
use crate::tree::Row;

/// When an entry runs, and how often it has.
#[derive(Debug, Clone)]
pub(crate) struct Timer {
    pub(crate) due: Option<Tick>,
    pub(crate) runs: u64,
    /// What the due time was computed from; it is computed again when this changes.
    plan: (String, String, String, bool),
    boot: u64,
}

/// A script that is running.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) started: Timestamp,
}

const MENU: &str = "/system/scheduler";

/// How long after its start a console is there for `startup` entries.
const STARTUP: Duration = Duration::from_secs(3);

impl Core {
    /// Says whether `device-mode` lets schedulers run.
    pub(crate) fn scheduler_runs(&self) -> bool {
        self.spec.scheduler == SchedulerRule::Allowed
    }

    /// Brings the timers up to date with the entries.
    pub(crate) fn refresh_timers(&mut self) {
        let rows = self.tree.rows(MENU).to_vec();
        self.timers.retain(|id, _| rows.iter().any(|r| r.id == *id));
        for row in rows {
            let text = |name| row.get(name).unwrap_or_default().to_owned();
            let plan = (
                text("start-date"),
                text("start-time"),
                text("interval"),
                row.is("disabled"),
            );
            let known = self.timers.get(&row.id);
            if known.is_some_and(|t| t.plan == plan && t.boot == self.boot) {
                continue;
            }
            let is_same_boot = known.is_some_and(|t| t.boot == self.boot);
            let runs = known.filter(|_| is_same_boot).map_or(0, |t| t.runs);
            let is_eager = known.is_none() && self.spec.switches.eager_timers;
            let has_booted = known.is_some() && !is_same_boot;
            let due = if has_booted {
                self.due_after_boot(&row)
            } else {
                self.first_due(&row)
            };
            let due = due.map(|due| if is_eager { self.clock.now() } else { due });
            self.timers.insert(
                row.id,
                Timer {
                    due,
                    runs,
                    plan,
                    boot: self.boot,
                },
            );
        }
    }

    /// Returns when an entry runs that was there before the boot.
    fn due_after_boot(&self, row: &Row) -> Option<Tick> {
        let interval = interval(row);
        let is_repeated = !interval.is_zero() && row.get("start-time") != Some("startup");
        let is_on = !row.is("disabled") && self.scheduler_runs();
        match self.spec.switches.boot_timers {
            BootTimers::Afresh if is_repeated => is_on.then(|| self.booted.plus(interval)),
            BootTimers::AtOnce if is_repeated => is_on.then(|| self.clock.now()),
            BootTimers::Grid | BootTimers::Afresh | BootTimers::AtOnce => self.first_due(row),
        }
    }

    /// Sets the clock to what it shows after a boot.
    pub(super) fn set_boot_clock(&mut self) {
        let by = match self.spec.switches.boot_clock {
            BootClock::Kept => return,
            BootClock::Behind => SignedDuration::from_hours(-1),
            BootClock::Lost => {
                let shown = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24);
                shown.duration_since(self.wall())
            }
        };
        self.wall_shift = self.wall_shift.checked_add(by).unwrap_or(self.wall_shift);
    }

    fn first_due(&self, row: &Row) -> Option<Tick> {
        if row.is("disabled") || !self.scheduler_runs() {
            return None;
        }
        let interval = interval(row);
        if row.get("start-time") == Some("startup") {
            // With an interval it never runs at boot, but from then on.
            let first = if interval.is_zero() {
                STARTUP
            } else {
                interval
            };
            let due = self.booted.plus(first);
            return (due >= self.clock.now()).then_some(due);
        }
        let start = read_moment(row.get("start-date")?, row.get("start-time")?)?;
        let now = self.wall();
        let past = u64::try_from(now.duration_since(start).as_millis());
        let step = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let wait = match (past, step) {
            (Err(_), _) => start.duration_since(now).unsigned_abs(),
            (Ok(_), 0) => return None,
            (Ok(past), step) => Duration::from_millis(step - past % step),
        };
        Some(self.clock.now().plus(wait))
    }

    /// Returns when the next entry is due.
    pub(crate) fn next_due(&self) -> Option<Tick> {
        if self.power == Power::Booting {
            return None;
        }
        self.timers.values().filter_map(|t| t.due).min()
    }

    /// Takes the entries that are due, in the order of the list, and sets their next time.
    pub(crate) fn take_due(&mut self) -> Vec<Row> {
        let now = self.clock.now();
        if self.power == Power::Booting {
            return Vec::new();
        }
        let rows = self.tree.rows(MENU).to_vec();
        let mut due = Vec::new();
        for row in rows {
            let Some(timer) = self.timers.get_mut(&row.id) else {
                continue;
            };
            let Some(at) = timer.due.filter(|at| *at <= now) else {
                continue;
            };
            timer.runs += 1;
            let interval = interval(&row);
            timer.due = (!interval.is_zero()).then(|| {
                let late = u64::try_from(now.since(at).as_millis()).unwrap_or(0);
                let step = u64::try_from(interval.as_millis())
                    .unwrap_or(u64::MAX)
                    .max(1);
                at.plus(Duration::from_millis(step.saturating_mul(late / step + 1)))
            });
            due.push(row);
        }
        due
    }

    /// Fills in the start of a new entry.
    pub(crate) fn stamp_start(&self, row: &mut Row) {
        let now = self.wall();
        if row.get("start-time") == Some("startup") {
            return;
        }
        if row.get("start-date").is_none() {
            row.set("start-date".into(), spell_date(self.release, now));
        }
        if row.get("start-time").is_none() {
            row.set("start-time".into(), moment(now).time.to_string());
        }
    }

    /// Returns when an entry runs next, by the device's clock.
    pub(crate) fn next_run(&self, id: u32) -> Option<Timestamp> {
        let due = self.timers.get(&id)?.due?;
        let wait = SignedDuration::try_from(due.since(self.clock.now())).ok()?;
        self.wall().checked_add(wait).ok()
    }
}

fn interval(row: &Row) -> Duration {
    let text = row.get("interval").unwrap_or("0s");
    Duration::parse(text.as_bytes()).unwrap_or_default()
}
