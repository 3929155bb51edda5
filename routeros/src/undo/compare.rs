//! Comparing what is read back with what was, and with what should be.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Snapshot;
use super::diff::{Line, changes};
use super::model::{Entry, Origin};
use super::planner::Plan;
use super::properties::{canonical, completed, is_dynamic, is_ordered, settings};
use crate::row::Row;
use crate::secret::is_sensitive;

/// The configuration in a row, in the one spelling that equal ones share.
fn configuration(menu: &str, row: &Row) -> BTreeMap<String, Vec<u8>> {
    let settings = settings(menu, row).map(|(name, value)| (name, canonical(value)));
    settings
        // A flag that is off is often left out.
        .filter(|(_, value)| value.as_ref() != b"false")
        .map(|(name, value)| (name.to_owned(), value.into_owned()))
        .collect()
}

/// How the configuration of a menu differs: lines of what is gone, and of what is new.
///
/// Counters, states, ids and dynamic items do not count; order counts in menus that are ordered.
pub fn compare(menu: &str, before: &[Row], now: &[Row]) -> Vec<Line> {
    let fixed = |rows: &[Row]| -> Vec<Row> {
        let rows = rows.iter().filter(|row| !is_dynamic(row));
        rows.cloned().collect()
    };
    let (before, now) = (fixed(before), fixed(now));
    let mut left: Vec<_> = now
        .iter()
        .map(|row| Some(configuration(menu, row)))
        .collect();
    let mut order = Vec::new();
    let mut lines = Vec::new();
    for row in &before {
        let wanted = Some(configuration(menu, row));
        match left.iter().position(|other| *other == wanted) {
            Some(at) => {
                order.push(at);
                left[at] = None;
            }
            None => lines.push(Line::removed(menu, row)),
        }
    }
    let extra = now.iter().zip(&left).filter(|(_, left)| left.is_some());
    lines.extend(extra.map(|(row, _)| Line::added(menu, row)));
    let first_moved = order.windows(2).position(|pair| pair[0] > pair[1]);
    if let Some(row) = first_moved
        .filter(|_| is_ordered(menu))
        .and_then(|at| before.get(at))
    {
        lines.push(Line::changed(menu, row, "moved"));
    }
    lines
}

/// Whether two readings of a menu hold the same configuration.
pub fn equal_config(menu: &str, before: &[Row], now: &[Row]) -> bool {
    compare(menu, before, now).is_empty()
}

impl Plan {
    /// How a device differs from what it was before the change: nothing, once it is reverted.
    pub fn differs_from_before(&self, now: &Snapshot) -> Vec<Line> {
        let menus = self.before.menus();
        menus
            .flat_map(|(menu, rows)| compare(menu, rows, now.rows(menu).unwrap_or_default()))
            .collect()
    }

    /// How a device differs from what it should be after the change: what is missing (`-`), what
    /// nobody planned (`+`), what has another value (`~`). What the device fills in by itself
    /// in new items does not count.
    pub fn differs_from_after(&self, now: &Snapshot) -> Vec<Line> {
        let menus = self.will_be.menus.iter();
        menus
            .flat_map(|(menu, entries)| {
                let now = now.rows(menu).unwrap_or_default();
                // Ids may be others since a boot; what they stand for is not.
                let Err(first) = self.is_in_place(menu, entries, now) else {
                    return Vec::new();
                };
                let lines = self.menu_differs(menu, entries, now);
                match first {
                    Some(first) if lines.is_empty() && is_ordered(menu) => {
                        vec![Line::changed(menu, &first.row, "moved")]
                    }
                    _ => lines,
                }
            })
            .collect()
    }

