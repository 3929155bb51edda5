//! Operations as text: the script that makes them.

use std::fmt;

use super::condition::{Condition, Relation};
use super::operation::{Action, Item, Operation, Selector};
use crate::quote;
use crate::value::Value as _;

impl fmt::Display for Operation {
    /// The command, with its menu, as a console of any version takes it. It may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.menu.trim_start_matches('/').replace('/', " ");
        write!(f, "/{words} ")?;
        match &self.action {
            Action::Add {
                properties,
                place_before,
            } => {
                f.write_str("add")?;
                for (name, value) in properties {
                    write!(f, " {name}={}", value_of(name, value))?;
                }
                match place_before {
                    Some(before) => write!(f, " place-before={before}"),
                    None => Ok(()),
                }
            }
            Action::Set { target, changes } => {
                f.write_str("set")?;
                items(f, target)?;
                for (name, value) in changes {
                    match value {
                        Some(value) => write!(f, " {name}={}", value_of(name, value))?,
                        None => write!(f, " !{name}")?,
                    }
                }
                Ok(())
            }
            Action::Remove { target } => verb(f, "remove", target),
            Action::Enable { target } => verb(f, "enable", target),
            Action::Disable { target } => verb(f, "disable", target),
            Action::Move {
                target,
                destination,
            } => {
                verb(f, "move", target)?;
                match destination {
                    Some(destination) => write!(f, " destination={destination}"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn verb(f: &mut fmt::Formatter<'_>, verb: &str, target: &Selector) -> fmt::Result {
    f.write_str(verb)?;
    items(f, target)
}

fn items(f: &mut fmt::Formatter<'_>, target: &Selector) -> fmt::Result {
    match target {
        Selector::Singleton => Ok(()),
        target => write!(f, " {target}"),
    }
}

fn value_of(name: &str, value: &[u8]) -> String {
    let is_text = matches!(name, "name" | "comment");
    match bool::parse(value) {
        Some(true) if !is_text => "yes".to_owned(),
        Some(false) if !is_text => "no".to_owned(),
        _ => quote::value(value),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Singleton => Ok(()),
            Self::Find(Condition::All(list)) if list.is_empty() => f.write_str("[find]"),
            Self::Find(condition) => write!(f, "[find where {condition}]"),
            // Which means none of them.
            Self::Items(items) if items.is_empty() => f.write_str("\"\""),
            Self::Items(items) => {
                for (at, item) in items.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    match item {
                        Item::Id(id) => write!(f, "{comma}{id}")?,
                        Item::Number(number) => write!(f, "{comma}{number}")?,
                        // It would be a property that is unset.
                        Item::Name(name) if name.starts_with(b"!") => {
                            write!(f, "{comma}{}", quote::quoted(name))?;
                        }
                        Item::Name(name) => write!(f, "{comma}{}", quote::value(name))?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Condition {
    /// Numbers and truth stand bare, so that they compare as what they are; all else is quoted,
    /// because slashes and colons would not parse.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, list: &[Self], word: &str| {
            for (at, condition) in list.iter().enumerate() {
                let word = if at > 0 { word } else { "" };
                match condition {
                    Self::All(_) | Self::Any(_) => write!(f, "{word}({condition})")?,
                    _ => write!(f, "{word}{condition}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::All(list) => joined(f, list, " and "),
            Self::Any(list) => joined(f, list, " or "),
            Self::Not(inner) => match &**inner {
                Self::Is(name) => write!(f, "!{name}"),
                inner => write!(f, "!({inner})"),
            },
            Self::Is(name) => f.write_str(name),
            Self::Compare(name, Relation::Equal, value) => equal(f, name, value),
            Self::Compare(name, relation, value) => {
                let relation = match relation {
                    Relation::Equal => "=",
                    Relation::NotEqual => "!=",
                    Relation::Less => "<",
                    Relation::Greater => ">",
                    Relation::AtMost => "<=",
                    Relation::AtLeast => ">=",
                    Relation::Matches => "~",
                    Relation::In => " in ",
                };
                write!(f, "{name}{relation}{}", quote::quoted(value))
            }
        }
    }
}

fn equal(f: &mut fmt::Formatter<'_>, name: &str, value: &[u8]) -> fmt::Result {
    let is_text = matches!(name, "name" | "comment");
    if value.is_empty() && name != "comment" {
        return write!(f, "!{name}");
    }
    let is_number = !value.is_empty() && value.len() < 18 && value.iter().all(u8::is_ascii_digit);
    match bool::parse(value) {
        Some(true) if !is_text => write!(f, "{name}=yes"),
        Some(false) if !is_text => write!(f, "{name}=no"),
        _ if is_number && !is_text => write!(f, "{name}={}", quote::value(value)),
        _ => write!(f, "{name}={}", quote::quoted(value)),
    }
}
