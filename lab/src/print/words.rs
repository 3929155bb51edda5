//! Rows as words: `name=value`, wrapped in detail, on one line when terse.

use routeros::row::Row as Record;

use super::Page;
use super::shape::Shape;
use super::table::{digits, front, notes, numbered};
use crate::schema::{Kind, SCHEMA};

/// Properties whose values stand in quotes in detail, whatever they hold.
const QUOTED: &[&str] = &[
    "board",
    "comment",
    "default-name",
    "host-name",
    "identity",
    "ifname",
    "interface-name",
    "log-prefix",
    "message",
    "name",
    "on-event",
    "owner",
    "platform",
    "software-id",
    "source",
    "ssid",
    "status",
    "system-description",
    "version",
];

/// Properties that stand without quotes, whatever blanks they hold.
const SPACED: &[&str] = &["gateway-status", "strength-at-rates", "time"];

impl Page<'_> {
    /// All properties, wrapped, with an empty line after each row.
    pub(super) fn detail(self, shape: &Shape, rows: &[Record]) -> Vec<String> {
        let mut lines = self.legend(shape);
        if rows.is_empty() && self.is_modern {
            return Vec::new();
        }
        for (n, record) in numbered(shape, rows) {
            let mut line = if shape.is_bare {
                " ".to_owned()
            } else {
                front(n, 2, shape, record)
            };
            let indent = " ".repeat(line.chars().count());
            for note in notes(record) {
                lines.push(format!("{line};;; {note}"));
                line.clone_from(&indent);
            }
            for (name, value) in self.shown(shape, record) {
                if name == "comment" {
                    continue;
                }
                let word = format!("{name}={} ", self.quoted(shape, name, &value));
                let is_full = line.chars().count() + word.chars().count() > self.width;
                if is_full && line.trim() != "" {
                    lines.push(std::mem::replace(&mut line, indent.clone()));
                }
                line.push_str(&word);
            }
            lines.push(line);
            lines.push(String::new());
        }
        lines
    }

    /// All properties on one line, without quotes.
    pub(super) fn terse(self, shape: &Shape, rows: &[Record]) -> Vec<String> {
        let rows_numbered = numbered(shape, rows);
        // Newer releases leave no place for letters that nobody has.
        let has_letters = rows.iter().any(|r| !shape.letters(r).trim().is_empty());
        let (digits, bare) = match (self.is_modern, has_letters) {
            (false, _) => (2, None),
            (true, true) => (digits(&rows_numbered), None),
            (true, false) => (digits(&rows_numbered), Some(shape.clone().used(rows))),
        };
        let each = rows_numbered.into_iter().map(|(n, record)| {
            let mut line = front(n, digits, bare.as_ref().unwrap_or(shape), record);
            let words = self.shown(shape, record);
            let (notes, words): (Vec<_>, Vec<_>) =
                words.into_iter().partition(|(name, _)| *name == "comment");
            for (name, value) in notes.into_iter().chain(words) {
                let is_marked = value.is_empty() && !self.is_modern;
                let value = if is_marked { "\"\"" } else { &value };
                line.extend([name, "=", value, " "]);
            }
            line
        });
        each.collect()
    }

    /// Returns what of a row is no flag.
    fn shown<'r>(self, shape: &Shape, record: &'r Record) -> Vec<(&'r str, String)> {
        let words = record.iter().filter(|(name, _)| !name.starts_with('.'));
        let is_word = |name: &str| !shape.is_flag(name) || shape.words.contains(&name);
        let words = words.filter(|(name, _)| *name != "about" && is_word(name));
        let words = words.map(|(name, value)| (name, self.value(name, value)));
        words
            .filter(|(name, value)| *name != "comment" || !value.is_empty())
            .collect()
    }

    fn quoted(self, shape: &Shape, name: &str, value: &str) -> String {
        let menu = SCHEMA.menu(self.path);
        let kind = menu.and_then(|m| m.props.iter().find(|p| *p.name == *name));
        // A choice among words needs no quotes.
        let is_choice = kind.is_some_and(|p| matches!(p.kind, Kind::Enum(_)));
        let is_text = shape.quoted.contains(&name) || QUOTED.contains(&name) && !is_choice;
        let has_blank = value.contains([' ', '"', '\n']) && !name.ends_with("-time");
        if is_text || value.is_empty() || has_blank && !SPACED.contains(&name) {
            routeros::quote::quoted(&crate::text::encode(value))
        } else {
            value.to_owned()
        }
    }
}
