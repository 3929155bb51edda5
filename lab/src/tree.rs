//! The configuration tree: tables of rows, changed only by [`Change`]s that know their inverse.
//!
//! **Invariant:** an id is never given twice within a table, whatever is removed or undone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schema::{Menu, SCHEMA};

mod rebase;

/// A property's name, shared between rows.
pub(crate) type Key = Arc<str>;

/// An item, with what was set on it; what was not is at its default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) props: Vec<(Key, String)>,
    /// It was there from the start and cannot be removed.
    pub(crate) is_builtin: bool,
    /// Nobody configured it: a lease, an address of a DHCP client.
    pub(crate) is_dynamic: bool,
    /// Came from an export: what it holds is written again even where it equals our default.
    pub(crate) is_pinned: bool,
}

impl Row {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.props
            .iter()
            .find(|(k, _)| &**k == name)
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn set(&mut self, name: Key, value: String) -> Option<String> {
        if let Some((_, old)) = self.props.iter_mut().find(|(k, _)| *k == name) {
            return Some(std::mem::replace(old, value));
        }
        self.props.push((name, value));
        None
    }

    pub(crate) fn unset(&mut self, name: &str) -> Option<String> {
        let at = self.props.iter().position(|(k, _)| &**k == name)?;
        Some(self.props.remove(at).1)
    }

    /// Says whether somebody took away what the property is by default.
    pub(crate) fn is_cleared(&self, name: &str) -> bool {
        let mut keys = self.props.iter().map(|(k, _)| k);
        keys.any(|k| k.strip_prefix('!') == Some(name))
    }

    /// Says whether a flag is on.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "yes"))
    }

    /// Returns `*1A`.
    pub(crate) fn shown_id(&self) -> String {
        format!("*{:X}", self.id)
    }
}

/// One step of change; applying it gives the step that takes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Insert {
        path: Key,
        at: usize,
        row: Row,
    },
    Remove {
        path: Key,
        id: u32,
    },
    Set {
        path: Key,
        id: u32,
        props: Vec<(Key, Option<String>)>,
    },
    Move {
        path: Key,
        id: u32,
        at: usize,
    },
}

impl Change {
    pub(crate) fn path(&self) -> &Key {
        match self {
            Self::Insert { path, .. }
            | Self::Remove { path, .. }
            | Self::Set { path, .. }
            | Self::Move { path, .. } => path,
        }
    }
}

/// The rows of one menu.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) is_single: bool,
}

impl Table {
    pub(crate) fn row(&self, id: u32) -> Option<&Row> {
        self.rows.iter().find(|r| r.id == id)
    }

    fn position(&self, id: u32) -> Option<usize> {
        self.rows.iter().position(|r| r.id == id)
    }
}

fn is_interface_table(path: &str) -> bool {
    // Cheaper than asking for each.
    path.contains("/interface")
        && SCHEMA
            .menu(path)
            .is_some_and(|m| m.interface_type.is_some())
}

/// What all devices of a kind have in common, until one of them changes a table.
#[derive(Debug, Default)]
pub(crate) struct Base {
    tables: BTreeMap<Key, Table>,
    next_ids: BTreeMap<Key, u32>,
    /// Those of its tables whose rows are interfaces.
    interfaces: Vec<Key>,
}

impl Base {
    /// Returns a row as it was in the beginning.
    pub(crate) fn row(&self, path: &str, id: u32) -> Option<&Row> {
        self.tables.get(path)?.row(id)
    }
}

/// All tables of a device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) base: Arc<Base>,
    tables: BTreeMap<Key, Table>,
    next_ids: BTreeMap<Key, u32>,
    /// The menus of a loaded export, in its order.
    pub(crate) order: Vec<Key>,
}

impl Tree {
    /// Stands on what all devices of a kind have.
    pub(crate) fn on(base: Arc<Base>) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// Makes what it holds common to many.
    pub(crate) fn into_base(self) -> Base {
        let interfaces = self.tables.keys().filter(|path| is_interface_table(path));
        Base {
            interfaces: interfaces.cloned().collect(),
            tables: self.tables,
            next_ids: self.next_ids,
        }
    }

