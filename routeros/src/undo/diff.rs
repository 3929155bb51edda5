//! What a change will do, line by line, for people.

use std::fmt;

use super::model::{Handle, Model, Origin};
use super::properties::{canonical, is_ordered, settings};
use crate::quote;
use crate::row::Row;
use crate::secret::{MASK, is_secret};

/// What happens to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It comes.
    Added,
    /// It goes.
    Removed,
    /// It changes.
    Changed,
}

/// A line of a diff. Values of secrets are masked; all of it is printable ASCII but for UTF-8 that
/// has been escaped as scripts do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happens.
    pub sign: Sign,
    /// In which menu.
    pub menu: String,
    /// To what, and how.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.sign {
            Sign::Added => '+',
            Sign::Removed => '-',
            Sign::Changed => '~',
        };
        write!(f, "{sign} {} {}", self.menu, self.text)
    }
}

impl Line {
    pub(crate) fn added(menu: &str, row: &Row) -> Self {
        Self::new(Sign::Added, menu, whole(menu, row))
    }

    pub(crate) fn removed(menu: &str, row: &Row) -> Self {
        Self::new(Sign::Removed, menu, whole(menu, row))
    }

    pub(crate) fn changed(menu: &str, row: &Row, change: &str) -> Self {
        // The one record of a menu needs no label.
        let label = row.id().map(|_| label_in(menu, row)).unwrap_or_default();
        let blank = if label.is_empty() { "" } else { " " };
        Self::new(Sign::Changed, menu, format!("{label}{blank}{change}"))
    }

    /// A property of an item has another value.
    pub(crate) fn property(
        menu: &str,
        row: &Row,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Self {
        let was = shown(menu, name, old.unwrap_or_default());
        let is = shown(menu, name, new.unwrap_or_default());
        Self::changed(menu, row, &format!("{name}: {was} → {is}"))
    }

    fn new(sign: Sign, menu: &str, text: String) -> Self {
        Self {
            sign,
            menu: menu.to_owned(),
            text,
        }
    }
}

/// All lines, from what was to what will be.
pub(super) fn diff(before: &Model, after: &Model, moved: &[(&str, Handle)]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (menu, old) in &before.menus {
        let new = after.entries(menu);
        for entry in old {
            match after.entry(menu, entry.handle) {
                None => lines.push(Line::removed(menu, &entry.row)),
                Some(now) if matches!(after.origin(entry.handle), Origin::Again(_)) => {
                    lines.push(Line::removed(menu, &entry.row));
                    lines.push(Line::added(menu, &now.row));
                }
                Some(now) => {
                    let value = |row: &Row, name: &str| {
                        canonical(row.raw(name).unwrap_or_default()).into_owned()
                    };
                    let differs = |name: &str| value(&entry.row, name) != value(&now.row, name);
                    lines.extend(changes(menu, &entry.row, &now.row, differs));
                }
            }
        }
        for entry in new {
            if before.entry(menu, entry.handle).is_none() {
                lines.push(Line::added(menu, &entry.row));
            }
        }
    }
    for (menu, handle) in moved {
        if let Some(entry) = after.entry(menu, *handle).filter(|_| is_ordered(menu)) {
            lines.push(Line::changed(menu, &entry.row, "moved"));
        }
    }
    lines
}

/// What is different about an item, of the properties that count as different.
pub(super) fn changes(
    menu: &str,
    old: &Row,
    new: &Row,
    differs: impl Fn(&str) -> bool,
) -> Vec<Line> {
    let mut names: Vec<&str> = settings(menu, old).map(|(name, _)| name).collect();
    let added = settings(menu, new).map(|(name, _)| name);
    names.extend(added.filter(|name| old.raw(name).is_none_or(<[u8]>::is_empty)));
    let line = |name: &str| Line::property(menu, old, name, old.raw(name), new.raw(name));
    let names = names.into_iter().filter(|name| differs(name));
    names.map(line).collect()
}

fn shown(menu: &str, name: &str, value: &[u8]) -> String {
    if is_secret(menu, name) && !value.is_empty() {
        return MASK.to_owned();
    }
    quote::value(value)
}

fn whole(menu: &str, row: &Row) -> String {
    let settings =
        settings(menu, row).map(|(name, value)| format!("{name}={}", shown(menu, name, value)));
    settings.collect::<Vec<_>>().join(" ")
}

/// The few properties by which a person knows an item.
fn label_in(menu: &str, row: &Row) -> String {
    const TELLING: [&[&str]; 7] = [
        &["name"],
        &["comment"],
        &["address", "interface"],
        &["list", "address"],
        &["dst-address", "gateway"],
        &["bridge", "interface"],
        &["chain", "action"],
    ];
    let is_there = |names: &&&[&str]| {
        names
            .iter()
            .all(|n| row.raw(n).is_some_and(|v| !v.is_empty()))
    };
    let Some(names) = TELLING.iter().find(is_there) else {
        return whole(menu, row).chars().take(60).collect();
    };
    let value = |name: &&str| {
        let value = shown(menu, name, row.raw(name).unwrap_or_default());
        format!("{name}={value}")
    };
    names.iter().map(value).collect::<Vec<_>>().join(" ")
}

/// The menu and the telling properties of an item, for messages.
pub(crate) fn label(menu: &str, row: &Row) -> String {
    let label = label_in(menu, row);
    let blank = if label.is_empty() { "" } else { " " };
    format!("{menu}{blank}{label}")
}
