//! How a device looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tod_proto::api::devices::{Device, Interface};

use super::{DeviceScreen, Tab};
use crate::fleet::Fleet;
use crate::text::{cell, padded, right};
use crate::theme::Theme;
use crate::units;
use crate::widgets::bar::bar;
use crate::widgets::graph;
use crate::widgets::pane::pane;

pub(super) fn draw(
    screen: &mut DeviceScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    fleet: &Fleet,
    theme: &Theme,
) {
    let Some(device) = fleet.device(screen.device) else {
        Line::styled("  this device is gone", theme.dim).render(area, frame.buffer_mut());
        return;
    };
    let [head, tabs, body] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    draw_head(device, frame, head, fleet, theme);
    draw_tabs(screen.tab, frame, tabs, theme);
    match screen.tab {
        Tab::Interfaces => draw_interfaces(screen, frame, body, fleet, true, theme),
        Tab::Overview => {
            let [facts, curves, table] = Layout::vertical([
                Constraint::Length(if body.height < 16 { 6 } else { 9 }),
                Constraint::Length(if body.height < 22 { 0 } else { 7 }),
                Constraint::Min(0),
            ])
            .areas(body);
            draw_facts(device, frame, facts, fleet, theme);
            draw_curves(frame, curves, fleet, theme);
            draw_interfaces(screen, frame, table, fleet, true, theme);
        }
    }
}

fn draw_head(device: &Device, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    let since = units::ago(device.status_since, fleet.now);
    let reason = device
        .status_reason
        .as_ref()
        .map_or_else(String::new, |reason| format!("  {reason}"));
    Line::from(vec![
        Span::styled(format!(" {}  ", cell(&device.name, 40)), theme.title),
        Span::styled(
            format!("{} for {since}", units::status(device.status)),
            theme.status(device.status),
        ),
        Span::styled(reason, theme.dim),
    ])
    .render(area, frame.buffer_mut());
}

fn draw_tabs(tab: Tab, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let name = |which: Tab, text: &'static str| {
        let style = if tab == which {
            theme.selection
        } else {
            theme.dim
        };
        Span::styled(text, style)
    };
    Line::from(vec![
        Span::raw(" "),
        name(Tab::Overview, " 1 Overview "),
        Span::raw(" "),
        name(Tab::Interfaces, " 2 Interfaces "),
    ])
    .render(area, frame.buffer_mut());
}

fn fact(value: Option<&tod_proto::untrusted::Untrusted>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn draw_facts(device: &Device, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    let [left, right_side] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    let inner = pane(frame, left, "Device", "", false, theme);
    let version = format!(
        "{} {}",
        fact(device.version.as_ref()),
        fact(device.channel.as_ref())
    );
    let identity = fact(device.identity.as_ref());
    let rows = [
        ("identity", identity),
        (
            "model",
            format!(
                "{} ({})",
                fact(device.model.as_ref()),
                fact(device.arch.as_ref())
            ),
        ),
        ("routeros", version),
        ("serial", fact(device.serial.as_ref())),
        (
            "address",
            format!(
                "{}  api {}  ssh {}",
                device.address, device.port, device.ssh_port
            ),
        ),
        (
            "site",
            device.site.clone().unwrap_or_else(|| "-".to_owned()),
        ),
        ("tags", device.tags.join(" ")),
    ];
    for ((name, value), y) in rows.iter().zip(inner.y..inner.bottom()) {
        let room = usize::from(inner.width).saturating_sub(11);
        Line::from(vec![
            Span::styled(format!(" {}", padded(name, 10)), theme.dim),
            Span::styled(cell(value, room), theme.fg),
        ])
        .render(Rect::new(inner.x, y, inner.width, 1), frame.buffer_mut());
    }
    draw_gauges(device, frame, right_side, fleet, theme);
}

fn draw_gauges(device: &Device, frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    let seen = device.seen_at.map_or_else(
        || "never".to_owned(),
        |at| format!("{} ago", units::ago(at, fleet.now)),
    );
    let inner = pane(frame, area, "Health", &format!("seen {seen}"), false, theme);
    let width = usize::from(inner.width).saturating_sub(14);
    let gauge = |name: &str, value: Option<f64>| {
        let style = match value {
            Some(value) if value > 90.0 => theme.crit,
            Some(value) if value > 80.0 => theme.warn,
            _ => theme.ok,
        };
        Line::from(vec![
            Span::styled(format!(" {}", padded(name, 7)), theme.dim),
            Span::styled(right(&units::percent(value), 4), theme.fg),
            Span::styled(
                format!(" {}", bar(value.unwrap_or(0.0) / 100.0, width)),
                style,
            ),
        ])
    };
    let uptime = device
        .uptime_seconds
        .map_or_else(|| "-".to_owned(), units::span);
    let sensors: Vec<String> = [
        device.temperature_celsius.map(|t| format!("{t:.0} °C")),
        device.voltage.map(|v| format!("{v:.1} V")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let sensors = if sensors.is_empty() {
        "-".to_owned()
    } else {
        sensors.join("  ")
    };
    let word = |name: &str, value: String| {
        Line::from(vec![
            Span::styled(format!(" {}", padded(name, 8)), theme.dim),
            Span::styled(value, theme.fg),
        ])
    };
    let rate = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), units::bps);
    let lines = [
        gauge("cpu", device.cpu_percent),
        gauge("memory", device.mem_percent),
        gauge("disk", device.disk_percent),
        word(
            "traffic",
            format!("rx {}  tx {}", rate(device.rx_bps), rate(device.tx_bps)),
        ),
        word("uptime", uptime),
        word("sensors", sensors),
    ];
    for (line, y) in lines.into_iter().zip(inner.y..inner.bottom()) {
        line.render(Rect::new(inner.x, y, inner.width, 1), frame.buffer_mut());
    }
}

fn draw_curves(frame: &mut Frame<'_>, area: Rect, fleet: &Fleet, theme: &Theme) {
    if area.height < 3 {
        return;
    }
    let cells = Layout::horizontal([Constraint::Fill(1); 3]).split(area);
    for (metric, &area) in ["cpu", "rx", "tx"].into_iter().zip(cells.iter()) {
        let values: Vec<f64> = fleet
            .series
            .get(metric)
            .map(|points| points.iter().map(|point| point.value).collect())
            .unwrap_or_default();
        let peak = values.iter().copied().fold(0.0_f64, f64::max);
        let (top, remark) = if metric == "cpu" {
            (100.0, format!("peak {peak:.0}%"))
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a bit rate"
            )]
            let peak_bps = peak.max(0.0) as u64;
            (peak, format!("peak {}", units::bps(peak_bps)))
        };
        let inner = pane(frame, area, metric, &remark, false, theme);
        graph::curve(frame.buffer_mut(), inner, &values, top, theme.graph);
    }
}

