//! What verbose exports of version 6 write, which says all properties and not just those that changed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Style, WORD, Written};
use crate::tree::Row;

/// What is written of a row.
#[derive(Debug)]
pub(super) struct Entry {
    /// Only of rows that have this.
    condition: Option<(&'static str, &'static str)>,
    words: Vec<Word>,
}

/// One property, and what is written of it when nobody has set it.
#[derive(Debug)]
struct Word {
    name: &'static str,
    usual: Usual,
}

#[derive(Debug, Clone, Copy)]
enum Usual {
    Nothing,
    Value(&'static str),
    /// That there is none of it.
    Cleared,
}

static ENTRIES: LazyLock<BTreeMap<&'static str, Vec<Entry>>> =
    LazyLock::new(|| read(include_str!("../schema/verbose.txt")));

/// Returns what is written of a row of a menu; nothing if the menu is none that is written whole.
pub(super) fn of(path: &str, row: &Row) -> Option<&'static Entry> {
    let mut entries = ENTRIES.get(path)?.iter();
    entries.find(|e| {
        e.condition
            .is_none_or(|(name, value)| row.get(name) == Some(value))
    })
}

fn read(text: &'static str) -> BTreeMap<&'static str, Vec<Entry>> {
    let mut all: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    let mut path = "";
    for line in text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        if line.starts_with('/') {
            path = words.next().unwrap_or_default();
            let condition = words.clone().next().and_then(|w| w.strip_prefix('@'));
            all.entry(path).or_default().push(Entry {
                condition: condition.and_then(|c| c.split_once('=')),
                words: Vec::new(),
            });
        }
        if let Some(entry) = all.get_mut(path).and_then(|e| e.last_mut()) {
            entry
                .words
                .extend(words.filter(|w| !w.starts_with('@')).map(word));
        }
    }
    all
}

fn word(text: &'static str) -> Word {
    let (name, usual) = match (text.strip_prefix('!'), text.split_once('=')) {
        (Some(name), _) => (name, Usual::Cleared),
        (None, Some((name, value))) => (name, Usual::Value(value)),
        (None, None) => (text, Usual::Nothing),
    };
    Word { name, usual }
}

impl Entry {
    /// Takes away what is not written, and adds what is although nobody has set it.
    pub(super) fn complete(
        &self,
        row: &Row,
        origin: Option<&Row>,
        props: &mut Vec<Written>,
        style: Style,
    ) {
        props.retain(|(name, _)| {
            let name = name.trim_start_matches('!');
            let is_own = row.get(name).is_some() && origin.is_none_or(|o| o.get(name).is_none());
            is_own || self.words.iter().any(|w| w.name == name)
        });
        for Word { name, usual } in &self.words {
            if props
                .iter()
                .any(|(n, _)| n.trim_start_matches('!') == *name)
            {
                continue;
            }
            match usual {
                Usual::Nothing => {}
                Usual::Cleared => props.push((format!("!{name}"), None)),
                Usual::Value(value) => {
                    let is_long = !style.is_terse && value.len() > WORD && !value.starts_with('"');
                    let value = if is_long {
                        format!("\"{value}\"")
                    } else {
                        (*value).to_owned()
                    };
                    props.push(((*name).to_owned(), Some(value)));
                }
            }
        }
    }
}