    pub(crate) fn table(&self, path: &str) -> Option<&Table> {
        let own = self.tables.get(path);
        own.or_else(|| self.base.tables.get(path))
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = (&Key, &Table)> {
        let common = self.base.tables.iter();
        let common = common.filter(|(path, _)| !self.tables.contains_key(*path));
        self.tables.iter().chain(common)
    }

    pub(crate) fn next_ids(&self) -> impl Iterator<Item = (&Key, u32)> {
        let common = self.base.next_ids.iter();
        let common = common.filter(|(path, _)| !self.next_ids.contains_key(*path));
        self.next_ids.iter().chain(common).map(|(k, v)| (k, *v))
    }

    /// Returns the tables whose rows are interfaces, which are few of all that could be.
    pub(crate) fn interface_tables(&self) -> impl Iterator<Item = (&'static Menu, &[Row])> {
        let common = self.base.interfaces.iter();
        let common = common.filter(|path| !self.tables.contains_key(*path));
        let own = self.tables.keys().filter(|path| is_interface_table(path));
        let paths = own.chain(common);
        paths.filter_map(|path| Some((SCHEMA.menu(path)?, self.rows(path))))
    }

    /// Returns a table to change: its own from now on.
    fn own(&mut self, path: &Key) -> &mut Table {
        let base = &self.base;
        let table = self.tables.entry(Arc::clone(path));
        table.or_insert_with(|| base.tables.get(path).cloned().unwrap_or_default())
    }

    /// Returns a table to change, if there is one.
    fn own_if_there(&mut self, path: &str) -> Option<&mut Table> {
        if !self.tables.contains_key(path) {
            let (key, table) = self.base.tables.get_key_value(path)?;
            self.tables.insert(Arc::clone(key), table.clone());
        }
        self.tables.get_mut(path)
    }

    /// Puts a tree together from its parts.
    pub(crate) fn of(
        tables: BTreeMap<Key, Table>,
        next_ids: BTreeMap<Key, u32>,
        order: Vec<Key>,
    ) -> Self {
        Self {
            base: Arc::default(),
            tables,
            next_ids,
            order,
        }
    }

    /// Returns the rows of a menu, none if it has never been touched.
    pub(crate) fn rows(&self, path: &str) -> &[Row] {
        self.table(path).map_or(&[], |t| &t.rows)
    }

    /// Returns a property of a single menu as set, or its default.
    pub(crate) fn single<'a>(&'a self, path: &str, name: &str) -> Option<&'a str> {
        let set = self.rows(path).first().and_then(|r| r.get(name));
        set.or_else(|| {
            let mut props = SCHEMA.menu(path)?.props.iter();
            props.find(|p| &*p.name == name)?.default
        })
    }

    /// Makes sure that a menu has a table; a single one also gets its row.
    pub(crate) fn ensure(&mut self, path: &Key, is_single: bool) {
        let table = self.own(path);
        table.is_single = is_single;
        if is_single && table.rows.is_empty() {
            table.rows.push(Row {
                is_builtin: true,
                ..Row::default()
            });
        }
    }

    /// Takes the next id; interfaces of all types share one sequence.
    pub(crate) fn next_id(&mut self, path: &str) -> u32 {
        let is_interface = SCHEMA
            .menu(path)
            .is_some_and(|m| m.interface_type.is_some());
        let space = if is_interface { "/interface" } else { path };
        let base = self.base.next_ids.get(space).copied().unwrap_or(1);
        let next = self.next_ids.entry(Arc::from(space)).or_insert(base);
        *next += 1;
        *next - 1
    }

    /// Appends a row without history: for building a device.
    pub(crate) fn seed(&mut self, path: &str, props: &[(&str, &str)], is_builtin: bool) -> u32 {
        let id = self.next_id(path);
        let menu = SCHEMA.menu(path);
        let key = |name: &str| {
            let known = menu.and_then(|m| m.props.iter().find(|p| &*p.name == name));
            known.map_or_else(|| Arc::from(name), |p| Arc::clone(&p.name))
        };
        let props = props.iter().map(|(k, v)| (key(k), (*v).to_owned()));
        let row = Row {
            id,
            props: props.collect(),
            is_builtin,
            ..Row::default()
        };
        let path = menu.map_or_else(|| Arc::from(path), |m| Arc::clone(&m.path));
        self.own(&path).rows.push(row);
        id
    }

    pub(crate) fn row_mut(&mut self, path: &str, id: u32) -> Option<&mut Row> {
        // Looked for first, so that nothing becomes its own in vain.
        self.table(path)?.row(id)?;
        let rows = &mut self.own_if_there(path)?.rows;
        rows.iter_mut().find(|r| r.id == id)
    }

    /// Drops the tables of menus that are not configuration, keeping those of `from`.
    pub(crate) fn restore(&mut self, from: Self) {
        let Self {
            tables,
            next_ids,
            order,
            ..
        } = from;
        let files = self.tables.remove("/file");
        self.tables = tables;
        if let Some(files) = files {
            self.tables.insert(Arc::from("/file"), files);
        }
        self.order = order;
        for (path, next) in next_ids {
            let base = self.base.next_ids.get(&path).copied().unwrap_or(1);
            let mine = self.next_ids.entry(path).or_insert(base);
            *mine = next.max(*mine);
        }
    }

    /// Applies a change and returns its inverse; a change of what is gone does nothing.
    pub(crate) fn apply(&mut self, change: Change) -> Option<Change> {
        match change {
            Change::Insert { path, at, row } => {
                let table = self.own(&path);
                let id = row.id;
                let at = at.min(table.rows.len());
                table.rows.insert(at, row);
                Some(Change::Remove { path, id })
            }
            Change::Remove { path, id } => {
                let table = self.own_if_there(&path)?;
                let at = table.position(id)?;
                let row = table.rows.remove(at);
                Some(Change::Insert { path, at, row })
            }
            Change::Set { path, id, props } => {
                let row = self.row_mut(&path, id)?;
                let before = props
                    .into_iter()
                    .map(|(key, value)| match value {
                        Some(value) => (Arc::clone(&key), row.set(key, value)),
                        None => (Arc::clone(&key), row.unset(&key)),
                    })
                    .collect();
                Some(Change::Set {
                    path,
                    id,
                    props: before,
                })
            }
            Change::Move { path, id, at } => {
                let table = self.own_if_there(&path)?;
                let from = table.position(id)?;
                let row = table.rows.remove(from);
                let at = at.min(table.rows.len());
                table.rows.insert(at, row);
                Some(Change::Move { path, id, at: from })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_can_be_taken_back() {
        let mut tree = Tree::default();
        let path: Key = Arc::from("/ip/address");
        let a = tree.seed(&path, &[("address", "10.0.0.1/24")], false);
        let b = tree.seed(&path, &[("address", "10.0.0.2/24")], false);
        let before = tree.rows(&path).to_vec();
        let row = Row {
            id: tree.next_id(&path),
            ..Row::default()
        };
        let changes = [
            Change::Insert {
                path: Arc::clone(&path),
                at: 1,
                row,
            },
            Change::Set {
                path: Arc::clone(&path),
                id: b,
                props: vec![
                    ("comment".into(), Some("x".into())),
                    ("address".into(), None),
                ],
            },
            Change::Move {
                path: Arc::clone(&path),
                id: b,
                at: 0,
            },
            Change::Remove {
                path: Arc::clone(&path),
                id: a,
            },
        ];

        let mut inverse: Vec<_> = changes.into_iter().filter_map(|c| tree.apply(c)).collect();
        while let Some(change) = inverse.pop() {
            tree.apply(change);
        }

        assert_eq!(tree.rows(&path), before);
    }

    #[test]
    fn interfaces_of_all_types_share_their_ids() {
        let mut tree = Tree::default();

        let a = tree.seed("/interface/ethernet", &[], true);
        let b = tree.seed("/interface/bridge", &[], false);

        assert_eq!((a, b), (1, 2));
    }
}
