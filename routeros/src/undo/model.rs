//! The rows of a device while a change is played through on them.

use std::collections::BTreeMap;

use super::properties::{is_dynamic, is_interface_menu};
use super::{PlanProblem, Snapshot};
use crate::row::Row;
use crate::script::operation::{Item, Selector};
use crate::text::lossy;

/// An item, through all of its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle(usize);

/// Where an item comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was there, with this id.
    Existing(String),
    /// It is the one record of its menu.
    Singleton,
    /// This step adds it.
    Added(usize),
    /// It was there, was removed, and this step makes it again.
    Again(usize),
}

/// An item as it is at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) handle: Handle,
    pub(crate) row: Row,
}

/// Properties that name interfaces.
pub(crate) const REFERENCES: [&str; 8] = [
    "interface",
    "actual-interface",
    "bridge",
    "in-interface",
    "out-interface",
    "gateway",
    "master-interface",
    "parent",
];

/// All that the items of a menu ever were, each version once.
pub(crate) type Versions = BTreeMap<Handle, Vec<Row>>;

/// All items at some moment, and all that they ever were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) menus: BTreeMap<String, Vec<Entry>>,
    origins: Vec<Origin>,
    history: BTreeMap<String, Versions>,
    is_partial: bool,
}

impl Model {
    pub(crate) fn new(before: &Snapshot) -> Self {
        let mut model = Self {
            is_partial: before.is_partial(),
            ..Self::default()
        };
        for (menu, rows) in before.menus() {
            let entries = rows.iter().map(|row| {
                let id = row.id().map(str::to_owned);
                let origin = id.map_or(Origin::Singleton, Origin::Existing);
                model.origins.push(origin);
                Entry {
                    handle: Handle(model.origins.len() - 1),
                    row: row.clone(),
                }
            });
            let entries: Vec<_> = entries.collect();
            let versions = entries
                .iter()
                .map(|e: &Entry| (e.handle, vec![e.row.clone()]));
            model.history.insert(menu.to_owned(), versions.collect());
            model.menus.insert(menu.to_owned(), entries);
        }
        model
    }