fn draw_interfaces(
    screen: &mut DeviceScreen,
    frame: &mut Frame<'_>,
    area: Rect,
    fleet: &Fleet,
    focused: bool,
    theme: &Theme,
) {
    if area.height < 3 {
        return;
    }
    let interfaces = screen.interfaces(fleet);
    let remark = format!("{} · live", interfaces.len());
    let inner = pane(frame, area, "Interfaces", &remark, focused, theme);
    let head = "   ST     NAME            TYPE      RX         TX         ERR    DROP   COMMENT";
    Line::styled(cell(head, usize::from(inner.width)), theme.title).render(
        Rect::new(inner.x, inner.y, inner.width, 1.min(inner.height)),
        frame.buffer_mut(),
    );
    let height = usize::from(inner.height.saturating_sub(1));
    let visible = screen.window.fit(interfaces.len(), height);
    let first = visible.start;
    for (line, interface) in interfaces
        .get(visible)
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let y = inner.y + 1 + u16::try_from(line).unwrap_or(u16::MAX);
        let row = Rect::new(inner.x, y, inner.width, 1);
        let at_cursor = first + line == screen.window.cursor;
        if at_cursor {
            frame.buffer_mut().set_style(row, theme.selection);
        }
        interface_line(interface, at_cursor, usize::from(inner.width), theme)
            .render(row, frame.buffer_mut());
    }
}

fn interface_line(i: &Interface, at_cursor: bool, width: usize, theme: &Theme) -> Line<'static> {
    let (state, style) = match (i.disabled, i.running) {
        (true, _) => ("= off  ", theme.faint),
        (false, true) => ("● up   ", theme.ok),
        (false, false) => ("✗ down ", theme.crit),
    };
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
    let rate = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), units::bps);
    let comment = i.comment.as_ref().map_or("", |comment| comment.raw());
    let text = format!(
        "{} {} {} {} {} {} {}",
        padded(i.name.raw(), 15),
        padded(i.kind.raw(), 9),
        padded(&rate(i.rx_bps), 10),
        padded(&rate(i.tx_bps), 10),
        padded(&number(i.errors), 6),
        padded(&number(i.drops), 6),
        comment,
    );
    Line::from(vec![
        Span::raw(if at_cursor { " ▸ " } else { "   " }),
        Span::styled(state, style),
        Span::styled(cell(&text, width.saturating_sub(10)), theme.fg),
    ])
}
