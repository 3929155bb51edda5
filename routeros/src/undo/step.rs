//! Steps: the commands that carry a change out.

use crate::command::Command;
use crate::script::Position;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Adds an item; the answer is its id.
    Add,
    /// Sets properties.
    Set,
    /// Unsets one property.
    Unset,
    /// Removes an item.
    Remove,
    /// Enables an item.
    Enable,
    /// Disables an item.
    Disable,
    /// Moves an item.
    Move,
}

/// The item that a step works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one record of the menu.
    Singleton,
    /// It was there, with this id.
    Id(String),
    /// An earlier step, by its number, adds it.
    Added(usize),
}

/// One command, on one item.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// The operation's place in the script.
    pub position: Position,
    /// The menu.
    pub menu: String,
    /// What it does.
    pub verb: Verb,
    /// The item, except for [`Verb::Add`].
    pub target: Option<Target>,
    /// The properties; for [`Verb::Unset`] their names alone matter.
    pub attributes: Vec<(String, Vec<u8>)>,
    /// Before which item it is added or moved.
    pub before: Option<Target>,
}

impl Step {
    /// The command of this step. `added` holds, by the number of each earlier step, the id that
    /// its `add` was answered with. None if one is missing that is needed.
    pub fn command(&self, added: &[Option<String>]) -> Option<Command> {
        let verb = match self.verb {
            Verb::Add => "add",
            Verb::Set => "set",
            Verb::Unset => "unset",
            Verb::Remove => "remove",
            Verb::Enable => "enable",
            Verb::Disable => "disable",
            Verb::Move => "move",
        };
        let mut command = Command::new(format!("{}/{verb}", self.menu));
        if let Some(target) = self.target.as_ref().filter(|t| **t != Target::Singleton) {
            // `move` alone calls its items numbers.
            let name = if self.verb == Verb::Move {
                "numbers"
            } else {
                ".id"
            };
            command = command.attribute(name, target.id(added)?);
        }
        if let Some(before) = &self.before {
            let name = if self.verb == Verb::Move {
                "destination"
            } else {
                "place-before"
            };
            command = command.attribute(name, before.id(added)?);
        }
        for (name, value) in &self.attributes {
            command = match self.verb {
                Verb::Unset => command.attribute("value-name", name),
                _ => command.attribute(name, value),
            };
        }
        Some(command)
    }
}

impl Target {
    /// The id, if it is known.
    fn id<'a>(&'a self, added: &'a [Option<String>]) -> Option<&'a str> {
        match self {
            Self::Singleton => None,
            Self::Id(id) => Some(id),
            Self::Added(step) => added.get(*step)?.as_deref(),
        }
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        let names: Vec<_> = self.attributes.iter().map(|(name, _)| name).collect();
        write!(
            f,
            "{}/{:?} {:?} {names:?}",
            self.menu, self.verb, self.target
        )
    }
}
