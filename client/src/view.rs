//! The columns of each type: what tables on the command line and in the dashboard show.
//!
//! A cell has two forms: for people (`21d`, `● up`) and for programs (`1843204`, `online`).
//! Both are fit for a terminal: what a device chose is escaped here.

pub mod change;
pub mod device;
pub mod event;
pub mod people;
pub mod run;
pub mod trust;
pub mod units;

use jiff::Timestamp;
use tod_proto::untrusted::plain;

/// What a cell means, for its colour. The text says the same without colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Look at it some time.
    Warn,
    /// Look at it now.
    Bad,
    /// Of less interest.
    Dim,
    /// Stands out without judging.
    Accent,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// For people.
    pub text: String,
    /// For programs: full and without units. Empty if absent.
    pub value: String,
    /// What it means.
    pub tone: Tone,
}

impl Cell {
    /// The same text for people and programs, escaped.
    pub fn text(text: impl AsRef<str>) -> Self {
        let text = plain(text.as_ref());
        Self {
            value: text.clone(),
            text,
            tone: Tone::Plain,
        }
    }

    /// A text for people and another for programs, both escaped.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers have numbers at hand"
    )]
    pub fn pair(text: impl AsRef<str>, value: impl ToString) -> Self {
        Self {
            text: plain(text.as_ref()),
            value: plain(&value.to_string()),
            tone: Tone::Plain,
        }
    }

    /// Nothing: `-` for people.
    pub fn absent() -> Self {
        Self {
            text: "-".to_owned(),
            value: String::new(),
            tone: Tone::Dim,
        }
    }

    /// A cell of what may be absent.
    pub fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(Self::absent, cell)
    }

    /// The same with a meaning.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// How long ago something was: `3m`.
    pub fn ago(at: Timestamp, now: Timestamp) -> Self {
        Self::pair(units::ago(at, now), units::rfc3339(at))
    }
}

/// Where a cell stands in its column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// At the left: text.
    #[default]
    Left,
    /// At the right: numbers.
    Right,
}

/// When a column is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Always.
    #[default]
    Always,
    /// In wide tables.
    Wide,
}

/// A column of a table of `T`.
#[derive(Debug)]
pub struct Column<T> {
    /// What it is called on the command line: `cpu`.
    pub key: &'static str,
    /// What stands above it: `CPU`.
    pub title: &'static str,
    /// Where its cells stand.
    pub align: Align,
    /// When it is shown.
    pub shown: Shown,
    /// Its cell of a row.
    pub cell: fn(&T, Timestamp) -> Cell,
}

impl<T> Column<T> {
    const fn made(
        key: &'static str,
        title: &'static str,
        cell: fn(&T, Timestamp) -> Cell,
        align: Align,
        shown: Shown,
    ) -> Self {
        Self {
            key,
            title,
            align,
            shown,
            cell,
        }
    }

    /// A column of text.
    pub const fn new(
        key: &'static str,
        title: &'static str,
        cell: fn(&T, Timestamp) -> Cell,
    ) -> Self {
        Self::made(key, title, cell, Align::Left, Shown::Always)
    }

    /// A column of numbers.
    pub const fn right(
        key: &'static str,
        title: &'static str,
        cell: fn(&T, Timestamp) -> Cell,
    ) -> Self {
        Self::made(key, title, cell, Align::Right, Shown::Always)
    }

    /// A column of text, in wide tables only.
    pub const fn wide(
        key: &'static str,
        title: &'static str,
        cell: fn(&T, Timestamp) -> Cell,
    ) -> Self {
        Self::made(key, title, cell, Align::Left, Shown::Wide)
    }

    /// A column of numbers, in wide tables only.
    pub const fn wide_right(
        key: &'static str,
        title: &'static str,
        cell: fn(&T, Timestamp) -> Cell,
    ) -> Self {
        Self::made(key, title, cell, Align::Right, Shown::Wide)
    }
}

/// A type that tables show.
pub trait View: Sized + 'static {
    /// What one is called, in envelopes: `Device`.
    const KIND: &'static str;
    /// Its columns.
    const COLUMNS: &'static [Column<Self>];
    /// What people call this one.
    fn name(&self) -> String;
    /// What programs call this one.
    fn id(&self) -> String;

    /// The column with this key.
    fn column(key: &str) -> Option<&'static Column<Self>> {
        Self::COLUMNS.iter().find(|column| column.key == key)
    }
}

#[cfg(test)]
mod tests;
