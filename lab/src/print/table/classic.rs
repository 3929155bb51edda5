//! Tables of version 6: columns as wide as the terminal lets them be, whatever they hold.

use routeros::row::Row as Record;

use super::super::Page;
use super::super::shape::{Column, Shape};
use super::{Grid, front, notes};

/// Columns that hold texts are at least so wide.
const WIDTH: usize = 10;

impl Page<'_> {
    /// The style of version 6.
    pub(in super::super) fn classic(self, shape: &Shape, rows: &[Record]) -> Vec<String> {
        let mut lines = self.legend(shape);
        if rows.is_empty() {
            return lines;
        }
        let slots = shape.flags.len();
        let indent = if slots == 0 { 3 } else { 4 + slots };
        let grid = self.classic_grid(shape, rows, self.width.saturating_sub(indent));
        let cut = |cells: Vec<String>| -> Vec<String> {
            let cells = cells.iter().zip(&grid.widths);
            cells.map(|(cell, width)| cut(cell, *width)).collect()
        };
        lines.push(format!("{:indent$}{}", " #", grid.line(&cut(grid.heads()))));
        for (n, record) in rows.iter().enumerate() {
            let cells = grid.columns.iter().map(|c| self.cell(c, record));
            let cells = grid.line(&cut(cells.collect()));
            let mut front = front(Some(n), 2, shape, record);
            for note in notes(record) {
                lines.push(format!("{front};;; {note}"));
                front = " ".repeat(indent);
            }
            lines.push(format!("{front}{cells}"));
        }
        lines
    }

    /// Returns `Flags: X - disabled, …`: where it is too long, each place on a line of its own.
    pub(in super::super) fn legend(self, shape: &Shape) -> Vec<String> {
        let slots = shape.slots();
        if slots.is_empty() {
            return Vec::new();
        }
        if self.is_modern {
            return vec![format!("Flags: {}", slots.join("; "))];
        }
        let mut lines = vec!["Flags:".to_owned()];
        let last = slots.len() - 1;
        for (n, slot) in slots.into_iter().enumerate() {
            let comma = if n == last { "" } else { "," };
            let word = format!("{slot}{comma}");
            match lines.last_mut() {
                Some(line) if line.len() + 1 + word.len() < self.width => {
                    line.extend([" ", &word]);
                }
                _ => lines.push(word),
            }
        }
        lines
    }

    /// Lays columns out: those at the end that do not fit are left out, the last takes the rest.
    fn classic_grid(self, shape: &Shape, rows: &[Record], width: usize) -> Grid {
        let is_there = |c: &&Column| !c.is_optional || rows.iter().any(|r| r.raw(c.name).is_some());
        let columns = shape.columns.iter().filter(is_there).copied().collect();
        let columns = self.ranged(columns, rows);
        let natural = columns.iter().map(|c| self.natural(c, rows)).collect();
        let mut grid = Grid {
            columns,
            widths: natural,
            gap: 1,
        };
        let fits = |grid: &Grid| grid.width() <= width;
        if !fits(&grid) {
            grid.widths = grid.columns.iter().map(narrow).collect();
        }
        while !fits(&grid) && grid.columns.len() > 1 {
            grid.columns.pop();
            grid.widths.pop();
        }
        let left = width.saturating_sub(grid.width());
        let ends = grid.widths.last_mut().zip(grid.columns.last());
        if let Some((last, column)) = ends {
            // A terminal without end has nothing to fill.
            if left > 0 && !column.is_right && self.width != usize::MAX {
                *last += left;
            }
            *last = width.min(*last);
        }
        grid
    }

    fn natural(self, column: &Column, rows: &[Record]) -> usize {
        let cells = rows.iter().map(|r| self.cell(column, r).chars().count());
        let widest = cells.max().unwrap_or(0);
        widest.max(column.name.len()).max(column.width)
    }
}

/// Returns the width that a column has on any terminal.
fn narrow(column: &Column) -> usize {
    let usual = if column.is_right { 0 } else { WIDTH };
    let width = if column.width > 0 {
        column.width
    } else {
        usual
    };
    width.max(column.name.len())
}

/// Cuts what is too wide, and says so by dots where there is room for them.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let dots = match width {
        0..=3 => 0,
        4 | 5 => 2,
        _ => 3,
    };
    let kept: String = text.chars().take(width - dots).collect();
    kept + &".".repeat(dots)
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_is_cut_ends_in_dots() {
        assert_eq!(cut("INTERFACE", 7), "INTE...");
        assert_eq!(cut("PROTOCOL", 4), "PR..");
        assert_eq!(cut("DISTANCE", 3), "DIS");
        assert_eq!(cut("ether1", 6), "ether1");
    }
}
