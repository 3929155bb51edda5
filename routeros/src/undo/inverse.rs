//! The inverse: script text for a scheduler entry of the device.
//!
//! Each line stands alone and swallows its own failure, so that one that cannot be carried out does
//! not keep the others from it. Menus are written with blanks, which versions 6 and 7 both read.

use super::PlanProblem;
use super::compare::is_same;
use super::diff::label;
use super::key::{Key, Keys};
use super::model::{Entry, Handle, Model, Origin};
use super::properties::{is_dynamic, is_ordered, settings};
use crate::quote;
use crate::value::Value as _;

/// How to take one operation back.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    /// It was added.
    Remove { menu: String, entry: Entry },
    /// It was removed.
    Add { menu: String, entry: Entry },
    /// It had other values.
    Set {
        menu: String,
        entry: Entry,
        was: Vec<(String, Option<Vec<u8>>)>,
    },
    /// It stood elsewhere.
    Move { menu: String, entry: Entry },
}

/// The script: the lines, and one that removes the entry it runs from.
pub(super) fn script(lines: &[String], entry: &str) -> String {
    let name = quote::quoted(entry.as_bytes());
    let last = guarded(&format!(
        "/system scheduler remove [find where name={name}]"
    ));
    let lines = lines.iter().chain(std::iter::once(&last));
    lines.flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// The lines: operations taken back in reverse order, then items put in order.
pub(super) fn lines(
    was: &Model,
    model: &Model,
    undo: &[Undo],
    removed: &[Handle],
) -> Result<Vec<String>, PlanProblem> {
    let writer = Writer {
        was,
        model,
        removed,
    };
    let mut bodies = Vec::new();
    for step in undo.iter().rev() {
        bodies.extend(writer.bodies(step)?);
    }
    bodies.extend(writer.order(undo)?);
    Ok(bodies.iter().map(|body| guarded(body)).collect())
}

fn guarded(body: &str) -> String {
    format!(":do {{ {body} }} on-error={{ }}")
}

struct Writer<'m> {
    was: &'m Model,
    model: &'m Model,
    removed: &'m [Handle],
}

