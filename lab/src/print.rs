//! `print` as a console shows it: tables, details and `name: value`, in the manner of a release.

use routeros::row::Row as Record;
use routeros::value::Value as _;

use crate::core::Core;
use crate::verb::Order;

pub(crate) mod echo;
pub(crate) mod load;
mod shape;
mod table;
mod units;
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
        if order.path() == "/tool/profile" {
            return load::table(rows).join("\r\n");
        }
        let mode = match () {
            () if is_sample(&order.verb) || self.is_single(&order.menu) => Mode::Single,
            () if order.has("terse") => Mode::Terse,
            () if order.has("detail") || order.has("status") => Mode::Detail,
            () => Mode::Usual,
        };
        let page = Page {
            path: &order.menu,
            is_modern: self.release.has_slashes(),
            mode,
            width: order.columns.unwrap_or(WIDTH),
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
        // What has several lines goes on below its first.
        let next = format!("\r\n{:1$}", "", widest + 4);
        lines.extend(each.map(|(name, value)| {
            let value = value.replace('\n', &next);
            format!("  {name:>widest$}: {value}")
        }));
        lines
    }
}

/// Says whether a command shows one sample of something.
fn is_sample(verb: &str) -> bool {
    verb.starts_with("monitor") || verb == "speed-test"
}

/// Says whether a flag is on.
fn is_on(record: &Record, name: &str) -> bool {
    let upper = || record.raw(&name.to_ascii_uppercase());
    let value = record.raw(name).or_else(upper);
    value.and_then(bool::parse) == Some(true)
}
