//! How the list of devices looks.

use std::cmp::Reverse;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tod_proto::api::devices::Device;

use super::DevicesScreen;
use crate::fleet::Fleet;
use crate::text::{padded, right};
use crate::theme::Theme;
use crate::units;

/// A column: its head, its width, and how important it is (lower goes first when space is short).
struct Column {
    head: &'static str,
    width: usize,
    keep: u8,
    right: bool,
    cell: fn(&Device, &Fleet) -> String,
}

fn text_of(value: Option<&tod_proto::untrusted::Untrusted>) -> String {
    value.map_or_else(|| "-".to_owned(), |text| text.raw().to_owned())
}

fn columns() -> Vec<Column> {
    let column = |head, width, keep, right, cell| Column {
        head,
        width,
        keep,
        right,
        cell,
    };
    vec![
        column("ST", 6, 9, false, |d, _| units::status(d.status).to_owned()),
        column("NAME", 18, 9, false, |d, _| d.name.clone()),
        column("ADDRESS", 15, 7, false, |d, _| d.address.clone()),
        column("MODEL", 16, 5, false, |d, _| text_of(d.model.as_ref())),
        column("ROS", 9, 6, false, |d, _| text_of(d.version.as_ref())),
        column("CPU", 4, 8, true, |d, _| units::percent(d.cpu_percent)),
        column("MEM", 4, 6, true, |d, _| units::percent(d.mem_percent)),
        column("UP", 5, 5, true, |d, _| {
            d.uptime_seconds.map_or_else(|| "-".to_owned(), units::span)
        }),
        column("RX", 9, 4, true, |d, _| {
            d.rx_bps.map_or_else(|| "-".to_owned(), units::bps)
        }),
        column("TX", 9, 4, true, |d, _| {
            d.tx_bps.map_or_else(|| "-".to_owned(), units::bps)
        }),
        column("SEEN", 5, 3, true, |d, fleet| {
            d.seen_at
                .map_or_else(|| "never".to_owned(), |at| units::ago(at, fleet.now))
        }),
        column("SITE", 10, 4, false, |d, _| {
            d.site.clone().unwrap_or_else(|| "-".to_owned())
        }),
        column("TAGS", 14, 2, false, |d, _| d.tags.join(" ")),
    ]
}

/// The columns that fit: the most important first, and smaller ones where a larger one does not.
fn fitting(width: usize) -> Vec<Column> {
    let mut columns = columns();
    let mut by_importance: Vec<usize> = (0..columns.len()).collect();
    by_importance.sort_by_key(|&at| Reverse(columns.get(at).map(|c| c.keep)));
    let mut left = width;
    let mut fits = vec![false; columns.len()];
    for at in by_importance {
        let (Some(column), Some(fits)) = (columns.get(at), fits.get_mut(at)) else {
            continue;
        };
        *fits = column.width < left;
        if *fits {
            left -= column.width + 1;
        }
    }
    let mut fits = fits.into_iter();
    columns.retain(|_| fits.next().unwrap_or_default());
    if let Some(name) = columns.iter_mut().find(|c| c.head == "NAME") {
        name.width += left.min(14);
    }
    columns
}

pub(super) fn draw(
    screen: &mut DevicesScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    fleet: &Fleet,
    theme: &Theme,
) {
    let [filter, head, body] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    draw_filter(screen, frame, filter, theme);
    if fleet.devices().is_empty() {
        draw_empty(fleet.loaded, frame, body, theme);
        return;
    }
    // Three cells for the mark and the cursor, one for the scroll bar.
    let columns = fitting(usize::from(area.width.saturating_sub(4)));
    draw_head(&columns, screen, frame, head, theme);
    if screen.order.is_empty() {
        let text = format!(
            "0 of {} devices match. esc clears the filter.",
            fleet.devices().len()
        );
        Line::styled(text, theme.dim).render(body, frame.buffer_mut());
        return;
    }
    draw_rows(&columns, screen, frame, body, fleet, theme);
}

fn draw_filter(screen: &DevicesScreen, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let mut line = Line::from(Span::styled(" / ", theme.key));
    if screen.filter.text().is_empty() && !screen.typing {
        line.push_span(Span::styled(
            "site=berlin status!=online cpu.gt=80 …",
            theme.faint,
        ));
    } else {
        let width = usize::from(area.width).saturating_sub(4);
        line.extend(screen.filter.line(width, screen.typing, theme));
    }
    if screen.filter_error.is_some() {
        line = line.patch_style(theme.warn);
    }
    line.render(area, frame.buffer_mut());
}

