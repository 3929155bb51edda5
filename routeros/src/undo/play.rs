//! Operations played through on rows, without asking whether they could be taken back.

use super::model::{Handle, Model};
use super::{PlanProblem, Snapshot};
use crate::row::Row;
use crate::script::condition::{Condition, Relation};
use crate::script::operation::{Action, Item, Operation, Selector};
use crate::value::Value as _;

/// Carries out an operation. Numbers of items are those of `before`.
///
/// What an export does not mention is there all the same: a record of a menu with one, and items
/// that the device made. Setting one of them brings it to light.
pub(crate) fn play(
    model: &mut Model,
    operation: &Operation,
    before: &Snapshot,
) -> Result<(), PlanProblem> {
    let menu = operation.menu.as_str();
    let switched = |value: &str| vec![("disabled".to_owned(), Some(value.into()))];
    match &operation.action {
        Action::Add {
            properties,
            place_before,
        } => {
            let anchor = anchor(model, menu, place_before.as_ref(), before)?;
            let mut row = Row::new().with(".id", model.new_id());
            row.extend(properties.iter().map(|(name, value)| (name, value)));
            let step = usize::MAX;
            model.add(menu, row, step, anchor);
        }
        Action::Set { target, changes } => {
            let mut handles = select_known(model, menu, target, before)?;
            if handles.is_empty()
                && let Some(row) = hidden(target)
            {
                handles.push(model.discover(menu, row));
            }
            for handle in handles {
                model.set(menu, handle, changes);
            }
        }
        Action::Enable { target } => {
            for handle in model.select(menu, target, before)? {
                model.set(menu, handle, &switched("no"));
            }
        }
        Action::Disable { target } => {
            for handle in model.select(menu, target, before)? {
                model.set(menu, handle, &switched("yes"));
            }
        }
        Action::Remove { target } => {
            for handle in model.select(menu, target, before)? {
                model.remove(menu, handle);
            }
        }
        Action::Move {
            target,
            destination,
        } => {
            let anchor = anchor(model, menu, destination.as_ref(), before)?;
            for handle in model.select(menu, target, before)? {
                if anchor != Some(handle) {
                    model.shift(menu, handle, anchor);
                }
            }
        }
    }
    Ok(())
}

type Change = (String, Option<Vec<u8>>);

/// Gives values to what a device does not unset: a comment is just empty, and a flag is the other
/// way round.
pub(crate) fn settled(
    model: &Model,
    menu: &str,
    handle: Handle,
    changes: &[Change],
) -> Vec<Change> {
    let entry = model.entry(menu, handle);
    let settle = |(name, value): &Change| {
        let was = entry.and_then(|entry| entry.row.raw(name));
        let other = match was.and_then(bool::parse) {
            _ if name == "comment" => Some(Vec::new()),
            Some(true) => Some(b"no".to_vec()),
            Some(false) => Some(b"yes".to_vec()),
            None => None,
        };
        (name.clone(), value.clone().or(other))
    };
    changes.iter().map(settle).collect()
}

fn select_known(
    model: &Model,
    menu: &str,
    target: &Selector,
    before: &Snapshot,
) -> Result<Vec<Handle>, PlanProblem> {
    match model.select(menu, target, before) {
        Err(PlanProblem::NoSuchItem { .. }) if hidden(target).is_some() => Ok(Vec::new()),
        result => result,
    }
}

fn anchor(
    model: &Model,
    menu: &str,
    selector: Option<&Selector>,
    before: &Snapshot,
) -> Result<Option<Handle>, PlanProblem> {
    let Some(selector) = selector else {
        return Ok(None);
    };
    let first = model.select(menu, selector, before)?.into_iter().next();
    first.map(Some).ok_or_else(|| PlanProblem::NoSuchItem {
        menu: menu.to_owned(),
        item: "to place before".to_owned(),
    })
}

/// What is known of a row by how it is selected.
pub(crate) fn hidden(target: &Selector) -> Option<Row> {
    let fixed = |id: String| Row::new().with(".id", id).with(".fixed", "yes");
    match target {
        Selector::Singleton => Some(Row::new()),
        Selector::Items(items) => match items.as_slice() {
            [Item::Number(number)] => {
                let number = number.to_string();
                Some(fixed(format!("#number={number}")).with(".number", number))
            }
            [Item::Id(id)] => Some(fixed(id.clone())),
            [Item::Name(name)] => {
                let id = format!("#name={}", crate::quote::value(name));
                Some(fixed(id).with(".by", "name").with("name", name))
            }
            _ => None,
        },
        Selector::Find(condition) => {
            let (name, value) = equality(condition)?;
            let id = format!("#{name}={}", crate::quote::value(value));
            let row = fixed(id).with(".found", name);
            Some(row.with(name, value))
        }
    }
}

/// The one property that a condition asks for.
fn equality(condition: &Condition) -> Option<(&str, &[u8])> {
    match condition {
        Condition::All(list) | Condition::Any(list) => match list.as_slice() {
            [one] => equality(one),
            _ => None,
        },
        Condition::Compare(name, Relation::Equal, value) => Some((name, value)),
        Condition::Compare(..) | Condition::Not(_) | Condition::Is(_) => None,
    }
}
