//! How the overview looks.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use super::{Health, OverviewScreen, share};
use crate::fleet::Fleet;
use crate::text::{cell, padded, right};
use crate::theme::Theme;
use crate::units;
use crate::widgets::bar::bar;
use crate::widgets::graph;
use crate::widgets::pane::pane;

pub(super) fn draw(
    screen: &mut OverviewScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    fleet: &Fleet,
    theme: &Theme,
) {
    let narrow = area.width < 70;
    let top_height = if area.height < 20 { 6 } else { 7 };
    let [top, bottom] =
        Layout::vertical([Constraint::Length(top_height), Constraint::Min(4)]).areas(area);
    let top_panes: &[Constraint] = if narrow {
        &[Constraint::Fill(1), Constraint::Fill(1)]
    } else {
        &[
            Constraint::Fill(1),
            Constraint::Fill(1),
            Constraint::Fill(1),
        ]
    };
    let cells = Layout::horizontal(top_panes).split(top);
    if let Some(&area) = cells.first() {
        draw_health(screen, frame, area, theme);
    }
    if let Some(&area) = cells.get(1) {
        draw_counts(screen, frame, area, theme);
    }
    if let Some(&area) = cells.get(2) {
        draw_traffic(frame, area, fleet, theme);
    }
    let [left, side] = if narrow {
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(0)]).areas(bottom)
    } else {
        Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(bottom)
    };
    draw_attention(screen, frame, left, fleet, theme);
    if side.width > 0 {
        let [events, versions] =
            Layout::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(side);
        draw_events(frame, events, fleet, theme);
        draw_versions(frame, versions, fleet, theme);
    }
}

fn lines(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = Line<'static>>) {
    for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
        line.render(Rect::new(area.x, y, area.width, 1), frame.buffer_mut());
    }
}

fn draw_health(screen: &OverviewScreen, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let inner = pane(frame, area, "Health", "of 100", false, theme);
    let Some(health) = screen.health else {
        lines(frame, inner, [Line::styled(" no devices yet", theme.dim)]);
        return;
    };
    let score = health.score();
    let (word, style) = match score {
        90.0.. => ("Good", theme.ok),
        70.0..90.0 => ("Fair", theme.warn),
        _ => ("Poor", theme.crit),
    };
    let width = usize::from(inner.width).saturating_sub(12);
    let term = |name: &str, share: f64, weight: f64| {
        Line::from(vec![
            Span::styled(format!(" {}", padded(name, 9)), theme.dim),
            Span::styled(right(&format!("{:.1}%", share * 100.0), 7), theme.fg),
            Span::styled(format!(" x{weight:.0}"), theme.faint),
            Span::styled(right(&format!("{:.1}", share * weight), 7), theme.fg),
        ])
    };
    let [online, cpu, mem] = Health::WEIGHTS;
    lines(
        frame,
        inner,
        [
            Line::from(vec![
                Span::styled(format!(" {score:.0} "), style.patch(theme.title)),
                Span::styled(padded(word, 6), style),
                Span::styled(bar(score / 100.0, width), style),
            ]),
            term("online", health.online, online),
            term("cpu ok", health.cpu, cpu),
            term("memory ok", health.mem, mem),
        ],
    );
}

fn draw_counts(screen: &OverviewScreen, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let counts = screen.counts;
    let total = counts.total();
    let inner = pane(frame, area, "Devices", &total.to_string(), false, theme);
    let width = usize::from(inner.width).saturating_sub(20);
    let row = |glyph: &str, word: &str, count: usize, style: Style| {
        Line::from(vec![
            Span::styled(format!(" {glyph} {}", padded(word, 9)), style),
            Span::styled(right(&count.to_string(), 6), theme.fg),
            Span::styled(
                format!(" {}", bar(share(count, total.max(1)), width)),
                style,
            ),
        ])
    };
    lines(
        frame,
        inner,
        [
            row("●", "online", counts.online, theme.ok),
            row("▲", "degraded", counts.degraded, theme.warn),
            row("✗", "offline", counts.offline, theme.crit),
            row("◌", "unknown", counts.unknown, theme.unknown),
        ],
    );
}

