//! Which flags and columns a menu has when it is printed.

use std::sync::LazyLock;

use routeros::row::Row as Record;

use super::is_on;
use crate::schema::{Access, Kind, SCHEMA};

/// A flag: its letter and the property that it stands for.
pub(super) type Flag = (char, &'static str);

/// A column: its property, and whether it is ranged right.
pub(super) type Column = (&'static str, bool);

/// How the rows of a menu are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// Flags by the place at which their letters stand.
    pub(super) flags: Vec<Vec<Flag>>,
    pub(super) columns: Vec<Column>,
    pub(super) is_inline: bool,
    pub(super) is_bare: bool,
}

struct Entry {
    path: &'static str,
    shape: Shape,
    classic: Vec<Column>,
    modern: Vec<Column>,
}

static SHAPES: LazyLock<Vec<Entry>> = LazyLock::new(|| read(include_str!("shapes.txt")));

/// How many columns a table has that nobody has described.
const COLUMNS: usize = 6;

impl Shape {
    /// Returns how a menu is shown; where nobody knows, it follows from its properties.
    pub(super) fn of(path: &str, is_modern: bool) -> Self {
        let known = SHAPES.iter().find(|e| e.path == path);
        let mut shape = match known {
            Some(entry) => Self {
                columns: if is_modern {
                    &entry.modern
                } else {
                    &entry.classic
                }
                .clone(),
                ..entry.shape.clone()
            },
            None => Self::guessed(path),
        };
        if shape.columns.is_empty() {
            shape.columns = Self::guessed(path).columns;
        }
        if is_modern && path == "/ip/route" {
            shape.flags = slots(
                "D:dynamic;X:disabled,I:inactive;A:active;c:connect,s:static,r:rip,b:bgp,o:ospf,\
                 d:dhcp;+:ecmp",
            );
        }
        if is_modern && path == "/interface" {
            shape.flags.push(vec![('P', "passthrough")]);
        }
        shape
    }

    fn guessed(path: &str) -> Self {
        let props = SCHEMA.menu(path).map(|m| m.props.as_slice());
        let props = || props.into_iter().flatten();
        let has = |name: &str| props().any(|p| &*p.name == name);
        let usual = [('X', "disabled"), ('I', "invalid"), ('D', "dynamic")];
        let flags: Vec<Flag> = usual.into_iter().filter(|(_, n)| has(n)).collect();
        let plain = props().filter(|p| !matches!(p.kind, Kind::Bool | Kind::Flag));
        let plain = plain.filter(|p| p.access != Access::WriteOnly && &*p.name != "comment");
        let columns = plain.map(|p| (&*p.name, matches!(p.kind, Kind::Int(..))));
        Self {
            flags: if flags.is_empty() {
                Vec::new()
            } else {
                vec![flags]
            },
            columns: columns.take(COLUMNS).collect(),
            ..Self::default()
        }
    }

    /// Returns the letters of a row, each at its place; those that share one push the rest on.
    pub(super) fn letters(&self, record: &Record) -> String {
        let mut letters = String::new();
        for slot in &self.flags {
            let on = slot.iter().filter(|(_, name)| is_on(record, name));
            let here: String = on.map(|(letter, _)| *letter).collect();
            letters.push_str(if here.is_empty() { " " } else { &here });
        }
        letters
    }

    pub(super) fn is_flag(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let mut all = self.flags.iter().flatten();
        all.any(|(_, flag)| *flag == name)
    }

    /// Returns `Flags: X - disabled, …` of the old style.
    pub(super) fn legend(&self, is_modern: bool) -> Option<String> {
        let separator = if is_modern { "; " } else { ", " };
        let slots = self.flags.iter().map(|slot| {
            let flags = slot.iter().map(|(letter, name)| {
                let name = if *name == "dhcp" { "DHCP" } else { name };
                format!("{letter} - {name}")
            });
            flags.collect::<Vec<_>>().join(", ")
        });
        let slots: Vec<_> = slots.collect();
        (!slots.is_empty()).then(|| format!("Flags: {}", slots.join(separator)))
    }

    /// Returns the legend of those that occur, in the new style.
    pub(super) fn legend_of(&self, rows: &[Record]) -> Option<String> {
        let slots = self.flags.iter().filter_map(|slot| {
            let occurring = slot
                .iter()
                .filter(|(_, n)| rows.iter().any(|r| is_on(r, n)));
            let flags = occurring.map(|(c, name)| format!("{c} - {}", name.to_uppercase()));
            let flags: Vec<_> = flags.collect();
            (!flags.is_empty()).then(|| flags.join(", "))
        });
        let slots: Vec<_> = slots.collect();
        (!slots.is_empty()).then(|| format!("Flags: {}", slots.join("; ")))
    }
}

fn read(text: &'static str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
    {
        match (line.strip_prefix(' '), entries.last_mut()) {
            (Some(columns), Some(entry)) => entry.add(columns),
            _ => entries.push(head(line)),
        }
    }
    entries
}

fn head(line: &'static str) -> Entry {
    let mut words = line.split(' ');
    let path = words.next().unwrap_or_default();
    let flags = words.next().filter(|f| *f != "-").map(slots);
    let rest: Vec<_> = words.collect();
    Entry {
        path,
        shape: Shape {
            flags: flags.unwrap_or_default(),
            columns: Vec::new(),
            is_inline: rest.contains(&"inline"),
            is_bare: rest.contains(&"bare"),
        },
        classic: Vec::new(),
        modern: Vec::new(),
    }
}

fn slots(text: &'static str) -> Vec<Vec<Flag>> {
    let slot = |slot: &'static str| {
        let flags = slot.split(',').filter_map(|flag| {
            let (letter, name) = flag.split_once(':')?;
            Some((letter.chars().next()?, name))
        });
        flags.collect()
    };
    text.split(';').map(slot).collect()
}

impl Entry {
    fn add(&mut self, line: &'static str) {
        let (is_old, is_new, line) = match (line.strip_prefix("<7.0 "), line.strip_prefix(">=7.0 "))
        {
            (Some(line), _) => (true, false, line),
            (_, Some(line)) => (false, true, line),
            _ => (true, true, line),
        };
        let columns = line.split(' ').filter(|c| *c != "*#");
        let columns = columns.map(|c| c.strip_prefix('*').map_or((c, false), |c| (c, true)));
        let columns: Vec<Column> = columns.collect();
        if is_old {
            self.classic.clone_from(&columns);
        }
        if is_new {
            self.modern = columns;
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_menu_that_is_described_is_there() {
        for entry in super::SHAPES.iter() {
            assert!(super::SCHEMA.menu(entry.path).is_some(), "{}", entry.path);
        }
    }
}
