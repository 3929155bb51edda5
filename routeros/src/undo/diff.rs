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
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// What happens.
    pub sign: Sign,
    /// In which menu.
    pub menu: String,
    /// To what, and how.
    pub text: String,
    secrets: Vec<Vec<u8>>,
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

/// Without its secrets.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({self})")
    }
}

impl Line {
    /// What each [`MASK`] in the text stands for, in order.
    pub fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().map(Vec::as_slice)
    }

    pub(crate) fn added(menu: &str, row: &Row) -> Self {
        Words::whole(menu, row).line(Sign::Added)
    }

    pub(crate) fn removed(menu: &str, row: &Row) -> Self {
        Words::whole(menu, row).line(Sign::Removed)
    }

    pub(crate) fn changed(menu: &str, row: &Row, change: &str) -> Self {
        let mut words = Words::label_of_one(menu, row);
        words.text.push_str(change);
        words.line(Sign::Changed)
    }

    /// A property of an item has another value.
    pub(crate) fn property(
        menu: &str,
        row: &Row,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Self {
        let mut words = Words::label_of_one(menu, row);
        words.text.push_str(name);
        words.text.push_str(": ");
        words.value(name, old.unwrap_or_default());
        words.text.push_str(" → ");
        words.value(name, new.unwrap_or_default());
        words.line(Sign::Changed)
    }
}

/// Text of a line, and what is masked in it.
struct Words<'a> {
    menu: &'a str,
    text: String,
    secrets: Vec<Vec<u8>>,
}

impl<'a> Words<'a> {
    fn of<'v>(menu: &'a str, settings: impl Iterator<Item = (&'v str, &'v [u8])>) -> Self {
        let mut words = Self {
            menu,
            text: String::new(),
            secrets: Vec::new(),
        };
        for (name, value) in settings {
            if !words.text.is_empty() {
                words.text.push(' ');
            }
            words.text.push_str(name);
            words.text.push('=');
            words.value(name, value);
        }
        words
    }

    fn whole(menu: &'a str, row: &Row) -> Self {
        Self::of(menu, settings(menu, row))
    }

    /// The few properties by which a person knows an item.
    fn label(menu: &'a str, row: &Row) -> Self {
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
            return Self::whole(menu, row).cut(60);
        };
        let value = |name: &&'static str| (*name, row.raw(name).unwrap_or_default());
        Self::of(menu, names.iter().map(value))
    }

    /// The label with a blank behind it. The one record of a menu needs none.
    fn label_of_one(menu: &'a str, row: &Row) -> Self {
        let mut words = match row.id() {
            Some(_) => Self::label(menu, row),
            None => Self::of(menu, std::iter::empty()),
        };
        if !words.text.is_empty() {
            words.text.push(' ');
        }
        words
    }

    fn value(&mut self, name: &str, value: &[u8]) {
        if is_secret(self.menu, name) && !value.is_empty() {
            self.text.push_str(MASK);
            self.secrets.push(value.to_vec());
        } else {
            self.text.push_str(&quote::value(value));
        }
    }

    fn cut(mut self, most: usize) -> Self {
        self.text = self.text.chars().take(most).collect();
        self.secrets.truncate(self.text.matches(MASK).count());
        self
    }

    fn line(self, sign: Sign) -> Line {
        Line {
            sign,
            menu: self.menu.to_owned(),
            text: self.text,
            secrets: self.secrets,
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

/// The menu and the telling properties of an item, for messages.
pub(crate) fn label(menu: &str, row: &Row) -> String {
    let label = Words::label(menu, row).text;
    let blank = if label.is_empty() { "" } else { " " };
    format!("{menu}{blank}{label}")
}
