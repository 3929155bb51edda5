//! What tables of all releases have in common: cells, letters, rows.

use routeros::row::Row as Record;

use super::Page;
use super::shape::{Column, Shape};
use crate::text;

mod classic;
mod modern;

/// A table that is being laid out.
struct Grid {
    columns: Vec<Column>,
    widths: Vec<usize>,
    /// Blanks between two columns.
    gap: usize,
}

impl Grid {
    /// Returns one line of it.
    fn line(&self, cells: &[String]) -> String {
        let columns = self.columns.iter().zip(&self.widths).zip(cells);
        let padded = columns.map(|((column, width), cell)| {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            if column.is_right {
                format!("{pad}{cell}")
            } else {
                format!("{cell}{pad}")
            }
        });
        padded.collect::<Vec<_>>().join(&" ".repeat(self.gap))
    }

    /// Returns how wide its lines are, without what is in front of them.
    fn width(&self) -> usize {
        let gaps = self.gap * self.columns.len().saturating_sub(1);
        self.widths.iter().sum::<usize>() + gaps
    }

    fn heads(&self) -> Vec<String> {
        let names = self.columns.iter().map(|c| c.name.to_uppercase());
        names.collect()
    }
}

impl Page<'_> {
    /// Returns the first line of what stands in a cell.
    fn cell(self, column: &Column, record: &Record) -> String {
        let value = record
            .raw(column.name)
            .map(|v| self.value(column.name, v))
            .unwrap_or_default();
        value.lines().next().unwrap_or_default().to_owned()
    }

    /// Ranges to the left what is no number.
    fn ranged(self, columns: Vec<Column>, rows: &[Record]) -> Vec<Column> {
        let is_number = |cell: &str| cell.chars().all(|c| c.is_ascii_digit() || "-,".contains(c));
        let ranged = columns.into_iter().map(|column| {
            let mut cells = rows.iter().map(|r| self.cell(&column, r));
            Column {
                is_right: column.is_right && cells.all(|c| is_number(&c)),
                ..column
            }
        });
        ranged.collect()
    }
}

/// Returns the number of a row and its letters; a row without number leaves its place empty.
pub(super) fn front(n: Option<usize>, digits: usize, shape: &Shape, record: &Record) -> String {
    let letters = shape.letters(record);
    let n = n.map(|n| n.to_string()).unwrap_or_default();
    match (shape.flags.is_empty(), shape.is_bare) {
        (true, true) => String::new(),
        (true, false) => format!("{n:>digits$} "),
        (false, true) => format!("{letters} "),
        (false, false) => format!("{n:>digits$} {letters} "),
    }
}

/// Returns the rows with the number that each has, if it has one.
pub(super) fn numbered<'r>(shape: &Shape, rows: &'r [Record]) -> Vec<(Option<usize>, &'r Record)> {
    let mut next = 0;
    let numbered = rows.iter().map(|row| {
        if shape.counts_static && super::is_on(row, "dynamic") {
            return (None, row);
        }
        next += 1;
        (Some(next - 1), row)
    });
    numbered.collect()
}

/// Returns how many digits numbers of rows have.
pub(super) fn digits(rows: &[(Option<usize>, &Record)]) -> usize {
    let last = rows.iter().rev().find_map(|(n, _)| *n);
    last.map_or(0, |n| n.to_string().len())
}

/// Returns what is noted on a row: by the device, and by somebody.
pub(super) fn notes(record: &Record) -> Vec<String> {
    let names = [".about", "about", "comment"];
    let notes = names.iter().filter_map(|name| record.raw(name));
    let notes = notes.filter(|note| !note.is_empty());
    notes.map(text::decode).collect()
}