fn draw_traffic(frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    let inner = pane(frame, area, "Traffic", "rx", false, theme);
    let values: Vec<f64> = fleet
        .traffic
        .iter()
        .map(|(rx, _)| units::as_float(*rx))
        .collect();
    let peak = values.iter().copied().fold(0.0_f64, f64::max);
    let curve = Rect {
        height: inner.height.saturating_sub(1),
        ..inner
    };
    graph::curve(frame.buffer_mut(), curve, &values, peak, theme.graph);
    let (rx, tx) = fleet.traffic.back().copied().unwrap_or_default();
    let line = Line::styled(
        format!(" rx {}  tx {}", units::bps(rx), units::bps(tx)),
        theme.fg,
    );
    let y = inner.bottom().saturating_sub(1);
    line.render(Rect::new(inner.x, y, inner.width, 1), frame.buffer_mut());
}

fn draw_attention(
    screen: &mut OverviewScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    fleet: &Fleet,
    theme: &Theme,
) {
    let title = format!("Needs attention · {}", screen.attention.len());
    let inner = pane(frame, area, &title, "worst first", true, theme);
    if screen.attention.is_empty() {
        let text = if fleet.loaded { " ✓ nothing" } else { " …" };
        lines(frame, inner, [Line::styled(text, theme.ok)]);
        return;
    }
    let visible = screen
        .window
        .fit(screen.attention.len(), usize::from(inner.height));
    let first = visible.start;
    for (line, id) in screen
        .attention
        .get(visible)
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let Some(device) = fleet.device(*id) else {
            continue;
        };
        let y = inner.y + u16::try_from(line).unwrap_or(u16::MAX);
        let row = Rect::new(inner.x, y, inner.width, 1);
        let at_cursor = first + line == screen.window.cursor;
        let what = match (&device.status_reason, device.pending_change) {
            (_, Some(number)) => format!("change c-{number} waits for confirmation"),
            (Some(reason), None) => reason.raw().to_owned(),
            (None, None) => device.status.as_str().to_owned(),
        };
        let room = usize::from(inner.width).saturating_sub(33);
        let text = Line::from(vec![
            Span::raw(if at_cursor { "▸" } else { " " }),
            Span::styled(
                padded(units::status(device.status), 7),
                theme.status(device.status),
            ),
            Span::styled(padded(&device.name, 18), theme.fg),
            Span::styled(padded(&what, room), theme.dim),
            Span::styled(
                right(&units::ago(device.status_since, fleet.now), 5),
                theme.dim,
            ),
        ]);
        if at_cursor {
            frame.buffer_mut().set_style(row, theme.selection);
        }
        text.render(row, frame.buffer_mut());
    }
}

fn draw_events(frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    let inner = pane(frame, area, "Events", "live", false, theme);
    let width = usize::from(inner.width).saturating_sub(10);
    let newest = fleet.events.iter().rev().map(|event| {
        Line::from(vec![
            Span::styled(format!(" {} ", units::clock(event.time)), theme.faint),
            Span::styled(
                cell(event.message.raw(), width),
                super::super::events::style_of(event, theme),
            ),
        ])
    });
    lines(frame, inner, newest);
}

fn draw_versions(frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    let inner = pane(frame, area, "RouterOS", "", false, theme);
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for device in fleet.devices() {
        let version = device.version.as_ref().map_or("?", |version| version.raw());
        *versions.entry(version).or_default() += 1;
    }
    let mut rows: Vec<(&str, usize)> = versions.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total = fleet.devices().len().max(1);
    let width = usize::from(inner.width).saturating_sub(18);
    lines(
        frame,
        inner,
        rows.into_iter().map(|(version, count)| {
            Line::from(vec![
                Span::styled(format!(" {}", padded(version, 10)), theme.fg),
                Span::styled(right(&count.to_string(), 5), theme.dim),
                Span::styled(format!(" {}", bar(share(count, total), width)), theme.graph),
            ])
        }),
    );
}