fn draw_head(
    columns: &[Column],
    screen: &DevicesScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    theme: &Theme,
) {
    let sorted = match screen.sort {
        super::SortBy::Name => "NAME",
        super::SortBy::Status => "ST",
        super::SortBy::Cpu => "CPU",
        super::SortBy::Mem => "MEM",
        super::SortBy::Version => "ROS",
        super::SortBy::Rx => "RX",
    };
    let arrow = if screen.reverse { "▴" } else { "▾" };
    let mut text = String::from("   ");
    for column in columns {
        let head = if column.head == sorted {
            format!("{}{arrow}", column.head)
        } else {
            column.head.to_owned()
        };
        text.push_str(&if column.right {
            right(&head, column.width)
        } else {
            padded(&head, column.width)
        });
        text.push(' ');
    }
    Line::styled(text, theme.title).render(area, frame.buffer_mut());
}

fn draw_rows(
    columns: &[Column],
    screen: &mut DevicesScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    fleet: &Fleet,
    theme: &Theme,
) {
    let visible = screen
        .window
        .fit(screen.order.len(), usize::from(area.height));
    let thumb = screen.window.thumb(screen.order.len());
    let first = visible.start;
    let rows = screen.order.get(visible).unwrap_or_default();
    for (line, &index) in rows.iter().enumerate() {
        let Some(device) = fleet.devices().get(index) else {
            continue;
        };
        let at_cursor = first + line == screen.window.cursor;
        let marked = screen.marks.contains(&device.id);
        let y = area.y + u16::try_from(line).unwrap_or(u16::MAX);
        let row = Rect::new(area.x, y, area.width.saturating_sub(1), 1);
        draw_row(
            columns,
            device,
            (at_cursor, marked),
            frame,
            row,
            fleet,
            theme,
        );
    }
    if let Some((from, to)) = thumb {
        for y in 0..area.height {
            let inside = (from..to).contains(&usize::from(y));
            let (symbol, style) = if inside {
                ("█", theme.dim)
            } else {
                ("│", theme.faint)
            };
            let x = area.right().saturating_sub(1);
            frame.buffer_mut().set_string(x, area.y + y, symbol, style);
        }
    }
}

fn draw_row(
    columns: &[Column],
    device: &Device,
    (at_cursor, marked): (bool, bool),
    frame: &mut Frame<'_>,
    row: Rect,
    fleet: &Fleet,
    theme: &Theme,
) {
    let buffer = frame.buffer_mut();
    let stale = device.seen_at.is_none_or(|at| {
        fleet.now.as_second() - at.as_second() > 2 * i64::from(device.poll_seconds)
    });
    let base = if stale { theme.dim } else { theme.fg };
    let base = if at_cursor {
        base.patch(theme.selection)
    } else {
        base
    };
    if at_cursor {
        buffer.set_style(row, theme.selection);
    }
    let flags = format!(
        "{}{} ",
        if marked { "*" } else { " " },
        if at_cursor { "▸" } else { " " }
    );
    buffer.set_string(row.x, row.y, &flags, if marked { theme.mark } else { base });
    let mut x = row.x + 3;
    for column in columns {
        let value = (column.cell)(device, fleet);
        let shown = if column.right {
            right(&value, column.width)
        } else {
            padded(&value, column.width)
        };
        let style = style_of(column.head, device, base, theme);
        let room = usize::from(row.right().saturating_sub(x));
        buffer.set_stringn(x, row.y, &shown, room, style);
        x = x.saturating_add(u16::try_from(column.width + 1).unwrap_or(u16::MAX));
        if x >= row.right() {
            break;
        }
    }
}

fn style_of(head: &str, device: &Device, base: Style, theme: &Theme) -> Style {
    let hot = |value: Option<f64>| match value {
        Some(value) if value > 90.0 => base.patch(theme.crit),
        Some(value) if value > 80.0 => base.patch(theme.warn),
        _ => base,
    };
    match head {
        "ST" => base.patch(theme.status(device.status)),
        "CPU" => hot(device.cpu_percent),
        "MEM" => hot(device.mem_percent),
        _ => base,
    }
}

fn draw_empty(loaded: bool, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let lines: &[&str] = if loaded {
        &[
            "No devices yet. Add the first one:",
            "",
            "  todctl device add 10.0.0.1 --username tod --password-stdin",
            "",
            "It is polled at once and appears here by itself.",
        ]
    } else {
        &["asking the server …"]
    };
    for (text, y) in lines.iter().zip(area.y + 1..area.bottom()) {
        let row = Rect::new(area.x + 2, y, area.width.saturating_sub(2), 1);
        Line::styled(*text, theme.dim).render(row, frame.buffer_mut());
    }
}
