//! Loading a real export as a device's configuration, menus that the lab does not know included.
//!
//! What a device needs to be reached in the lab stays in front: its address, its default route,
//! the doors' ports, and one `input` rule that lets loopback peers in.

use std::path::Path;

use anyhow::Context as _;
use routeros::row::Row as Record;
use routeros::script::condition::{Condition, Relation};
use routeros::script::operation::{Action, Item, Operation, Selector};
use routeros::script::{operations, parse};

use crate::core::Core;
use crate::export::{LOADED, SELECTOR};
use crate::schema::{Kind, SCHEMA, Shape};
use crate::text;
use crate::tree::{Change, Key, Row};

/// Loads an export from a file.
pub(crate) fn load_file(core: &mut Core, path: &Path) -> anyhow::Result<()> {
    let source = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    load(core, &source);
    Ok(())
}

/// Loads the text of an export, command by command: what the lab cannot read is left out.
pub(crate) fn load(core: &mut Core, source: &[u8]) {
    let mut menu = Vec::new();
    for line in lines(source) {
        if line.starts_with(b"#") || line.trim_ascii().is_empty() {
            continue;
        }
        let script = [menu.as_slice(), b"\n", &line].concat();
        match parse(&script).and_then(|block| operations(&block)) {
            Ok(operations) if operations.is_empty() => menu = line,
            Ok(operations) => {
                for operation in operations {
                    remember_order(core, &operation.menu);
                    take(core, operation);
                }
            }
            Err(error) => tracing::debug!(%error, "a command of the export is left out"),
        }
    }
    let rule = [
        ("chain", "input"),
        ("src-address", "127.0.0.0/8"),
        ("comment", "management"),
    ];
    if !core.tree.rows("/ip/firewall/filter").is_empty() {
        let id = core.tree.seed("/ip/firewall/filter", &rule, false);
        let path = Core::key("/ip/firewall/filter");
        core.tree.apply(Change::Move { path, id, at: 0 });
    }
    core.settle();
}

/// Joins lines that end in a backslash; strings of exports hold no other line ends.
fn lines(source: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut whole = Vec::new();
    source.split(|b| *b == b'\n').filter_map(move |line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        whole.extend_from_slice(line);
        if line.ends_with(b"\\") {
            whole.push(b'\n');
            return None;
        }
        Some(std::mem::take(&mut whole))
    })
}

fn remember_order(core: &mut Core, menu: &str) {
    if !core.tree.order.iter().any(|m| **m == *menu) {
        core.tree.order.push(Core::key(menu));
    }
}

fn take(core: &mut Core, operation: Operation) {
    let menu = operation.menu;
    match operation.action {
        Action::Add { properties, .. } => {
            let properties = properties
                .into_iter()
                .map(|(name, value)| (name, Some(value)));
            let props = whole(&menu, properties);
            let path = Core::key(&menu);
            core.tree.ensure(&path, false);
            let id = core.tree.next_id(&menu);
            let row = Row {
                id,
                props,
                is_pinned: true,
                ..Row::default()
            };
            core.tree.apply(Change::Insert {
                path,
                at: usize::MAX,
                row,
            });
        }
        Action::Set { target, changes } => {
            let props = whole(&menu, changes.into_iter());
            set(core, &menu, &target, props);
        }
        _ => {}
    }
}

/// Returns properties under their whole names: `.mode` belongs to what was named before it.
fn whole(
    menu: &str,
    changes: impl Iterator<Item = (String, Option<Vec<u8>>)>,
) -> Vec<(Key, String)> {
    let mut group = String::new();
    changes
        .map(|(name, value)| {
            let name = match name.split_once('.') {
                Some(("", member)) => format!("{group}.{member}"),
                Some((of, _)) => {
                    of.clone_into(&mut group);
                    name
                }
                None => name,
            };
            match value {
                Some(value) => spelled(menu, &name, &value),
                None => (Key::from(format!("!{name}")), String::new()),
            }
        })
        .collect()
}

