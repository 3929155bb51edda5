//! Tables for people: no lines, a bold header, cells cut to the width of the terminal.

use comfy_table::{Attribute, Cell as Drawn, CellAlignment, Color, Table, presets};
use jiff::Timestamp;
use tod_client::view::{Align, Cell, Column, Tone, View};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

type Columns<T> = [&'static Column<T>];

/// The blanks between columns.
const GAP: usize = 2;
/// No column is cut below this, or below its title.
const LEAST: usize = 5;

/// A table of things.
pub(super) fn text<T: View>(
    items: &[T],
    columns: &Columns<T>,
    header: bool,
    width: Option<u16>,
    now: Timestamp,
) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut rows: Vec<Vec<Cell>> = items
        .iter()
        .map(|item| {
            columns
                .iter()
                .map(|column| (column.cell)(item, now))
                .collect()
        })
        .collect();
    let titles = columns
        .iter()
        .map(|column| column.title)
        .collect::<Vec<_>>();
    let aligns = columns
        .iter()
        .map(|column| column.align)
        .collect::<Vec<_>>();
    if let Some(width) = width {
        fit(&mut rows, &titles, usize::from(width));
    }
    draw(&rows, header.then_some(&*titles), &aligns)
}

/// Rows of cells as a table. The cells are escaped already.
pub(crate) fn draw(rows: &[Vec<Cell>], titles: Option<&[&str]>, aligns: &[Align]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).enforce_styling();
    if let Some(titles) = titles {
        let bold = |title: &&str| Drawn::new(title).add_attribute(Attribute::Bold);
        table.set_header(titles.iter().map(bold).collect::<Vec<_>>());
    }
    for row in rows {
        table.add_row(row.iter().map(drawn).collect::<Vec<_>>());
    }
    let last = aligns.len().saturating_sub(1);
    for (place, align) in aligns.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            let gap = if place == last { 0 } else { GAP };
            column.set_padding((0, u16::try_from(gap).unwrap_or_default()));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
    }
    let lines = table.lines().map(|line| trim(&line));
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// Takes blanks off the end of a line, also those before the codes that end a colour.
fn trim(line: &str) -> String {
    const END: &str = "\x1b[0m";
    match line.trim_end().strip_suffix(END) {
        Some(rest) => rest.trim_end().to_owned() + END,
        None => line.trim_end().to_owned(),
    }
}

/// One line of a stream, without knowing what will follow.
pub(super) fn line<T: View>(item: &T, columns: &Columns<T>, now: Timestamp) -> String {
    let cells = columns.iter().map(|column| {
        let cell = (column.cell)(item, now);
        crate::term::Paint::tone(cell.tone, &cell.text).to_string()
    });
    cells.collect::<Vec<_>>().join("  ") + "\n"
}

fn drawn(cell: &Cell) -> Drawn {
    let drawn = Drawn::new(&cell.text);
    match cell.tone {
        Tone::Plain => drawn,
        Tone::Good => drawn.fg(Color::DarkGreen),
        Tone::Warn => drawn.fg(Color::DarkYellow),
        Tone::Bad => drawn.fg(Color::DarkRed),
        Tone::Accent => drawn.fg(Color::DarkCyan),
        Tone::Dim => drawn.add_attribute(Attribute::Dim),
    }
}

/// Cuts cells until a row fits, the widest columns first.
fn fit(rows: &mut [Vec<Cell>], titles: &[&str], width: usize) {
    let mut widths: Vec<usize> = titles.iter().map(|title| title.width()).collect();
    for row in &*rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = (*most).max(cell.text.width());
        }
    }
    let floors: Vec<usize> = titles
        .iter()
        .map(|title| title.width().max(LEAST))
        .collect();
    let gaps = GAP * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
    while excess > 0 {
        let above = widths
            .iter_mut()
            .zip(&floors)
            .filter(|(w, floor)| **w > **floor);
        let Some((widest, _)) = above.max_by_key(|(width, _)| **width) else {
            break;
        };
        *widest -= 1;
        excess -= 1;
    }
    for row in rows {
        for (most, cell) in widths.iter().zip(row) {
            if cell.text.width() > *most {
                cell.text = cut(&cell.text, *most);
            }
        }
    }
}

/// Cuts text to a display width, with `…` in the end.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        out.push(c);
    }
    out.push('…');
    out
}
