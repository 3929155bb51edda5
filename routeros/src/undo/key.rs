//! Keys: what tells an item from all others of its menu, at any time of a change.

use super::compare::is_same;
use super::model::{Entry, Handle, Model, Origin};
use super::properties::{is_dynamic, may_be_absent, settings};
use crate::row::Row;
use crate::script::condition::{Condition, Relation};
use crate::secret::is_sensitive;
use crate::value::{self, Value as _};

/// Properties that tell items apart, the best first. What follows is tried in every menu.
pub(crate) const CANDIDATES: &[&[&str]] = &[
    &["name"],
    &["comment"],
    &["address", "interface"],
    &["list", "address"],
    &["list", "interface"],
    &["bridge", "interface"],
    &["interface", "public-key"],
    &["mac-address", "address"],
    &["dst-address", "gateway"],
    &["dst-address", "gateway", "routing-table"],
    &["chain", "comment"],
    &["bridge", "vlan-ids"],
    &["address"],
    &["interface"],
    &["name", "address"],
];

/// A property and the value it has to have; an empty one means that it is not set.
type Wanted = (String, Vec<u8>);

/// How the inverse finds an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// It is the one record of its menu.
    Singleton,
    /// By its id, which holds until the device starts again.
    Id(String),
    /// By these properties.
    Properties(Vec<Wanted>),
}

impl Key {
    /// What stands after the verb: `[find where name="x"] `, or nothing.
    pub(super) fn selector(&self) -> String {
        match self {
            Self::Singleton => String::new(),
            Self::Id(_) | Self::Properties(_) => format!("{} ", self.find("find")),
        }
    }

    /// `[find where …]`, or another command that finds.
    pub(super) fn find(&self, find: &str) -> String {
        match self {
            Self::Singleton => String::new(),
            Self::Id(id) => id.clone(),
            Self::Properties(properties) => {
                let conditions = properties.iter().map(|(name, value)| {
                    Condition::Compare(name.clone(), Relation::Equal, value.clone())
                });
                format!("[{find} where {}]", Condition::All(conditions.collect()))
            }
        }
    }
}

/// Finds keys of the items of one menu.
#[derive(Clone, Copy)]
pub(super) struct Keys<'m> {
    pub(super) model: &'m Model,
    pub(super) menu: &'m str,
    /// Items that are removed somewhere in the change: made again, they have other ids.
    pub(super) removed: &'m [Handle],
}

