//! Which values of a script are secret.

use crate::export::{Export, Value};
use crate::quote;
use crate::script::condition::Condition;
use crate::script::operation::{Action, Item, Operation, Selector};
use crate::script::{operations, parse};
use crate::secret::is_secret;

/// What a script gives to properties that hold secrets, and what it finds items by.
pub(super) fn of_script(script: &[u8]) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    // Worked out, so that what a variable held is known.
    let read = parse(script).and_then(|block| operations(&block));
    for operation in read.iter().flatten() {
        of_operation(operation, &mut values);
    }
    for command in Export::parse(script).commands() {
        for (name, value) in command.settings() {
            if let Value::Given(raw) = value
                && is_secret(command.menu(), &name)
            {
                values.push(quote::decode(raw).into_owned());
            }
        }
    }
    values
}

fn of_operation(operation: &Operation, values: &mut Vec<Vec<u8>>) {
    let menu = operation.menu.as_str();
    let mut keep = |name: &str, value: &[u8]| {
        if is_secret(menu, name) {
            values.push(value.to_vec());
        }
    };
    match &operation.action {
        Action::Add {
            properties,
            place_before,
        } => {
            for (name, value) in properties {
                keep(name, value);
            }
            of_selector(place_before.as_ref(), &mut keep);
        }
        Action::Set { target, changes } => {
            for (name, value) in changes {
                keep(name, value.as_deref().unwrap_or_default());
            }
            of_selector(Some(target), &mut keep);
        }
        Action::Remove { target } | Action::Enable { target } | Action::Disable { target } => {
            of_selector(Some(target), &mut keep);
        }
        Action::Move {
            target,
            destination,
        } => {
            of_selector(Some(target), &mut keep);
            of_selector(destination.as_ref(), &mut keep);
        }
    }
}

fn of_selector(selector: Option<&Selector>, keep: &mut impl FnMut(&str, &[u8])) {
    match selector {
        Some(Selector::Items(items)) => {
            for item in items {
                if let Item::Name(name) = item {
                    keep("name", name);
                }
            }
        }
        Some(Selector::Find(condition)) => of_condition(condition, keep),
        Some(Selector::Singleton) | None => {}
    }
}

fn of_condition(condition: &Condition, keep: &mut impl FnMut(&str, &[u8])) {
    match condition {
        Condition::All(list) | Condition::Any(list) => {
            for each in list {
                of_condition(each, keep);
            }
        }
        Condition::Not(inner) => of_condition(inner, keep),
        Condition::Is(_) => {}
        Condition::Compare(name, _, value) => keep(name, value),
    }
}