    /// Whether a menu holds what it should, whatever the ids are. If not, the first item that it
    /// does not hold or, where order means something, not in its place.
    fn is_in_place<'e>(
        &self,
        menu: &str,
        entries: &'e [Entry],
        now: &[Row],
    ) -> Result<(), Option<&'e Entry>> {
        let mut left: Vec<&Row> = now.iter().filter(|row| !is_dynamic(row)).collect();
        let wanted: Vec<_> = entries.iter().filter(|e| !is_dynamic(&e.row)).collect();
        let fits = |entry: &Entry, row: &Row| match self.will_be.origin(entry.handle) {
            Origin::Added(_) | Origin::Again(_) => fulfils(menu, &entry.row, row),
            Origin::Existing(_) | Origin::Singleton => {
                let differs = |name: &str| !agrees(menu, name, &entry.row, row);
                changes(menu, &entry.row, row, differs).is_empty()
            }
        };
        if wanted.len() != left.len() {
            return Err(None);
        }
        let first = if is_ordered(menu) {
            let mut pairs = wanted.iter().zip(&left);
            pairs.find(|(entry, row)| !fits(entry, row)).map(|(e, _)| e)
        } else {
            wanted.iter().find(|entry| {
                let found = left.iter().position(|row| fits(entry, row));
                found.map(|at| left.swap_remove(at)).is_none()
            })
        };
        first.map_or(Ok(()), |entry| Err(Some(*entry)))
    }

    fn menu_differs(&self, menu: &str, entries: &[Entry], now: &[Row]) -> Vec<Line> {
        let mut left: Vec<&Row> = now.iter().filter(|row| !is_dynamic(row)).collect();
        let mut lines = Vec::new();
        let origin = |e: &&Entry| self.will_be.origin(e.handle);
        let is_new = |e: &&Entry| matches!(origin(e), Origin::Added(_) | Origin::Again(_));
        let fixed = entries.iter().filter(|e| !is_dynamic(&e.row));
        for entry in fixed.clone().filter(|e| !is_new(e)) {
            match left.iter().position(|row| row.id() == entry.row.id()) {
                Some(at) => {
                    let row = left.swap_remove(at);
                    let differs = |name: &str| !agrees(menu, name, &entry.row, row);
                    lines.extend(changes(menu, &entry.row, row, differs));
                }
                None => lines.push(Line::removed(menu, &entry.row)),
            }
        }
        // The most telling first, each to the row that has the least on top of it.
        let mut added: Vec<_> = fixed.filter(is_new).collect();
        added.sort_by_key(|entry| Reverse(settings(menu, &entry.row).count()));
        for entry in added {
            let fits = left.iter().enumerate();
            let fits = fits.filter(|(_, row)| fulfils(menu, &entry.row, row));
            match fits.min_by_key(|(_, row)| configuration(menu, row).len()) {
                Some((at, _)) => drop(left.remove(at)),
                None => lines.push(Line::removed(menu, &entry.row)),
            }
        }
        lines.extend(left.iter().map(|row| Line::added(menu, row)));
        lines
    }
}

/// Whether two rows hold the same configuration.
pub(super) fn is_same(menu: &str, a: &Row, b: &Row) -> bool {
    configuration(menu, a) == configuration(menu, b)
}

/// Whether a row that was read is the one that was written.
fn fulfils(menu: &str, wanted: &Row, row: &Row) -> bool {
    settings(menu, wanted).all(|(name, _)| agrees(menu, name, wanted, row))
}

/// Whether a property is as it should be. Secrets may be hidden, and an address brings its network.
fn agrees(menu: &str, name: &str, wanted: &Row, row: &Row) -> bool {
    let value = wanted.raw(name).unwrap_or_default();
    let is = row.raw(name).unwrap_or_default();
    let is_off = |value: &[u8]| value.is_empty() || canonical(value).as_ref() == b"false";
    let is_derived = menu == "/ip/address" && name == "network";
    let is_hidden = is_sensitive(name) && is.is_empty();
    is_derived
        || is_hidden
        || (is_off(is) && is_off(value))
        || loosely(menu, name, is) == loosely(menu, name, value)
}

/// A value without what devices change in writing it: spelling, case, order of lists.
fn loosely(menu: &str, name: &str, value: &[u8]) -> Vec<Vec<u8>> {
    let parts = value.split(|&b| b == b',').map(|part| {
        let part = completed(menu, name, part);
        canonical(&part).to_ascii_lowercase()
    });
    let mut parts: Vec<_> = parts.collect();
    parts.sort();
    parts
}