/// Stores a value the way the device would, booleans above all.
fn spelled(menu: &str, name: &str, value: &[u8]) -> (Key, String) {
    let text = text::decode(value);
    let prop = SCHEMA
        .menu(menu)
        .and_then(|m| m.props.iter().find(|p| *p.name == *name));
    let text = match (prop.map(|p| &p.kind), text.as_str()) {
        (Some(Kind::Bool), "yes") => "true".to_owned(),
        (Some(Kind::Bool), "no") => "false".to_owned(),
        _ => text,
    };
    (
        prop.map_or_else(|| Key::from(name), |p| Key::clone(&p.name)),
        text,
    )
}

fn set(core: &mut Core, menu: &str, target: &Selector, props: Vec<(Key, String)>) {
    let path = Core::key(menu);
    if *target == Selector::Singleton {
        core.tree.ensure(&path, true);
        if let Some(row) = core.tree.row_mut(menu, 0) {
            put_loaded(row, props);
        }
        return;
    }
    let is_known = SCHEMA.menu(menu).is_some_and(|m| m.shape == Shape::Fixed);
    let found = core
        .records(menu)
        .iter()
        .enumerate()
        .find_map(|(n, record)| {
            let is_meant = is_known && is_target(target, record, n);
            is_meant
                .then(|| record.id().and_then(crate::verb::read_id))
                .flatten()
        });
    if let Some(row) = found.and_then(|id| core.tree.row_mut(menu, id)) {
        put_loaded(row, props);
        return;
    }
    core.tree.ensure(&path, false);
    let id = core.tree.next_id(menu);
    let mut row = Row {
        id,
        is_builtin: true,
        is_pinned: true,
        ..Row::default()
    };
    if let Selector::Find(condition) = target
        && let Some((name, value)) = equality(condition)
        && is_known
    {
        row.set(Key::from(name), text::decode(value));
    } else {
        row.set(Key::from(SELECTOR), written(target));
    }
    put(&mut row, props);
    core.tree.apply(Change::Insert {
        path,
        at: usize::MAX,
        row,
    });
}

fn put(row: &mut Row, props: Vec<(Key, String)>) {
    for (key, value) in props {
        row.set(key, value);
    }
}

/// Puts properties on a row that was there, and remembers which.
fn put_loaded(row: &mut Row, props: Vec<(Key, String)>) {
    let mut names: Vec<_> = props.iter().map(|(k, _)| k.to_string()).collect();
    names.extend(row.get(LOADED).map(str::to_owned));
    row.set(Key::from(LOADED), names.join(","));
    put(row, props);
}

fn is_target(target: &Selector, record: &Record, place: usize) -> bool {
    match target {
        Selector::Find(condition) => condition.holds(record),
        Selector::Items(items) => items.iter().any(|item| match item {
            Item::Id(id) => record.id() == Some(id),
            Item::Number(n) => *n == place,
            Item::Name(name) => record.raw("name") == Some(name),
        }),
        Selector::Singleton => false,
    }
}

fn equality(condition: &Condition) -> Option<(&str, &[u8])> {
    match condition {
        Condition::All(list) | Condition::Any(list) => match list.as_slice() {
            [one] => equality(one),
            _ => None,
        },
        Condition::Compare(name, Relation::Equal, value) => Some((name, value)),
        _ => None,
    }
}

/// Writes a selector the way exports do.
fn written(target: &Selector) -> String {
    match target {
        Selector::Find(condition) => match equality(condition) {
            Some((name, value)) => format!("[ find {name}={} ]", routeros::quote::value(value)),
            None => "[ find ]".to_owned(),
        },
        Selector::Items(items) => {
            let words = items.iter().map(|item| match item {
                Item::Id(id) => id.clone(),
                Item::Number(n) => n.to_string(),
                Item::Name(name) => routeros::quote::value(name),
            });
            words.collect::<Vec<_>>().join(",")
        }
        Selector::Singleton => String::new(),
    }
}
