//! `print` as a console shows it: tables for lists, `name: value` for single records.

use routeros::row::Row as Record;
use routeros::value::Value as _;

use crate::core::Core;
use crate::schema::{Kind, Menu, SCHEMA};
use crate::text;
use crate::verb::Order;

/// Columns of menus whose first properties are not the ones to show.
const COLUMNS: &[(&str, &[&str])] = &[
    (
        "/interface",
        &["name", "type", "actual-mtu", "l2mtu", "mac-address"],
    ),
    (
        "/interface/ethernet",
        &["name", "mtu", "mac-address", "arp", "switch"],
    ),
    ("/ip/address", &["address", "network", "interface"]),
    ("/ip/route", &["dst-address", "gateway", "distance"]),
    (
        "/ip/service",
        &["name", "port", "address", "certificate", "vrf"],
    ),
    (
        "/system/scheduler",
        &["name", "start-date", "start-time", "interval", "on-event"],
    ),
    ("/system/script", &["name", "owner", "policy", "source"]),
    ("/user", &["name", "group", "address", "last-logged-in"]),
    (
        "/file",
        &["name", "type", "size", "creation-time", "last-modified"],
    ),
    ("/log", &["time", "topics", "message"]),
    (
        "/ip/neighbor",
        &["interface", "address", "mac-address", "identity"],
    ),
];

/// Flags with their letters, in the order in which they are shown.
const FLAGS: &[(&str, char)] = &[
    ("disabled", 'X'),
    ("invalid", 'I'),
    ("inactive", 'I'),
    ("dynamic", 'D'),
    ("running", 'R'),
    ("slave", 'S'),
    ("active", 'A'),
    ("connect", 'c'),
    ("static", 's'),
    ("default", '*'),
];

/// The width that a console without a terminal has.
const WIDTH: usize = 120;

impl Core {
    /// Shows rows that a command of no plain menu gave.
    pub(crate) fn table_of(&self, order: &Order, rows: &[Record]) -> String {
        if order.verb.starts_with("monitor") {
            return rows.iter().map(single).collect::<Vec<_>>().join("\r\n");
        }
        self.table(SCHEMA.menu(&order.menu), &order.menu, order, rows)
    }

    /// Shows the rows of a menu.
    pub(crate) fn table(
        &self,
        menu: Option<&Menu>,
        path: &str,
        order: &Order,
        rows: &[Record],
    ) -> String {
        if self.is_single(path) {
            return rows.iter().map(single).collect::<Vec<_>>().join("\r\n");
        }
        if rows.is_empty() {
            return String::new();
        }
        if order.has("detail") || order.has("terse") {
            return detail(rows, order.has("terse"));
        }
        let columns = columns(menu, path, rows);
        if self.release.has_slashes() {
            modern(rows, &columns)
        } else {
            classic(rows, &columns)
        }
    }
}

fn shown(value: &[u8]) -> String {
    let text = text::decode(value);
    match text.as_str() {
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        _ => text,
    }
}

fn single(record: &Record) -> String {
    let shown: Vec<_> = record
        .iter()
        .filter(|(name, _)| !name.starts_with('.'))
        .map(|(name, value)| (name, shown(value)))
        .collect();
    let widest = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = shown
        .iter()
        .map(|(name, value)| format!("  {name:>widest$}: {value}"));
    lines.collect::<Vec<_>>().join("\r\n")
}

fn columns<'a>(menu: Option<&'a Menu>, path: &str, rows: &'a [Record]) -> Vec<&'a str> {
    let is_there = |name: &&str| rows.iter().any(|r| r.raw(name).is_some());
    if let Some((_, columns)) = COLUMNS.iter().find(|(p, _)| *p == path) {
        return columns.iter().copied().filter(is_there).collect();
    }
    let is_flag = |name: &str| FLAGS.iter().any(|(f, _)| *f == name);
    let wanted: Vec<&str> = match menu.filter(|m| !m.props.is_empty()) {
        Some(menu) => {
            let plain = menu.props.iter().filter(|p| p.kind != Kind::Bool);
            plain.map(|p| &*p.name).collect()
        }
        None => rows
            .first()
            .map(|r| r.iter().map(|(k, _)| k).collect())
            .unwrap_or_default(),
    };
    let wanted = wanted.into_iter();
    let wanted = wanted.filter(|n| !is_flag(n) && *n != "comment" && !n.starts_with('.'));
    wanted.filter(is_there).take(6).collect()
}

fn flags(record: &Record) -> String {
    let on = FLAGS
        .iter()
        .filter(|(name, _)| record.raw(name).and_then(bool::parse) == Some(true));
    on.map(|(_, letter)| *letter).collect()
}