impl Keys<'_> {
    /// A key that holds for this item alone, whatever part of the change has been applied.
    pub(super) fn stable(&self, handle: Handle) -> Option<Key> {
        if *self.model.origin(handle) == Origin::Singleton {
            return Some(Key::Singleton);
        }
        let versions = self.versions(handle);
        let natural = self.natural(handle, &versions);
        // Comparing everything depends on how the device compares each thing: an id does not.
        let known = natural.or_else(|| self.id(handle));
        known.or_else(|| self.exact(handle, &versions))
    }

    /// Keys, one of which holds for the item, whatever part of the change has been applied.
    ///
    /// Only for items that are just removed in the end: others pass through states in between.
    pub(super) fn of_any_version(&self, handle: Handle) -> Option<Vec<Key>> {
        let versions = self.versions(handle);
        let each = |key: fn(&Self, Handle, &[&Row]) -> Option<Key>| {
            let keys = versions.iter().map(|version| key(self, handle, &[version]));
            keys.collect::<Option<Vec<_>>>()
        };
        let natural = self.natural(handle, &versions).map(|key| vec![key]);
        natural
            .or_else(|| each(Self::natural))
            .or_else(|| self.exact(handle, &versions).map(|key| vec![key]))
            .or_else(|| each(Self::exact))
    }

    /// A key that other items share, and how many have it at all times, for an item that never
    /// looked otherwise.
    pub(super) fn shared(&self, handle: Handle) -> Option<(Key, usize)> {
        let versions = self.versions(handle);
        let [only] = versions.as_slice() else {
            return None;
        };
        let properties = self.without_others(handle, &[only], self.unchanged(&[only]));
        let mut count = 0;
        for versions in self.model.history(self.menu)?.values() {
            if versions.iter().all(|row| !holds(&properties, row)) {
                continue;
            }
            // Anything but a twin may come and go while the inverse runs.
            if !versions.iter().all(|row| is_same(self.menu, row, only)) {
                return None;
            }
            count += 1;
        }
        Some((Key::Properties(properties), count))
    }

    fn id(&self, handle: Handle) -> Option<Key> {
        match self.model.origin(handle) {
            Origin::Existing(id) if !self.removed.contains(&handle) => Some(Key::Id(id.clone())),
            Origin::Existing(_) | Origin::Singleton | Origin::Added(_) | Origin::Again(_) => None,
        }
    }

    /// All that the item ever is.
    fn versions(&self, handle: Handle) -> Vec<&Row> {
        let history = self.model.history(self.menu);
        let versions = history.and_then(|history| history.get(&handle));
        versions.into_iter().flatten().collect()
    }

    /// All that each of the others ever is.
    fn others(&self, handle: Handle) -> impl Iterator<Item = &Vec<Row>> {
        let history = self.model.history(self.menu).into_iter().flatten();
        let others = history.filter(move |(other, _)| **other != handle);
        others.map(|(_, versions)| versions)
    }

    /// By the properties that tell items of its kind apart.
    fn natural(&self, handle: Handle, versions: &[&Row]) -> Option<Key> {
        let mut candidates = CANDIDATES.iter().filter_map(|names| pick(versions, names));
        candidates.find_map(|properties| self.distinguish(handle, versions, properties))
    }

    /// By all that it is, and by what it is not.
    fn exact(&self, handle: Handle, versions: &[&Row]) -> Option<Key> {
        let all = self.unchanged(versions);
        if all.is_empty() {
            return None;
        }
        let key = self.distinguish(handle, versions, all.clone());
        key.or_else(|| {
            let exact = self.without_others(handle, versions, all);
            self.distinguish(handle, versions, exact)
        })
    }

    /// The settings that are the same in all versions.
    fn unchanged(&self, versions: &[&Row]) -> Vec<Wanted> {
        let Some(first) = versions.first() else {
            return Vec::new();
        };
        settings(self.menu, first)
            .filter(|(name, _)| !is_sensitive(name))
            .filter_map(|(name, _)| wanted(versions, name))
            .collect()
    }

    /// Whether these properties rule an item out for good: one of them never holds for it.
    fn rules_out(versions: &[Row], properties: &[Wanted]) -> bool {
        properties.iter().any(|property| {
            let never = |row: &Row| !holds(std::slice::from_ref(property), row);
            versions.iter().all(never)
        })
    }

    fn distinguish(
        &self,
        handle: Handle,
        versions: &[&Row],
        mut properties: Vec<Wanted>,
    ) -> Option<Key> {
        let others = self.others(handle);
        let mut alike = others
            .filter(|other| !Self::rules_out(other, &properties))
            .peekable();
        if alike.peek().is_none() {
            return Some(Key::Properties(properties));
        }
        // Newer versions list live connections of a service beside it, under its name.
        let is_fixed = versions.iter().all(|row| !is_dynamic(row));
        if is_fixed && alike.all(|other| other.iter().all(is_dynamic)) {
            properties.push(("dynamic".to_owned(), b"no".to_vec()));
            return Some(Key::Properties(properties));
        }
        None
    }

    /// Adds that what others have on top of these properties is not set.
    fn without_others(
        &self,
        handle: Handle,
        versions: &[&Row],
        mut properties: Vec<Wanted>,
    ) -> Vec<Wanted> {
        let is_absent = |name: &str| {
            let mut values = versions.iter().map(|row| row.raw(name).unwrap_or_default());
            values.all(<[u8]>::is_empty)
        };
        for other in self.others(handle).flatten() {
            if !holds(&properties, other) {
                continue;
            }
            let extra = settings(self.menu, other)
                .find(|(name, _)| may_be_absent(self.menu, name) && is_absent(name));
            properties.extend(extra.map(|(name, _)| (name.to_owned(), Vec::new())));
        }
        properties
    }
}

/// Of items that are gone, the one that a new row would be known by the same name as.
pub(super) fn predecessor<'e>(gone: &[&'e Entry], row: &Row) -> Option<&'e Entry> {
    CANDIDATES.iter().find_map(|names| {
        let key = pick(&[row], names)?;
        gone.iter().find(|entry| holds(&key, &entry.row)).copied()
    })
}

fn pick(versions: &[&Row], names: &[&str]) -> Option<Vec<Wanted>> {
    names.iter().map(|name| wanted(versions, name)).collect()
}

/// A property, if it has one value in all versions.
fn wanted(versions: &[&Row], name: &str) -> Option<Wanted> {
    let mut values = versions.iter().map(|row| row.raw(name).unwrap_or_default());
    let first = values.next().filter(|value| !value.is_empty())?;
    let is_same = values.all(|value| value::same(value, first));
    is_same.then(|| (name.to_owned(), first.to_vec()))
}

fn holds(properties: &[Wanted], row: &Row) -> bool {
    properties.iter().all(|(name, value)| {
        let is_off = |value: &[u8]| value.is_empty() || bool::parse(value) == Some(false);
        let other = row.raw(name).unwrap_or_default();
        value::same(other, value) || (is_off(value) && is_off(other))
    })
}
