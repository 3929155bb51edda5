//! Commands that change rows: every one becomes a list of changes, checked before the first.

use routeros::error::Trap;

use super::{Order, Outcome};
use crate::core::{Caller, Core};
use crate::export::LOADED;
use crate::fleet::SchedulerRule;
use crate::schema::{Menu, SCHEMA, Shape, Writing};
use crate::trap;
use crate::tree::{Change, Key, Row};
use crate::value::Net;

/// Arguments that say where or which, and are no properties.
const PLACES: &[&str] = &[
    "numbers",
    "place-before",
    "copy-from",
    "destination",
    "value-name",
];

impl Core {
    pub(super) fn write(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        let what = order.shown();
        if order.verb == "add" {
            self.check_policy(caller, order)?;
            return self.add(caller, order, &what);
        }
        if order.menu == "/user" && self.guards_user(caller, order)? {
            return Ok(Outcome::default());
        }
        self.check_policy(caller, order)?;
        let changes = match order.verb.as_str() {
            "set" => self.set(order)?,
            "unset" => {
                let name = order
                    .arg("value-name")
                    .ok_or_else(|| trap::missing_value("value-name"))?;
                self.set_all(order, &[(name.to_owned(), None)])?
            }
            "enable" => {
                self.set_all(order, &[("disabled".to_owned(), Some("false".to_owned()))])?
            }
            "disable" => {
                self.set_all(order, &[("disabled".to_owned(), Some("true".to_owned()))])?
            }
            "comment" => {
                let text = order.arg("comment").unwrap_or_default().to_owned();
                self.set_all(order, &[("comment".to_owned(), Some(text))])?
            }
            "remove" => self.remove(order)?,
            _ => self.reorder(order)?,
        };
        self.commit(caller, &what, changes);
        Ok(Outcome::default())
    }

    fn add(&mut self, caller: &Caller, order: &Order, what: &str) -> Result<Outcome, Trap> {
        let menu = SCHEMA.menu(&order.menu);
        if menu.is_some_and(|m| m.shape != Shape::List) || self.is_single(&order.menu) {
            return Err(trap::no_such_command());
        }
        if order.menu == "/system/scheduler" && self.spec.scheduler == SchedulerRule::Refused {
            return Err(trap::failure("failure: not allowed by device-mode"));
        }
        let mut row = Row::default();
        if let Some(model) = order.arg("copy-from") {
            let id = self.one(&order.menu, model, order.is_console)?;
            let model = self.tree.table(&order.menu).and_then(|t| t.row(id));
            row.props = model.map(|m| m.props.clone()).unwrap_or_default();
        }
        for (name, value) in &order.args {
            if let Some(value) = value.as_deref().filter(|_| !is_place(name)) {
                let (key, value) = self.checked(menu, name, value)?;
                if !value.is_empty() || name != "comment" {
                    row.set(key, value);
                }
            } else if value.is_none() && self.writing(menu, name) == Some(Writing::Clearable) {
                row.set(Key::from(format!("!{name}")), String::new());
            } else if value.is_none() && !self.knows_property(&order.menu, name) {
                return Err(trap::unknown_parameter(name));
            }
        }
        if let Some(menu) = menu {
            self.complete(menu, &mut row)?;
            self.check_unique(menu, &row, None)?;
        }
        let at = match order.arg("place-before") {
            Some(place) => {
                let id = self.one(&order.menu, place, order.is_console)?;
                self.place(&order.menu, id).unwrap_or(usize::MAX)
            }
            None => usize::MAX,
        };
        row.id = self.tree.next_id(&order.menu);
        let id = row.shown_id();
        if order.menu == "/system/scheduler" {
            row.set("owner".into(), caller.user.clone());
        }
        let change = Change::Insert {
            path: Self::key(&order.menu),
            at,
            row,
        };
        let what = format!("{id} = {what}");
        self.commit(caller, &what, vec![change]);
        Ok(Outcome::ret(id))
    }

    fn set(&mut self, order: &Order) -> Result<Vec<Change>, Trap> {
        let props: Vec<_> = order
            .args
            .iter()
            .filter(|(k, _)| !is_place(k))
            .cloned()
            .collect();
        self.set_all(order, &props)
    }