fn cell(record: &Record, name: &str) -> String {
    let value = record.raw(name).map(shown).unwrap_or_default();
    let line = value.lines().next().unwrap_or_default();
    line.chars().take(40).collect()
}

/// The style since version 7: a legend of what occurs, columns as wide as they need to be.
fn modern(rows: &[Record], columns: &[&str]) -> String {
    let letters: Vec<String> = rows.iter().map(flags).collect();
    let mut lines = Vec::new();
    let used = FLAGS
        .iter()
        .filter(|(_, c)| letters.iter().any(|l| l.contains(*c)));
    let legend: Vec<_> = used
        .map(|(name, c)| format!("{c} - {}", name.to_ascii_uppercase()))
        .collect();
    if !legend.is_empty() {
        lines.push(format!("Flags: {}", legend.join(", ")));
    }
    let titles: Vec<_> = columns.iter().map(|c| c.to_ascii_uppercase()).collect();
    lines.push(format!("Columns: {}", titles.join(", ")));
    let flag_width = letters.iter().map(String::len).max().unwrap_or(0);
    let number_width = rows.len().saturating_sub(1).to_string().len();
    let widths: Vec<usize> = columns
        .iter()
        .map(|c| {
            rows.iter()
                .map(|r| cell(r, c).chars().count())
                .max()
                .unwrap_or(0)
                .max(c.len())
        })
        .collect();
    let gap = usize::from(flag_width > 0);
    let line = |number: &str, flags: &str, cells: Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}"));
        let cells = padded.collect::<Vec<_>>().join("  ");
        format!(
            "{number:<number_width$}{:gap$}{flags:<flag_width$}  {cells}",
            ""
        )
    };
    lines.push(line("#", "", titles));
    for (n, (row, flags)) in rows.iter().zip(&letters).enumerate() {
        if let Some(comment) = row.raw("comment").filter(|c| !c.is_empty()) {
            lines.push(format!(";;; {}", text::decode(comment)));
        }
        if let Some(about) = row.raw(".about") {
            lines.push(format!(";;; {}", text::decode(about)));
        }
        let cells = columns.iter().map(|c| cell(row, c)).collect();
        lines.push(line(&n.to_string(), flags, cells));
    }
    lines.join("\r\n")
}

/// The style of version 6: a legend of all flags, values below a comment.
fn classic(rows: &[Record], columns: &[&str]) -> String {
    let mut lines = vec!["Flags: X - disabled, I - invalid, D - dynamic ".to_owned()];
    let widths: Vec<usize> = columns
        .iter()
        .map(|c| {
            rows.iter()
                .map(|r| cell(r, c).chars().count())
                .max()
                .unwrap_or(0)
                .max(c.len())
        })
        .collect();
    let padded = |cells: Vec<String>| {
        let cells = cells
            .into_iter()
            .zip(&widths)
            .map(|(c, w)| format!("{c:<w$}"));
        cells.collect::<Vec<_>>().join(" ")
    };
    lines.push(format!(
        " #   {}",
        padded(columns.iter().map(|c| c.to_ascii_uppercase()).collect())
    ));
    for (n, row) in rows.iter().enumerate() {
        let flags = flags(row);
        let cells = padded(columns.iter().map(|c| cell(row, c)).collect());
        match row.raw("comment").filter(|c| !c.is_empty()) {
            Some(comment) => {
                lines.push(format!("{n:>2} {flags:<2} ;;; {}", text::decode(comment)));
                lines.push(format!("     {cells}"));
            }
            None => lines.push(format!("{n:>2} {flags:<2}{cells}")),
        }
    }
    lines.join("\r\n")
}

fn detail(rows: &[Record], is_terse: bool) -> String {
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let mut line = format!("{n:>2} {:<3}", flags(row));
        if !is_terse && let Some(comment) = row.raw("comment").filter(|c| !c.is_empty()) {
            lines.push(format!("{line};;; {}", text::decode(comment)));
            "     ".clone_into(&mut line);
        }
        let is_flag = |name: &str| FLAGS.iter().any(|(f, _)| *f == name);
        for (name, value) in row
            .iter()
            .filter(|(n, _)| !n.starts_with('.') && !is_flag(n))
        {
            if name == "comment" && !is_terse {
                continue;
            }
            let word = format!(
                "{name}={} ",
                routeros::quote::value(shown(value).as_bytes())
            );
            if !is_terse && line.len() + word.len() > WIDTH {
                lines.push(std::mem::replace(&mut line, "     ".to_owned()));
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines.join("\r\n")
}
