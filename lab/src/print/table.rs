//! Tables: of version 6 with a number in front of each row, of version 7 as wide as they must be.

use routeros::row::Row as Record;

use super::Page;
use super::shape::{Column, Shape};
use crate::text;

/// The narrowest that version 6 makes columns.
const WIDTHS: &[(&str, usize)] = &[
    ("name", 35),
    ("type", 10),
    ("address", 18),
    ("network", 15),
    ("mac-address", 17),
    ("actual-mtu", 10),
    ("max-l2mtu", 9),
    ("host-name", 10),
    ("server", 14),
    ("status", 7),
];

/// Longer cells are cut.
const CELL: usize = 60;

impl Page<'_> {
    /// The style of version 6.
    pub(super) fn classic(self, shape: &Shape, rows: &[Record]) -> Vec<String> {
        let mut lines: Vec<_> = shape.legend(false).into_iter().collect();
        if rows.is_empty() {
            return lines;
        }
        let widths: Vec<_> = shape
            .columns
            .iter()
            .map(|c| self.width_of(c, rows, true))
            .collect();
        let head: Vec<_> = shape
            .columns
            .iter()
            .map(|(n, _)| n.to_uppercase())
            .collect();
        let slots = shape.flags.len();
        let indent = if slots == 0 { 3 } else { 4 + slots };
        lines.push(format!(
            "{:indent$}{}",
            " #",
            row(&shape.columns, &widths, &head, 1)
        ));
        for (n, record) in rows.iter().enumerate() {
            let cells = self.cells(&shape.columns, record);
            let cells = row(&shape.columns, &widths, &cells, 1);
            let front = front(n, 2, shape, record);
            match comment(record) {
                Some(comment) => {
                    lines.push(format!("{front};;; {comment}"));
                    lines.push(format!("{:indent$}{cells}", ""));
                }
                None => lines.push(format!("{front}{cells}")),
            }
        }
        lines
    }

    /// The style of version 7: a legend of what occurs, columns of what is not empty.
    pub(super) fn modern(self, shape: &Shape, rows: &[Record]) -> Vec<String> {
        if rows.is_empty() {
            return Vec::new();
        }
        let is_used = |name: &str| {
            rows.iter()
                .any(|r| r.raw(name).is_some_and(|v| !v.is_empty()))
        };
        let columns = shape.columns.iter().copied();
        let columns: Vec<Column> = columns.filter(|(n, _)| is_used(n)).collect();
        let names: Vec<_> = columns.iter().map(|(n, _)| n.to_uppercase()).collect();
        let mut lines: Vec<_> = shape.legend_of(rows).into_iter().collect();
        // Places at which no row has a letter are left out.
        let used = shape.flags.iter().filter(|slot| {
            rows.iter()
                .any(|r| slot.iter().any(|(_, n)| super::is_on(r, n)))
        });
        let shape = Shape {
            flags: used.cloned().collect(),
            columns: columns.clone(),
            ..shape.clone()
        };
        lines.push(format!("Columns: {}", names.join(", ")));
        let digits = (rows.len() - 1).to_string().len();
        let widths: Vec<_> = columns
            .iter()
            .map(|c| self.width_of(c, rows, false))
            .collect();
        let number = if shape.is_bare {
            String::new()
        } else {
            format!("{:>digits$}", "#")
        };
        let gap = letters_gap(&shape);
        lines.push(format!(
            "{number}{gap}{}",
            row(&columns, &widths, &names, 2)
        ));
        for (n, record) in rows.iter().enumerate() {
            if let Some(comment) = comment(record) {
                lines.push(format!(";;; {comment}"));
            }
            let cells = self.cells(&columns, record);
            let front = front(n, digits, &shape, record);
            lines.push(format!("{front}{}", row(&columns, &widths, &cells, 2)));
        }
        lines
    }

    fn cells(self, columns: &[Column], record: &Record) -> Vec<String> {
        let cell = |(name, _): &Column| {
            let value = record.raw(name).map(|v| self.value(name, v));
            let value = value.unwrap_or_default();
            let line = value.lines().next().unwrap_or_default();
            line.chars().take(CELL).collect()
        };
        columns.iter().map(cell).collect()
    }

    fn width_of(self, column: &Column, rows: &[Record], is_classic: bool) -> usize {
        let (name, _) = column;
        let usual = WIDTHS.iter().find(|(n, _)| n == name && is_classic);
        let cells = rows.iter().flat_map(|r| self.cells(&[*column], r));
        let widest = cells.map(|c| c.chars().count()).max().unwrap_or(0);
        widest.max(name.len()).max(usual.map_or(0, |(_, w)| *w))
    }
}

fn letters_gap(shape: &Shape) -> String {
    match (shape.flags.len(), shape.is_bare) {
        (0, true) => String::new(),
        (0, false) => " ".to_owned(),
        (n, true) => " ".repeat(n + 1),
        (n, false) => " ".repeat(n + 2),
    }
}

/// Returns the number of a row and its letters.
pub(super) fn front(n: usize, digits: usize, shape: &Shape, record: &Record) -> String {
    let letters = shape.letters(record);
    match (shape.flags.is_empty(), shape.is_bare) {
        (true, true) => String::new(),
        (true, false) => format!("{n:>digits$} "),
        (false, true) => format!("{letters} "),
        (false, false) => format!("{n:>digits$} {letters} "),
    }
}

/// Returns what somebody has noted on a row.
pub(super) fn comment(record: &Record) -> Option<String> {
    let comment = record.raw("comment").filter(|c| !c.is_empty())?;
    Some(text::decode(comment))
}

fn row(columns: &[Column], widths: &[usize], cells: &[String], gap: usize) -> String {
    let padded = columns
        .iter()
        .zip(widths)
        .zip(cells)
        .map(|(((_, is_right), width), cell)| {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            if *is_right {
                format!("{pad}{cell}")
            } else {
                format!("{cell}{pad}")
            }
        });
    padded.collect::<Vec<_>>().join(&" ".repeat(gap))
}
