//! `print` as a console shows it: tables, details and `name: value`, in the manner of a release.

use routeros::row::Row as Record;
use routeros::value::Value as _;

use crate::core::Core;
use crate::text;
use crate::verb::Order;

mod shape;
mod table;
mod words;

#[cfg(test)]
mod tests;

use shape::Shape;

/// The width that a console without a terminal has.
const WIDTH: usize = 120;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As a table, or as the menu usually is.
    Usual,
    /// All properties, on as many lines as it takes.
    Detail,
    /// All properties, on one line.
    Terse,
    /// One record, a property on each line.
    Single,
}

/// What a `print` is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) path: &'a str,
    /// Of a release since 7.
    pub(crate) is_modern: bool,
    pub(crate) mode: Mode,
    pub(crate) width: usize,
}

impl Core {
    /// Shows rows that a command gave.
    pub(crate) fn table_of(&self, order: &Order, rows: &[Record]) -> String {
        let mode = match () {
            () if order.verb.starts_with("monitor") || self.is_single(&order.menu) => Mode::Single,
            () if order.has("terse") => Mode::Terse,
            () if order.has("detail") => Mode::Detail,
            () => Mode::Usual,
        };
        let page = Page {
            path: &order.menu,
            is_modern: self.release.has_slashes(),
            mode,
            width: WIDTH,
        };
        page.show(rows)
    }
}

impl Page<'_> {
    /// Shows rows.
    pub(crate) fn show(self, rows: &[Record]) -> String {
        let shape = Shape::of(self.path, self.is_modern);
        let lines = match self.mode {
            Mode::Single => rows.iter().flat_map(|r| self.single(r)).collect(),
            Mode::Terse => self.terse(&shape, rows),
            Mode::Detail => self.detail(&shape, rows),
            Mode::Usual if shape.is_inline => self.detail(&shape, rows),
            Mode::Usual if self.is_modern => self.modern(&shape, rows),
            Mode::Usual => self.classic(&shape, rows),
        };
        lines.join("\r\n")
    }

    /// One record: names ranged right, a note above them.
    fn single(self, record: &Record) -> Vec<String> {
        let about = record.text(".about").or_else(|| record.text("about"));
        let mut lines: Vec<_> = about
            .map(|note| format!(";;; {note}"))
            .into_iter()
            .collect();
        let shown: Vec<_> = record
            .iter()
            .filter(|(name, _)| !name.starts_with('.') && *name != "about")
            .map(|(name, value)| (name, self.value(name, value)))
            .collect();
        let widest = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let each = shown.iter();
        lines.extend(each.map(|(name, value)| format!("  {name:>widest$}: {value}")));
        lines
    }

    /// Spells a value as a console does: with units, and yes and no.
    fn value(self, name: &str, value: &[u8]) -> String {
        let text = text::decode(value);
        match (text.as_str(), self.path, name) {
            ("true", ..) => "yes".to_owned(),
            ("false", ..) => "no".to_owned(),
            (_, "/system/resource", _) => resource(name, text),
            _ => text,
        }
    }
}

/// Adds the unit to what `/system/resource` counts.
fn resource(name: &str, text: String) -> String {
    match name {
        "free-memory" | "total-memory" | "free-hdd-space" | "total-hdd-space" => {
            u64::parse(text.as_bytes()).map_or(text, size)
        }
        "cpu-frequency" => text + "MHz",
        "cpu-load" | "bad-blocks" => text + "%",
        _ => text,
    }
}

/// Spells a size: kibibytes below ten mebibytes, mebibytes above.
fn size(bytes: u64) -> String {
    let (whole, unit) = if bytes < 10 << 20 {
        (1 << 10, "KiB")
    } else {
        (1 << 20, "MiB")
    };
    let tenths = (bytes * 10 + whole / 2) / whole;
    format!("{}.{}{unit}", tenths / 10, tenths % 10)
}

/// Says whether a flag is on.
fn is_on(record: &Record, name: &str) -> bool {
    let upper = || record.raw(&name.to_ascii_uppercase());
    let value = record.raw(name).or_else(upper);
    value.and_then(bool::parse) == Some(true)
}
