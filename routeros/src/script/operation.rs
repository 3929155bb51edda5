//! Operations: the ordered, typed changes that a script makes.

use std::time::Duration;

use super::ast::{Block, Position};
use super::condition::Condition;
use super::run::{Argument, Call, Data, Host, run};
use super::{Problem, ScriptError};
use crate::text::lossy;

/// A property and its value.
pub type Property = (String, Vec<u8>);

/// One change of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Where it is in the script.
    pub position: Position,
    /// The menu, such as `/ip/address`.
    pub menu: String,
    /// What is changed.
    pub action: Action,
}

/// What an operation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new item.
    Add {
        /// Its properties.
        properties: Vec<Property>,
        /// Before which item it goes; at the end without one.
        place_before: Option<Selector>,
    },
    /// Other values of properties; no value unsets the property.
    Set {
        /// Which items.
        target: Selector,
        /// The properties.
        changes: Vec<(String, Option<Vec<u8>>)>,
    },
    /// Items go away.
    Remove {
        /// Which items.
        target: Selector,
    },
    /// Items are enabled.
    Enable {
        /// Which items.
        target: Selector,
    },
    /// Items are disabled.
    Disable {
        /// Which items.
        target: Selector,
    },
    /// Items change places.
    Move {
        /// Which items.
        target: Selector,
        /// Before which item they go; at the end without one.
        destination: Option<Selector>,
    },
}

/// Which items of a menu are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// These.
    Items(Vec<Item>),
    /// Those for which a condition holds.
    Find(Condition),
    /// The menu has one record, without an id.
    Singleton,
}

/// An item, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `*1A`
    Id(String),
    /// A position, counted from 0 as `print` does.
    Number(usize),
    /// A name.
    Name(Vec<u8>),
}

/// The most operations in one script.
pub const MAX_OPERATIONS: usize = 10_000;

/// Reads a script as changes. What does not only change configuration is refused, with its place.
///
/// Variables, conditions and loops are worked out as long as they do not depend on the device.
/// `:do { … } on-error={ … }` counts as its body. What shows or logs something is left out.
pub fn operations(script: &Block) -> Result<Vec<Operation>, ScriptError> {
    let mut recorder = Recorder::default();
    run(script, &mut recorder)?;
    Ok(recorder.operations)
}

#[derive(Default)]
struct Recorder {
    operations: Vec<Operation>,
}

impl Host for Recorder {
    fn command(&mut self, call: &Call) -> Result<Data, Problem> {
        let action = match call.verb.as_str() {
            "add" => add(call)?,
            "set" => set(call)?,
            "comment" => comment(call)?,
            "remove" => Action::Remove {
                target: target(call)?,
            },
            "enable" => Action::Enable {
                target: target(call)?,
            },
            "disable" => Action::Disable {
                target: target(call)?,
            },
            "move" => moved(call)?,
            "unset" => unset(call)?,
            "find" => {
                let condition = call.filter.clone();
                return Ok(Data::Found {
                    menu: call.menu.clone(),
                    condition: condition.unwrap_or(Condition::All(Vec::new())),
                });
            }
            "print" => return Ok(Data::Nothing),
            "info" | "warning" | "error" | "debug" if call.menu == "/log" => {
                return Ok(Data::Nothing);
            }
            verb => {
                let menu = call.menu.trim_end_matches('/');
                return Err(Problem::Unsupported(format!("{menu}/{verb}")));
            }
        };
        if self.operations.len() >= MAX_OPERATIONS {
            return Err(Problem::TooLong);
        }
        self.operations.push(Operation {
            position: call.position,
            menu: call.menu.clone(),
            action,
        });
        Ok(Data::Nothing)
    }

    fn put(&mut self, _text: &[u8]) {}

    fn log(&mut self, _topic: &str, _text: &[u8]) {}

    fn delay(&mut self, _time: Duration) -> Result<(), Problem> {
        Ok(())
    }
}

fn add(call: &Call) -> Result<Action, Problem> {
    let mut properties = Vec::new();
    let mut place_before = None;
    for argument in &call.arguments {
        match argument {
            Argument::Named(name, _) if name == "copy-from" => {
                return Err(Problem::Unsupported("copy-from".to_owned()));
            }
            Argument::Named(name, value) if name == "place-before" => {
                place_before = Some(selector(call, value)?);
            }
            Argument::Named(name, value) => properties.push((name.clone(), text(value)?)),
            Argument::Unset(_) => {}
            Argument::Positional(value) => properties.push((flag(value)?, b"yes".to_vec())),
        }
    }
    Ok(Action::Add {
        properties,
        place_before,
    })
}

/// A property that is on because it is named, as `no-summaries`.
fn flag(value: &Data) -> Result<String, Problem> {
    let text = text(value)?;
    let is_name = |b: &u8| b.is_ascii_lowercase() || *b == b'-';
    match std::str::from_utf8(&text) {
        Ok(name) if text.iter().all(is_name) && !text.is_empty() => Ok(name.to_owned()),
        _ => Err(Problem::ExpectedEnd),
    }
}