    fn set_all(
        &mut self,
        order: &Order,
        props: &[(String, Option<String>)],
    ) -> Result<Vec<Change>, Trap> {
        let menu = SCHEMA.menu(&order.menu);
        let mut checked: Vec<(Key, Option<String>)> = Vec::new();
        for (name, value) in props {
            let pair = match value {
                Some(value) => {
                    let (key, value) = self.checked(menu, name, value)?;
                    // An empty value unsets what has no default.
                    let is_unset = value.is_empty()
                        && default_of(menu, name).is_none()
                        && self.writing(menu, name) != Some(Writing::Kept);
                    (key, (!is_unset).then_some(value))
                }
                None if self.knows_property(&order.menu, name) => {
                    if self.writing(menu, name) == Some(Writing::Clearable) {
                        let mark = Key::from(format!("!{name}"));
                        checked.push((mark, Some(String::new())));
                    }
                    (Key::from(name.as_str()), None)
                }
                None => return Err(trap::unknown_parameter(name)),
            };
            checked.push(pair);
        }
        let mut changes = Vec::new();
        for (path, id) in self.targets(order)? {
            let mut props = checked.clone();
            if let Some(row) = self.tree.table(&path).and_then(|t| t.row(id)) {
                let mut row = row.clone();
                self.apply_to(&path, &mut row, &mut props);
                if let Some(menu) = SCHEMA.menu(&path) {
                    self.check_unique(menu, &row, Some(id))?;
                }
            }
            let renamed = self.renamed(&path, id, &props);
            changes.push(Change::Set { path, id, props });
            changes.extend(renamed);
        }
        Ok(changes)
    }

    /// Sets properties on a copy of a row, and adds what a device sets along.
    fn apply_to(&self, path: &Key, row: &mut Row, props: &mut Vec<(Key, Option<String>)>) {
        let set = props.iter().filter(|(_, v)| v.is_some());
        let cleared = set.filter(|(k, _)| row.is_cleared(k));
        let marks: Vec<_> = cleared
            .map(|(k, _)| (Key::from(format!("!{k}")), None))
            .collect();
        props.extend(marks);
        // What was there from the start goes back to what it was.
        let first = self.tree.base.row(path, row.id);
        if let Some(first) = first.filter(|_| row.is_builtin && row.id != 0) {
            for (key, value) in props.iter_mut().filter(|(_, v)| v.is_none()) {
                *value = first.get(key).map(str::to_owned);
            }
        }
        if let Some(first) = first.filter(|_| row.is_builtin && row.id != 0) {
            let said = self.said_again(path, row, first, props);
            props.extend(said);
        }
        for (key, value) in props.iter() {
            match value {
                Some(value) => drop(row.set(Key::clone(key), value.clone())),
                None => drop(row.unset(key)),
            }
        }
        self.follow_set(path, row, props);
    }

    /// Notes properties that are set to what they were anyhow, where exports write them then.
    fn said_again(
        &self,
        path: &str,
        row: &Row,
        first: &Row,
        props: &[(Key, Option<String>)],
    ) -> Option<(Key, Option<String>)> {
        let menu = SCHEMA.menu(path);
        let is_again = |(k, v): &&(Key, Option<String>)| {
            v.as_deref().is_some_and(|v| first.get(k) == Some(v))
                && self.writing(menu, k) == Some(Writing::Kept)
        };
        let before = row.get(LOADED).map(|l| vec![l]).unwrap_or_default();
        let again = props.iter().filter(is_again).map(|(k, _)| &**k);
        let all: Vec<&str> = before.into_iter().chain(again).collect();
        (!all.is_empty()).then(|| (LOADED.into(), Some(all.join(","))))
    }

    fn writing(&self, menu: Option<&Menu>, name: &str) -> Option<Writing> {
        Some(menu?.prop(name, self.release.version())?.writing)
    }

