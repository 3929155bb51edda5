//! Tables of version 7: a legend of what occurs, columns as wide as what they hold.

use routeros::row::Row as Record;

use super::super::Page;
use super::super::shape::{Column, Shape};
use super::{Grid, digits, front, notes, numbered};

/// No column becomes narrower than this, however narrow the terminal.
const NARROWEST: usize = 4;

impl Page<'_> {
    /// The style of version 7.
    pub(in super::super) fn modern(self, shape: &Shape, rows: &[Record]) -> Vec<String> {
        if rows.is_empty() {
            return Vec::new();
        }
        let is_used = |name: &str| {
            let mut values = rows.iter().filter_map(|r| r.raw(name));
            values.any(|v| !v.is_empty())
        };
        let columns = shape.columns.iter().copied();
        let columns: Vec<Column> = columns.filter(|c| is_used(c.name)).collect();
        let mut lines: Vec<_> = shape.legend_of(rows).into_iter().collect();
        let shape = shape.clone().used(rows);
        let rows_numbered = numbered(&shape, rows);
        let digits = digits(&rows_numbered);
        let lead = lead(&shape, digits);
        let columns = self.ranged(columns, rows);
        let grid = self.modern_grid(columns, rows, self.width.saturating_sub(lead.len()));
        let heads = grid.heads();
        lines.push(format!("Columns: {}", heads.join(", ")));
        lines.push(format!("{lead}{}", grid.line(&cut(&heads, &grid.widths))));
        for (n, record) in rows_numbered {
            lines.extend(notes(record).iter().map(|note| format!(";;; {note}")));
            let mut front = front(n, digits, &shape, record);
            for cells in self.stacked(&grid, record) {
                lines.push(format!("{front}{}", grid.line(&cut(&cells, &grid.widths))));
                front = " ".repeat(lead.len());
            }
        }
        lines
    }

    /// Returns the lines of a row: several values of a cell stand one below the other.
    fn stacked(self, grid: &Grid, record: &Record) -> Vec<Vec<String>> {
        let cells: Vec<Vec<String>> = grid
            .columns
            .iter()
            .map(|c| self.values(c, record))
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let line = |n: usize| {
            let cells = cells.iter().map(|c| c.get(n).cloned().unwrap_or_default());
            cells.collect()
        };
        (0..height).map(line).collect()
    }

    /// Returns what stands in a cell, line by line.
    fn values(self, column: &Column, record: &Record) -> Vec<String> {
        let cell = self.cell(column, record);
        if column.is_list {
            cell.split(',').map(str::to_owned).collect()
        } else {
            vec![cell]
        }
    }

    /// Lays columns out. Where they do not fit, titles give way, the one with the most to spare
    /// first; then what is widest is cut.
    fn modern_grid(self, columns: Vec<Column>, rows: &[Record], width: usize) -> Grid {
        let held: Vec<usize> = columns
            .iter()
            .map(|c| {
                let cells = rows.iter().flat_map(|r| self.values(c, r));
                cells.map(|c| c.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let widths = columns.iter().zip(&held);
        let widths = widths.map(|(c, held)| c.name.len().max(*held)).collect();
        let mut grid = Grid {
            columns,
            widths,
            gap: 2,
        };
        while grid.width() > width {
            let spare = grid.widths.iter().zip(&held).map(|(w, h)| w - h.min(w));
            let most = spare.enumerate().max_by_key(|(_, spare)| *spare);
            let Some((at, _)) = most.filter(|(_, spare)| *spare > 0) else {
                break;
            };
            if let (Some(to), Some(held)) = (grid.widths.get_mut(at), held.get(at)) {
                *to = *held;
            }
        }
        while grid.width() > width {
            let widest = grid.widths.iter_mut().max();
            let Some(widest) = widest.filter(|w| **w > NARROWEST) else {
                break;
            };
            *widest -= 1;
        }
        grid
    }
}

/// Returns what stands before the titles: the place of numbers and letters.
fn lead(shape: &Shape, digits: usize) -> String {
    let number = if shape.is_bare {
        String::new()
    } else {
        format!("{:>digits$}", "#", digits = digits.max(1))
    };
    let gap = match (shape.flags.len(), shape.is_bare) {
        (0, true) => 0,
        (0, false) => 1,
        (n, true) => n + 1,
        (n, false) => n + 2,
    };
    number + &" ".repeat(gap)
}

fn cut(cells: &[String], widths: &[usize]) -> Vec<String> {
    let cells = cells.iter().zip(widths);
    cells
        .map(|(cell, width)| cell.chars().take(*width).collect())
        .collect()
}
