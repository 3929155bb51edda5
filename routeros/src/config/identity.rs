//! What an item is, and how an operation says which one it means.

use std::borrow::Cow;

use crate::row::Row;
use crate::script::condition::{Condition, Relation};
use crate::script::operation::{Item, Selector};
use crate::secret::is_secret;
use crate::undo::key::CANDIDATES;
use crate::undo::model::{Entry, Handle, Model, Origin};
use crate::undo::properties::{canonical, is_dynamic, is_setting};

/// Properties that tell items apart when two configurations are compared, after the usual ones.
const MORE_CANDIDATES: &[&[&str]] = &[
    &["vlan-id", "interface"],
    &["dst-address", "routing-table"],
    &["dst-address"],
    &["mac-address"],
    &["public-key"],
    &["user"],
    &["host"],
    &["topics", "action"],
    &["topics"],
    &["network"],
];

/// Whether the device made the item, so that it is neither added nor removed.
pub(super) fn is_fixed(menu: &str, row: &Row) -> bool {
    row.raw(".fixed").is_some()
        || row.flag("default")
        || row.flag("builtin")
        || matches!(
            menu,
            "/interface/ethernet" | "/ip/service" | "/ip/firewall/service-port" | "/port"
        )
}

/// Whether a menu only shows what is in others.
pub(super) fn is_view(menu: &str) -> bool {
    menu == "/interface"
}

/// The configuration in a row, in the one spelling that equal values share. Unlike the rows of one
/// device, those of exports are not told what is off by default: nothing is left out but comments
/// that are empty, and the name by which an item was found.
pub(super) fn values<'r>(
    menu: &'r str,
    row: &'r Row,
) -> impl Iterator<Item = (&'r str, Cow<'r, [u8]>)> {
    let key = row.raw(".by").unwrap_or_default();
    row.iter()
        .filter(move |(name, value)| {
            let is_empty = value.is_empty() && *name == "comment";
            !is_empty && name.as_bytes() != key && is_setting(menu, name)
        })
        .map(|(name, value)| (name, canonical(value)))
}

/// Keys to tell items of a menu by, the best first.
pub(super) fn candidates(is_ordered: bool) -> impl Iterator<Item = &'static [&'static str]> {
    let all = CANDIDATES.iter().chain(MORE_CANDIDATES).copied();
    // Where order tells items apart, two with one address or interface may well be others.
    all.filter(move |names| !is_ordered || matches!(names, ["name" | "comment"]))
}

/// The values of a key, if the row has all of them.
pub(super) fn key(menu: &str, row: &Row, names: &[&str]) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    for name in names {
        let value = row.raw(name).filter(|value| !value.is_empty())?;
        if is_secret(menu, name) {
            return None;
        }
        key.extend_from_slice(&canonical(value));
        key.push(0);
    }
    Some(key)
}

/// How an operation finds an item among those that are there at that moment.
pub(super) fn selector(model: &Model, menu: &str, handle: Handle) -> Option<Selector> {
    if *model.origin(handle) == Origin::Singleton {
        return Some(Selector::Singleton);
    }
    let row = &model.entry(menu, handle)?.row;
    let entries = model.entries(menu);
    if let Some(selector) = as_read(row) {
        // Found by a name that another has taken, it would be the other.
        let has_name = |e: &&Entry| e.row.raw("name") == row.raw("name");
        let is_alone = entries.iter().filter(has_name).take(2).count() < 2;
        return (row.raw(".by").is_none() || is_alone).then_some(selector);
    }
    // Most of what does not hold for the item alone is found out by looking at bytes.
    let is_shared = |names: &[&str]| {
        let same = entries
            .iter()
            .filter(|e| names.iter().all(|name| e.row.raw(name) == row.raw(name)));
        same.take(2).count() > 1
    };
    let is_alone = |condition: &Condition| {
        let mut found = entries
            .iter()
            .filter(|e| !is_dynamic(&e.row) && condition.holds(&e.row));
        found.next().map(|e| e.handle) == Some(handle) && found.next().is_none()
    };
    let equal = |name: &str, value: &[u8]| {
        Condition::Compare(name.to_owned(), Relation::Equal, value.to_vec())
    };
    for names in CANDIDATES {
        let conditions = names.iter().map(|name| {
            let value = row.raw(name).filter(|value| !value.is_empty())?;
            (!is_secret(menu, name)).then(|| equal(name, value))
        });
        let condition = conditions.collect::<Option<Vec<_>>>().map(Condition::All);
        let condition = condition.filter(|_| !is_shared(names));
        if let Some(condition) = condition.filter(|c| is_alone(c)) {
            return Some(Selector::Find(condition));
        }
    }
    let exact = exact(menu, row, entries);
    if is_alone(&exact) {
        return Some(Selector::Find(exact));
    }
    by_id(model, handle)
}

/// How an export says which one is meant.
pub(super) fn as_read(row: &Row) -> Option<Selector> {
    let text = |name| row.raw(name).and_then(|v| std::str::from_utf8(v).ok());
    row.raw(".fixed")?;
    if let Some(number) = text(".number") {
        return Some(Selector::Items(vec![Item::Number(number.parse().ok()?)]));
    }
    if let Some(name) = text(".found") {
        let value = row.raw(name)?.to_vec();
        let condition = Condition::Compare(name.to_owned(), Relation::Equal, value);
        return Some(Selector::Find(condition));
    }
    if row.raw(".by").is_some() {
        return Some(Selector::Items(vec![Item::Name(row.raw("name")?.to_vec())]));
    }
    Some(Selector::Items(vec![Item::Id(row.id()?.to_owned())]))
}

/// All that the item has, and that it has nothing that others have on top.
fn exact(menu: &str, row: &Row, entries: &[Entry]) -> Condition {
    let named =
        values(menu, row).filter(|(name, value)| !value.is_empty() && !is_secret(menu, name));
    let mut list: Vec<Condition> = named
        .filter_map(|(name, _)| {
            let value = row.raw(name)?.to_vec();
            Some(Condition::Compare(name.to_owned(), Relation::Equal, value))
        })
        .collect();
    for other in entries {
        let mut extra = values(menu, &other.row).filter(|(name, value)| {
            !value.is_empty() && row.raw(name).is_none_or(<[u8]>::is_empty)
        });
        let is_like = Condition::All(list.clone()).holds(&other.row);
        if let Some((name, _)) = extra.next().filter(|_| is_like) {
            let absent = Condition::Compare(name.to_owned(), Relation::Equal, Vec::new());
            list.push(absent);
        }
        if list.len() > 60 {
            break;
        }
    }
    Condition::All(list)
}

/// By its id: what is the same in all else differs in that alone. The id of an item of an export is
/// its place.
fn by_id(model: &Model, handle: Handle) -> Option<Selector> {
    match model.origin(handle) {
        Origin::Existing(id) => Some(Selector::Items(vec![Item::Id(id.clone())])),
        Origin::Singleton | Origin::Added(_) | Origin::Again(_) => None,
    }
}
