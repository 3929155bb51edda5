//! Reading an export as the rows of menus.

use crate::export::{Command, Export};
use crate::row::Row;
use crate::script::condition::{Condition, Relation};
use crate::script::operation::{Item, Selector};
use crate::undo::{Snapshot, hidden};

/// Reads an export as a configuration.
///
/// Rows that the device made have what the export tells of them, and how it tells which one is
/// meant. Lines that are no commands of an export are left out.
pub fn read(export: &Export) -> Snapshot {
    let mut snapshot = Snapshot::new();
    snapshot.set_partial(true);
    for command in export.commands() {
        let rows = snapshot.rows_mut(command.menu());
        take(rows, &command);
    }
    snapshot
}

/// The rows of the commands of one menu.
pub(super) fn rows(commands: &[Command<'_>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for command in commands {
        take(&mut rows, command);
    }
    rows
}

/// Takes a command into the rows of its menu.
fn take(rows: &mut Vec<Row>, command: &Command<'_>) {
    match command.verb() {
        "add" => {
            let id = format!("*#{}", rows.len());
            let mut row = Row::new().with(".id", id);
            fill(&mut row, command);
            rows.push(row);
        }
        "set" => {
            let found = base(command);
            let named = found.raw(".by").and(found.raw("name"));
            let is_it =
                |row: &Row| row.id() == found.id() || named.is_some() && row.raw("name") == named;
            if let Some(row) = rows.iter_mut().find(|row| is_it(row)) {
                return fill(row, command);
            }
            let mut row = found;
            fill(&mut row, command);
            rows.push(row);
        }
        _ => {}
    }
}

/// The row of one command.
pub(super) fn row(command: &Command<'_>, number: usize) -> Row {
    let mut row = if command.verb() == "add" {
        Row::new().with(".id", format!("*#{number}"))
    } else {
        base(command)
    };
    fill(&mut row, command);
    row
}

fn fill(row: &mut Row, command: &Command<'_>) {
    for (name, value) in command.settings() {
        if let Some(value) = value.bytes() {
            // Devices write names in one way.
            row.set(&name.to_ascii_lowercase(), value);
        }
    }
}

/// What is known of a row by how it is selected.
fn base(command: &Command<'_>) -> Row {
    let selector = command.selector().map(selector);
    hidden(&selector.unwrap_or(Selector::Singleton)).unwrap_or_default()
}

/// Reads how an export says which item is meant.
fn selector(text: &[u8]) -> Selector {
    let inner = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]"));
    let find = inner.map(<[u8]>::trim_ascii).and_then(|inner| {
        let rest = inner.strip_prefix(b"find")?.trim_ascii_start();
        let equals = rest.iter().position(|&b| b == b'=')?;
        let (name, value) = rest.split_at_checked(equals)?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let value = crate::quote::decode(value.get(1..)?).into_owned();
        Some(Condition::Compare(name, Relation::Equal, value))
    });
    if let Some(condition) = find {
        return Selector::Find(condition);
    }
    let number = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    let item = match number {
        Some(number) => Item::Number(number),
        None if text.starts_with(b"*") => Item::Id(crate::text::lossy(text).into_owned()),
        None => Item::Name(crate::quote::decode(text).into_owned()),
    };
    Selector::Items(vec![item])
}