fn set(call: &Call) -> Result<Action, Problem> {
    let mut changes = Vec::new();
    for argument in &call.arguments {
        match argument {
            Argument::Named(name, _) if name == "numbers" => {}
            Argument::Named(name, value) => changes.push((name.clone(), Some(text(value)?))),
            Argument::Unset(name) => changes.push((name.clone(), None)),
            Argument::Positional(_) => {}
        }
    }
    let mut targets = positionals(call)?;
    let target = targets.pop().unwrap_or(Selector::Singleton);
    if !targets.is_empty() {
        return Err(Problem::ExpectedEnd);
    }
    Ok(Action::Set { target, changes })
}

/// `comment [find …] "text"`, or with `comment=`.
fn comment(call: &Call) -> Result<Action, Problem> {
    let named = call.arguments.iter().find_map(|argument| match argument {
        Argument::Named(name, value) if name == "comment" => Some(value),
        _ => None,
    });
    let second = call.arguments.iter().filter_map(positional).nth(1);
    let value = named.or(second);
    let value = value.ok_or_else(|| Problem::MissingArgument("comment".to_owned()))?;
    Ok(Action::Set {
        target: first(call)?,
        changes: vec![("comment".to_owned(), Some(text(value)?))],
    })
}

/// `unset [find …] name`, or with `value-name=`.
fn unset(call: &Call) -> Result<Action, Problem> {
    let named = call.arguments.iter().find_map(|argument| match argument {
        Argument::Named(name, value) if name == "value-name" => Some(value),
        _ => None,
    });
    let second = call.arguments.iter().filter_map(positional).nth(1);
    let name = named.or(second);
    let name = name.ok_or_else(|| Problem::MissingArgument("value-name".to_owned()))?;
    Ok(Action::Set {
        target: first(call)?,
        changes: vec![(lossy(&text(name)?).into_owned(), None)],
    })
}

fn target(call: &Call) -> Result<Selector, Problem> {
    match call.arguments.as_slice() {
        [_] => first(call),
        [] => Err(Problem::MissingArgument("numbers".to_owned())),
        _ => Err(Problem::ExpectedEnd),
    }
}

fn moved(call: &Call) -> Result<Action, Problem> {
    let named = call.arguments.iter().find_map(|argument| match argument {
        Argument::Named(name, value) if name == "destination" => Some(selector(call, value)),
        _ => None,
    });
    let second = positionals(call)?.into_iter().nth(1);
    Ok(Action::Move {
        target: first(call)?,
        destination: named.transpose()?.or(second),
    })
}

fn first(call: &Call) -> Result<Selector, Problem> {
    let first = call.arguments.iter().find_map(|argument| match argument {
        Argument::Positional(value) => Some(value),
        Argument::Named(name, value) if name == "numbers" => Some(value),
        _ => None,
    });
    match first {
        Some(value) => selector(call, value),
        None => Err(Problem::MissingArgument("numbers".to_owned())),
    }
}

fn positionals(call: &Call) -> Result<Vec<Selector>, Problem> {
    let values = call.arguments.iter().filter_map(|argument| match argument {
        Argument::Named(name, value) if name == "numbers" => Some(value),
        argument => positional(argument),
    });
    values.map(|value| selector(call, value)).collect()
}

fn positional(argument: &Argument) -> Option<&Data> {
    match argument {
        Argument::Positional(value) => Some(value),
        Argument::Named(..) | Argument::Unset(_) => None,
    }
}

fn text(value: &Data) -> Result<Vec<u8>, Problem> {
    value
        .text()
        .ok_or_else(|| Problem::Unsupported("using what find answers as a value".to_owned()))
}

fn selector(call: &Call, value: &Data) -> Result<Selector, Problem> {
    match value {
        Data::Nothing => Err(Problem::Failed("no such item".to_owned())),
        Data::Text(text) => Ok(Selector::Items(items(text))),
        Data::List(list) => {
            let texts = list.iter().map(text);
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            let items = texts.iter().flat_map(|text| items(text)).collect();
            Ok(Selector::Items(items))
        }
        Data::Found { menu, condition } if *menu == call.menu => {
            Ok(Selector::Find(condition.clone()))
        }
        Data::Found { menu, .. } => Err(Problem::Unsupported(format!(
            "using items of {menu} in {}",
            call.menu
        ))),
    }
}

fn items(text: &[u8]) -> Vec<Item> {
    let items = text.split(|&b| b == b',').filter(|item| !item.is_empty());
    items.map(item).collect()
}

fn item(text: &[u8]) -> Item {
    let is_id = |t: &[u8]| t.len() > 1 && t.starts_with(b"*");
    let number = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    match number {
        Some(number) if text.iter().all(u8::is_ascii_digit) => Item::Number(number),
        _ if is_id(text) => Item::Id(lossy(text).into_owned()),
        _ => Item::Name(text.to_vec()),
    }
}