impl<'m> Writer<'m> {
    fn keys(&self, menu: &'m str) -> Keys<'m> {
        Keys {
            model: self.model,
            menu,
            removed: self.removed,
        }
    }

    fn is_new(&self, entry: &Entry) -> bool {
        matches!(self.model.origin(entry.handle), Origin::Added(_))
    }

    fn key(&self, menu: &'m str, entry: &Entry) -> Result<Key, PlanProblem> {
        let key = self.keys(menu).stable(entry.handle);
        key.ok_or_else(|| PlanProblem::Ambiguous(label(menu, &entry.row)))
    }

    fn bodies(&self, undo: &'m Undo) -> Result<Vec<String>, PlanProblem> {
        match undo {
            Undo::Remove { menu, entry } => {
                let keys = self.keys(menu).of_any_version(entry.handle);
                let keys = keys.ok_or_else(|| PlanProblem::Ambiguous(label(menu, &entry.row)))?;
                let remove = |key: &Key| format!("{} remove {}", path(menu), key.find("find"));
                Ok(keys.iter().map(remove).collect())
            }
            // A new item only has to go.
            Undo::Set { entry, .. } | Undo::Add { entry, .. } if self.is_new(entry) => {
                Ok(Vec::new())
            }
            Undo::Set { menu, entry, was } => Ok(set(menu, &self.key(menu, entry)?, was)),
            Undo::Add { menu, entry } => self.again(menu, entry).map(|body| vec![body]),
            Undo::Move { .. } => Ok(Vec::new()),
        }
    }

    /// Adds an item again, unless it is there.
    fn again(&self, menu: &'m str, entry: &Entry) -> Result<String, PlanProblem> {
        let keys = self.keys(menu);
        let single = keys.stable(entry.handle).map(|key| (key, 1));
        let shared = || {
            keys.shared(entry.handle)
                .filter(|_| !self.has_removed_twins(menu, entry))
        };
        let found = single.or_else(shared);
        let (key, count) = found.ok_or_else(|| PlanProblem::Ambiguous(label(menu, &entry.row)))?;
        let find = key.find(&format!("{} find", path(menu)));
        let add = self.add(menu, entry)?;
        Ok(format!(":if ([:len {find}] < {count}) do={{ {add} }}"))
    }

    /// Whether an item that is the same is removed too, but from another place: if only one of them
    /// is gone, nothing tells which.
    fn has_removed_twins(&self, menu: &str, entry: &Entry) -> bool {
        let is_twin = |other: &Entry| is_same(menu, &other.row, &entry.row);
        let entries = self.was.entries(menu);
        let places = entries
            .iter()
            .enumerate()
            .filter(|(_, other)| is_twin(other) && self.removed.contains(&other.handle));
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        let ends = places.first().zip(places.last());
        let between = ends.and_then(|(&first, &last)| entries.get(first..=last));
        is_ordered(menu) && !between.unwrap_or_default().iter().all(is_twin)
    }

    /// Adds the item where it was; at the end, if what came after it is gone.
    fn add(&self, menu: &'m str, entry: &Entry) -> Result<String, PlanProblem> {
        let values = settings(menu, &entry.row).map(|(name, value)| assign(name, value));
        let values: Vec<_> = values.collect();
        let add = format!("{} add {}", path(menu), values.join(" "));
        let Some(next) = self.next(menu, entry) else {
            return Ok(add);
        };
        let next = self.key(menu, next)?.find("find");
        Ok(format!(
            ":do {{ {add} place-before={next} }} on-error={{ {add} }}"
        ))
    }

    /// What came after the item before the change. Dynamic items come and go; one that is the same
    /// and cannot be named makes no difference.
    fn next(&self, menu: &'m str, entry: &Entry) -> Option<&'m Entry> {
        let at = self
            .was
            .position(menu, entry.handle)
            .filter(|_| is_ordered(menu))?;
        let own = self.was.entry(menu, entry.handle)?;
        let mut after = self.was.entries(menu).get(at + 1..)?.iter();
        after.find(|next| {
            let is_named = || self.keys(menu).stable(next.handle).is_some();
            !is_dynamic(&next.row) && (is_named() || !is_same(menu, &next.row, &own.row))
        })
    }

    /// Whether items do not fall into place by being added again in reverse: some were moved, or
    /// they were not removed from the first to the last.
    fn is_disordered(&self, undo: &[Undo], in_menu: &str) -> bool {
        let mut last = None;
        undo.iter().any(|undo| match undo {
            Undo::Move { menu, .. } => menu == in_menu,
            Undo::Add { menu, entry } if menu == in_menu => {
                let at = self.was.position(menu, entry.handle);
                let is_before = at < last;
                last = at.or(last);
                is_before
            }
            Undo::Add { .. } | Undo::Remove { .. } | Undo::Set { .. } => false,
        })
    }

    /// Puts what was moved where it was, the last first, so that what comes after it is in place.
    fn order(&self, undo: &'m [Undo]) -> Result<Vec<String>, PlanProblem> {
        let mut places: Vec<(&'m str, usize, &'m Entry)> = Vec::new();
        for step in undo {
            let (Undo::Move { menu, entry } | Undo::Add { menu, entry }) = step else {
                continue;
            };
            let at = self.was.position(menu, entry.handle);
            if let Some(at) = at.filter(|_| is_ordered(menu) && self.is_disordered(undo, menu)) {
                places.push((menu, at, entry));
            }
        }
        places.sort_by_key(|&(menu, at, _)| (menu, std::cmp::Reverse(at)));
        places.dedup_by_key(|&mut (menu, at, _)| (menu, at));
        let lines = places.iter().map(|(menu, _, entry)| {
            let item = self.key(menu, entry)?.find("find");
            let next = self.next(menu, entry).map(|next| self.key(menu, next));
            let next = next
                .transpose()?
                .map(|next| format!(" destination={}", next.find("find")));
            Ok(format!(
                "{} move {item}{}",
                path(menu),
                next.unwrap_or_default()
            ))
        });
        lines.collect()
    }
}

fn set(menu: &str, key: &Key, was: &[(String, Option<Vec<u8>>)]) -> Vec<String> {
    let command = format!("{} set {}", path(menu), key.selector());
    let old = was.iter().filter_map(|(name, value)| {
        let empty: Option<&[u8]> = match name.as_str() {
            "comment" => Some(b""),
            "disabled" => Some(b"no"),
            _ => None,
        };
        Some(assign(name, value.as_deref().or(empty)?))
    });
    let old: Vec<_> = old.collect();
    let unset = was.iter().filter(|(name, value)| {
        value.is_none() && !matches!(name.as_str(), "comment" | "disabled")
    });
    let mut bodies = Vec::new();
    if !old.is_empty() {
        bodies.push(format!("{command}{}", old.join(" ")));
    }
    // One by one: a property that cannot be unset must not keep the rest from being set.
    bodies.extend(unset.map(|(name, _)| format!("{command}!{name}")));
    bodies
}

/// `/ip/address` as `/ip address`.
fn path(menu: &str) -> String {
    let words = menu.trim_start_matches('/');
    format!("/{}", words.replace('/', " "))
}

fn assign(name: &str, value: &[u8]) -> String {
    let is_text = matches!(name, "name" | "comment");
    match bool::parse(value) {
        Some(true) if !is_text => format!("{name}=yes"),
        Some(false) if !is_text => format!("{name}=no"),
        _ => format!("{name}={}", quote::value(value)),
    }
}