    /// Sets what a device sets along: the network of an address, the size of a file.
    fn follow_set(&self, path: &str, row: &mut Row, props: &mut Vec<(Key, Option<String>)>) {
        let sets = |name: &str| props.iter().any(|(k, _)| &**k == name);
        match path {
            "/ip/address" if sets("address") && !sets("network") => {
                let net = row.get("address").and_then(Net::parse);
                props.push(("network".into(), net.map(|n| n.network().to_string())));
            }
            "/interface/wireguard" if sets("private-key") => {
                self.complete_wireguard(row);
                let public = row.get("public-key").map(str::to_owned);
                props.push(("public-key".into(), public));
            }
            "/system/scheduler" if sets("on-event") => {
                self.corrupt(row);
                let text = row.get("on-event").map(str::to_owned);
                props.retain(|(k, _)| &**k != "on-event");
                props.push(("on-event".into(), text));
            }
            "/file" => {
                let stamp = if self.release.at_least(7, 16) {
                    "last-modified"
                } else {
                    "creation-time"
                };
                let now = crate::clock::spell_moment(self.release, self.wall());
                props.push((stamp.into(), Some(now)));
            }
            _ => {}
        }
    }

    fn remove(&mut self, order: &Order) -> Result<Vec<Change>, Trap> {
        if SCHEMA
            .menu(&order.menu)
            .is_some_and(|m| m.shape != Shape::List && m.name != Some("name"))
        {
            return Err(trap::no_such_command());
        }
        let mut changes = Vec::new();
        for (path, id) in self.targets(order)? {
            let row = self.tree.table(&path).and_then(|t| t.row(id));
            if row.is_some_and(|r| r.is_builtin) {
                return Err(trap::failure("failure: can not remove builtin item"));
            }
            changes.push(Change::Remove { path, id });
        }
        Ok(changes)
    }

    fn reorder(&mut self, order: &Order) -> Result<Vec<Change>, Trap> {
        if !SCHEMA.menu(&order.menu).is_some_and(|m| m.is_ordered) {
            return Err(trap::no_such_command());
        }
        let targets = self.targets(order)?;
        let mut to = match order.arg("destination") {
            Some(place) => {
                let id = self.one(&order.menu, place, order.is_console)?;
                self.place(&order.menu, id).unwrap_or(usize::MAX)
            }
            None => usize::MAX,
        };
        let mut changes = Vec::new();
        for (path, id) in targets {
            let from = self.place(&order.menu, id).unwrap_or(0);
            // Taking it out moves everything behind it one place up.
            let at = if from < to && to != usize::MAX {
                to - 1
            } else {
                to
            };
            changes.push(Change::Move { path, id, at });
            if from >= to {
                to = to.saturating_add(1);
            }
        }
        Ok(changes)
    }

    /// Returns the rows meant, each with the table that it is really in.
    fn targets(&mut self, order: &Order) -> Result<Vec<(Key, u32)>, Trap> {
        if self.is_single(&order.menu) {
            let path = Self::key(&order.menu);
            self.tree.ensure(&path, true);
            return Ok(vec![(path, 0)]);
        }
        let numbers = order
            .numbers()
            .ok_or_else(|| trap::missing_value("numbers"))?;
        let ids = self.resolve(&order.menu, numbers, order.is_console)?;
        ids.iter()
            .map(|id| {
                let id = read_id(id).ok_or_else(trap::no_such_item)?;
                let path = self
                    .home(&order.menu, id)
                    .ok_or_else(|| trap::failure("failure: can not change dynamic item"))?;
                Ok((path, id))
            })
            .collect()
    }

    /// Returns the table of a row; `/interface` shows the rows of many.
    fn home(&self, menu: &str, id: u32) -> Option<Key> {
        if menu == "/interface" {
            let all = self.interfaces();
            return all.into_iter().find(|i| i.row.id == id).map(|i| i.menu);
        }
        self.tree.table(menu)?.row(id).map(|_| Self::key(menu))
    }

    fn one(&self, menu: &str, number: &str, is_console: bool) -> Result<u32, Trap> {
        let ids = self.resolve(menu, number, is_console)?;
        ids.first()
            .and_then(|id| read_id(id))
            .ok_or_else(trap::no_such_item)
    }

    fn place(&self, menu: &str, id: u32) -> Option<usize> {
        self.tree.rows(menu).iter().position(|r| r.id == id)
    }
}

fn is_place(name: &str) -> bool {
    PLACES.contains(&name) || name == ".id"
}

fn default_of(menu: Option<&Menu>, name: &str) -> Option<&'static str> {
    menu?.props.iter().find(|p| &*p.name == name)?.default
}

/// Reads `*1A`.
pub(crate) fn read_id(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix('*')?, 16).ok()
}
