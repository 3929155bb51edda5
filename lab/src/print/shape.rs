//! Which flags and columns a menu has when it is printed.

use std::sync::LazyLock;

use routeros::row::Row as Record;

use super::is_on;
use crate::schema::{Access, Kind, SCHEMA};

/// A flag: its letter and the property that it stands for.
pub(super) type Flag = (char, &'static str);

/// A column of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Ranged right, as long as it holds numbers alone.
    pub(super) is_right: bool,
    /// It holds several values, of which newer releases write one below the other.
    pub(super) is_list: bool,
    /// It is left out where no row has the property.
    pub(super) is_optional: bool,
    /// The narrowest that version 6 makes it.
    pub(super) width: usize,
}

/// How the rows of a menu are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// Flags by the place at which their letters stand.
    pub(super) flags: Vec<Vec<Flag>>,
    pub(super) columns: Vec<Column>,
    pub(super) is_inline: bool,
    pub(super) is_bare: bool,
    /// Dynamic rows have no number.
    pub(super) counts_static: bool,
    /// Flags that are shown as words, too.
    pub(super) words: Vec<&'static str>,
    /// Properties that stand in quotes.
    pub(super) quoted: Vec<&'static str>,
}

/// What one of the two manners has of its own.
#[derive(Debug, Default)]
struct Manner {
    columns: Vec<Column>,
    flags: Option<Vec<Vec<Flag>>>,
}

struct Entry {
    path: &'static str,
    shape: Shape,
    classic: Manner,
    modern: Manner,
}

static SHAPES: LazyLock<Vec<Entry>> = LazyLock::new(|| read(include_str!("shapes.txt")));

/// How many columns a table has that nobody has described.
const COLUMNS: usize = 6;

impl Shape {
    /// Returns how a menu is shown; where nobody knows, it follows from its properties.
    pub(super) fn of(path: &str, is_modern: bool) -> Self {
        let Some(entry) = SHAPES.iter().find(|e| e.path == path) else {
            return Self::guessed(path);
        };
        let manner = if is_modern {
            &entry.modern
        } else {
            &entry.classic
        };
        let mut shape = entry.shape.clone();
        shape.counts_static &= is_modern;
        shape.columns.clone_from(&manner.columns);
        if let Some(flags) = &manner.flags {
            shape.flags.clone_from(flags);
        }
        if shape.columns.is_empty() {
            shape.columns = Self::guessed(path).columns;
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
        let columns = plain.map(|p| Column {
            name: &p.name,
            is_right: matches!(p.kind, Kind::Int(..)),
            ..Column::default()
        });
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

    /// Leaves out the places at which no row has a letter.
    pub(super) fn used(mut self, rows: &[Record]) -> Self {
        let is_used = |slot: &Vec<Flag>| {
            let mut names = slot.iter().map(|(_, n)| n);
            names.any(|n| rows.iter().any(|r| is_on(r, n)))
        };
        self.flags.retain(is_used);
        self
    }

    /// Returns the flags by places, in words: `X - disabled, …`.
    pub(super) fn slots(&self) -> Vec<String> {
        let slots = self.flags.iter().map(|slot| {
            let flags = slot.iter().map(|(letter, name)| {
                let name = if *name == "dhcp" { "DHCP" } else { name };
                format!("{letter} - {name}")
            });
            flags.collect::<Vec<_>>().join(", ")
        });
        slots.collect()
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
            (Some(more), Some(entry)) => entry.add(more),
            _ => entries.push(head(line)),
        }
    }
    entries
}

fn head(line: &'static str) -> Entry {
    let mut words = line.split(' ');
    let path = words.next().unwrap_or_default();
    let flags = words.next().map(slots);
    let rest: Vec<_> = words.collect();
    Entry {
        path,
        shape: Shape {
            flags: flags.unwrap_or_default(),
            is_inline: rest.contains(&"inline"),
            is_bare: rest.contains(&"bare"),
            counts_static: rest.contains(&"counts-static"),
            ..Shape::default()
        },
        classic: Manner::default(),
        modern: Manner::default(),
    }
}

fn slots(text: &'static str) -> Vec<Vec<Flag>> {
    if text == "-" {
        return Vec::new();
    }
    let slot = |slot: &'static str| {
        let flags = slot.split(',').filter_map(|flag| {
            let (letter, name) = flag.split_once(':')?;
            Some((letter.chars().next()?, name))
        });
        flags.collect()
    };
    text.split(';').map(slot).collect()
}

fn column(word: &'static str) -> Column {
    let (marks, word) = word.split_at(word.find(|c: char| !"*+?".contains(c)).unwrap_or(0));
    let (name, width) = word.split_once(':').unwrap_or((word, ""));
    Column {
        name,
        is_right: marks.contains('*'),
        is_list: marks.contains('+'),
        is_optional: marks.contains('?'),
        width: width.parse().unwrap_or(0),
    }
}

impl Entry {
    fn add(&mut self, line: &'static str) {
        let (is_old, is_new, line) = match (line.strip_prefix("<7.0 "), line.strip_prefix(">=7.0 "))
        {
            (Some(line), _) => (true, false, line),
            (_, Some(line)) => (false, true, line),
            _ => (true, true, line),
        };
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["quoted", names @ ..] => self.shape.quoted = names.to_vec(),
            ["words", names @ ..] => self.shape.words = names.to_vec(),
            words => {
                let manners = [(is_old, &mut self.classic), (is_new, &mut self.modern)];
                for (_, manner) in manners.into_iter().filter(|(is, _)| *is) {
                    match words {
                        ["flags", flags] => manner.flags = Some(slots(flags)),
                        names => manner.columns = names.iter().map(|n| column(n)).collect(),
                    }
                }
            }
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
