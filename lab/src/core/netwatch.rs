//! Netwatch: hosts that a device asks now and then whether they are there.

use std::time::Duration;

use jiff::Timestamp;
use routeros::row::Row as Record;
use routeros::value::Value as _;

use super::{Core, Power};
use crate::clock::{Tick, spell_moment};
use crate::tree::Row;

const MENU: &str = "/tool/netwatch";

/// What a device knows of a host.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    due: Tick,
    is_up: Option<bool>,
    since: Timestamp,
}

/// A host that is to be asked now.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) id: u32,
    pub(crate) host: String,
}

impl Core {
    /// Brings the watches up to date with the entries.
    pub(crate) fn refresh_watches(&mut self) {
        let rows = self.tree.rows(MENU);
        if rows.is_empty() && self.watches.is_empty() {
            return;
        }
        let ids: Vec<u32> = rows
            .iter()
            .filter(|r| !r.is("disabled"))
            .map(|r| r.id)
            .collect();
        let (now, since) = (self.clock.now(), self.wall());
        self.watches.retain(|id, _| ids.contains(id));
        for id in ids {
            self.watches.entry(id).or_insert(Watch {
                due: now,
                is_up: None,
                since,
            });
        }
    }

    /// Returns when the next host is to be asked.
    pub(crate) fn next_look(&self) -> Option<Tick> {
        if self.power == Power::Booting {
            return None;
        }
        self.watches.values().map(|w| w.due).min()
    }

    /// Takes the hosts that are to be asked now.
    pub(crate) fn take_looks(&mut self) -> Vec<Look> {
        let now = self.clock.now();
        if self.power == Power::Booting {
            return Vec::new();
        }
        let rows = self.tree.rows(MENU).to_vec();
        let mut looks = Vec::new();
        for row in rows {
            let Some(watch) = self.watches.get_mut(&row.id).filter(|w| w.due <= now) else {
                continue;
            };
            watch.due = now.plus(interval(&row));
            looks.push(Look {
                id: row.id,
                host: row.get("host").unwrap_or_default().to_owned(),
            });
        }
        looks
    }

    /// Notes whether a host answered; returns the script to run if that has changed.
    pub(crate) fn note_look(&mut self, look: &Look, is_up: bool) -> Option<String> {
        let since = self.wall();
        let watch = self.watches.get_mut(&look.id)?;
        if watch.is_up == Some(is_up) {
            return None;
        }
        watch.is_up = Some(is_up);
        watch.since = since;
        let word = if is_up { "up" } else { "down" };
        if self.release.at_least(7, 0) {
            let host = &look.host;
            let message = format!("event {word} [ type: simple, host: {host} ]");
            self.say("netwatch,info", message);
        }
        self.changed.notify_waiters();
        let rows = self.tree.rows(MENU).iter();
        let row = rows.into_iter().find(|r| r.id == look.id)?;
        let script = row.get(&format!("{word}-script")).unwrap_or_default();
        (!script.is_empty()).then(|| script.to_owned())
    }

    /// Adds what is known of a host.
    pub(crate) fn decorate_watch(&self, row: &Row, record: &mut Record) {
        let watch = self.watches.get(&row.id);
        let status = match watch.and_then(|w| w.is_up) {
            Some(true) => "up",
            Some(false) => "down",
            None => "unknown",
        };
        record.set("status", status);
        if let Some(watch) = watch {
            record.set("since", spell_moment(self.release, watch.since));
        }
    }
}

fn interval(row: &Row) -> Duration {
    let text = row.get("interval").unwrap_or("10s");
    let interval = Duration::parse(text.as_bytes()).unwrap_or(Duration::from_secs(10));
    interval.max(Duration::from_millis(100))
}