    /// The rows as they are now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        snapshot.set_partial(self.is_partial);
        for (menu, entries) in &self.menus {
            let rows = entries.iter().enumerate().map(|(at, entry)| {
                let mut row = entry.row.clone();
                let id = row.id().unwrap_or_default();
                if id.starts_with("*+") || id.starts_with("*#") {
                    row.set(".id", format!("*#{at}"));
                }
                row
            });
            snapshot.insert(menu.clone(), rows.collect());
        }
        snapshot
    }

    /// An id for an item whose own nobody knows.
    pub(crate) fn new_id(&self) -> String {
        format!("*+{}", self.origins.len())
    }

    /// Adds a row that was always there, though nobody read it.
    pub(crate) fn discover(&mut self, menu: &str, row: Row) -> Handle {
        let id = row.id().map(str::to_owned);
        let origin = id.map_or(Origin::Singleton, Origin::Existing);
        self.origins.push(origin);
        let handle = Handle(self.origins.len() - 1);
        self.insert(menu, Entry { handle, row }, None);
        handle
    }

    pub(crate) fn entries(&self, menu: &str) -> &[Entry] {
        self.menus.get(menu).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn origin(&self, handle: Handle) -> &Origin {
        self.origins.get(handle.0).unwrap_or(&Origin::Singleton)
    }

    /// Everything that items of a menu ever were, if it was read.
    pub(crate) fn history(&self, menu: &str) -> Option<&Versions> {
        self.history.get(menu)
    }

    pub(crate) fn position(&self, menu: &str, handle: Handle) -> Option<usize> {
        self.entries(menu).iter().position(|e| e.handle == handle)
    }

    pub(crate) fn entry(&self, menu: &str, handle: Handle) -> Option<&Entry> {
        self.entries(menu).iter().find(|e| e.handle == handle)
    }

    pub(crate) fn add(
        &mut self,
        menu: &str,
        row: Row,
        step: usize,
        before: Option<Handle>,
    ) -> Entry {
        self.origins.push(Origin::Added(step));
        let entry = Entry {
            handle: Handle(self.origins.len() - 1),
            row,
        };
        self.insert(menu, entry.clone(), before);
        self.remember(menu, entry.handle, entry.row.clone());
        entry
    }

    /// Adds an item that takes the place of one that was removed.
    pub(crate) fn add_again(
        &mut self,
        menu: &str,
        entry: Entry,
        step: usize,
        before: Option<Handle>,
    ) {
        if let Some(origin) = self.origins.get_mut(entry.handle.0) {
            *origin = Origin::Again(step);
        }
        self.insert(menu, entry.clone(), before);
        self.remember(menu, entry.handle, entry.row);
    }

    fn insert(&mut self, menu: &str, entry: Entry, before: Option<Handle>) {
        let at = before.and_then(|handle| self.position(menu, handle));
        let entries = self.menus.entry(menu.to_owned()).or_default();
        entries.insert(at.unwrap_or(entries.len()), entry);
    }

    pub(crate) fn remove(&mut self, menu: &str, handle: Handle) -> Option<Entry> {
        let at = self.position(menu, handle)?;
        let entry = self.menus.get_mut(menu)?.remove(at);
        if let Some(name) = interface_name(menu, &entry.row) {
            for (_, entries) in self.views(menu) {
                entries.retain(|e| e.row.raw("name") != Some(&name));
            }
        }
        Some(entry)
    }

    pub(crate) fn shift(&mut self, menu: &str, handle: Handle, before: Option<Handle>) {
        let at = self.position(menu, handle);
        let entry = at.and_then(|at| Some(self.menus.get_mut(menu)?.remove(at)));
        if let Some(entry) = entry {
            self.insert(menu, entry, before);
        }
    }

    /// Gives properties of an item other values, and follows that into other menus.
    pub(crate) fn set(
        &mut self,
        menu: &str,
        handle: Handle,
        changes: &[(String, Option<Vec<u8>>)],
    ) {
        let Some(old) = self.entry(menu, handle).cloned() else {
            return;
        };
        let mut new = old.clone();
        for (name, value) in changes {
            change(&mut new.row, name, value.as_deref());
        }
        if let Some(entry) = self.entry_mut(menu, handle) {
            *entry = new.clone();
        }
        self.remember(menu, handle, new.row.clone());
        let Some(name) = interface_name(menu, &old.row) else {
            return;
        };
        for (_, entries) in self.views(menu) {
            let same = entries
                .iter_mut()
                .filter(|e| e.row.raw("name") == Some(&name));
            same.for_each(|entry| follow(&mut entry.row, changes));
        }
        if let Some(renamed) = new.row.raw("name").filter(|new| *new != name.as_slice()) {
            self.rename(&name, renamed);
        }
    }

    /// Rows that name an interface do so by its id, so they follow its name.
    fn rename(&mut self, old: &[u8], new: &[u8]) {
        let mut versions = Vec::new();
        for (menu, entries) in &mut self.menus {
            for entry in entries {
                let names = REFERENCES.iter();
                let hits: Vec<_> = names.filter(|n| entry.row.raw(n) == Some(old)).collect();
                for name in &hits {
                    entry.row.set(name, new);
                }
                if !hits.is_empty() {
                    versions.push((menu.clone(), entry.clone()));
                }
            }
        }
        for (menu, entry) in versions {
            self.remember(&menu, entry.handle, entry.row);
        }
    }

    fn entry_mut(&mut self, menu: &str, handle: Handle) -> Option<&mut Entry> {
        let mut entries = self.menus.get_mut(menu)?.iter_mut();
        entries.find(|e| e.handle == handle)
    }

    /// Keeps what an item is, or may be, at some time.
    pub(crate) fn remember(&mut self, menu: &str, handle: Handle, row: Row) {
        let versions = self.history.entry(menu.to_owned()).or_default();
        let versions = versions.entry(handle).or_default();
        if !versions.contains(&row) {
            versions.push(row);
        }
    }

    /// Other menus that show the same interfaces.
    fn views(&mut self, menu: &str) -> impl Iterator<Item = (&String, &mut Vec<Entry>)> {
        let menus = self.menus.iter_mut();
        menus.filter(move |(other, _)| *other != menu && is_interface_menu(other))
    }

    /// Finds the items that are meant. None is fine for conditions, but not for names.
    pub(crate) fn select(
        &self,
        menu: &str,
        selector: &Selector,
        before: &Snapshot,
    ) -> Result<Vec<Handle>, PlanProblem> {
        let entries = self.entries(menu);
        let has_items = |e: &Entry| *self.origin(e.handle) != Origin::Singleton;
        match selector {
            Selector::Singleton => match entries {
                [only] if !has_items(only) => Ok(vec![only.handle]),
                [] => Err(PlanProblem::NoSuchItem {
                    menu: menu.to_owned(),
                    item: "a record to set".to_owned(),
                }),
                _ => Err(PlanProblem::NeedsItems(menu.to_owned())),
            },
            _ if entries.iter().any(|e| !has_items(e)) => {
                Err(PlanProblem::HasNoItems(menu.to_owned()))
            }
            Selector::Find(condition) => {
                let found: Vec<_> = entries.iter().filter(|e| condition.holds(&e.row)).collect();
                let fixed = found.iter().filter(|e| !is_dynamic(&e.row));
                let handles: Vec<_> = fixed.map(|e| e.handle).collect();
                match found.first() {
                    Some(first) if handles.is_empty() => {
                        Err(PlanProblem::Dynamic(super::diff::label(menu, &first.row)))
                    }
                    _ => Ok(handles),
                }
            }
            Selector::Items(items) => {
                let handles = items.iter().map(|item| self.item(menu, item, before));
                handles.collect()
            }
        }
    }

    fn item(&self, menu: &str, item: &Item, before: &Snapshot) -> Result<Handle, PlanProblem> {
        let rows = before.rows(menu).unwrap_or_default();
        let is_meant = |entry: &&Entry| match item {
            Item::Id(id) => entry.row.id() == Some(id),
            Item::Name(name) => {
                let is_ether = entry.row.raw("default-name") == Some(name.as_slice())
                    && entry.row.raw("name").is_none();
                entry.row.raw("name") == Some(name.as_slice()) || is_ether
            }
            Item::Number(number) if before.is_partial() => {
                entry.row.raw(".number") == Some(number.to_string().as_bytes())
            }
            Item::Number(number) => {
                let id = rows.get(*number).and_then(Row::id);
                id.is_some() && entry.row.id() == id
            }
        };
        let meant: Vec<_> = self.entries(menu).iter().filter(is_meant).collect();
        match (meant.iter().find(|e| !is_dynamic(&e.row)), meant.first()) {
            (Some(entry), _) => Ok(entry.handle),
            (None, Some(first)) => Err(PlanProblem::Dynamic(super::diff::label(menu, &first.row))),
            (None, None) => Err(PlanProblem::NoSuchItem {
                menu: menu.to_owned(),
                item: match item {
                    Item::Id(id) => id.clone(),
                    Item::Number(number) => number.to_string(),
                    Item::Name(name) => lossy(name).into_owned(),
                },
            }),
        }
    }
}

fn change(row: &mut Row, name: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => row.set(name, value),
        None => drop(row.unset(name)),
    }
}

/// Changes what the row has of the properties.
fn follow(row: &mut Row, changes: &[(String, Option<Vec<u8>>)]) {
    for (name, value) in changes {
        if row.raw(name).is_some() {
            change(row, name, value.as_deref());
        }
    }
}

/// The name of an interface, if the row is one.
pub(crate) fn interface_name(menu: &str, row: &Row) -> Option<Vec<u8>> {
    let name = row.raw("name").filter(|_| is_interface_menu(menu));
    name.map(<[u8]>::to_vec)
}
