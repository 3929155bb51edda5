//! The commands of a device, as far as a parser has to know them.

use std::fmt;

use super::ast::Block;
use super::cursor::Cursor;
use super::{ScriptError, parser};

/// What a word is in a menu, with its whole name: a console takes any beginning that is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// A menu below.
    Menu(String),
    /// A command.
    Command(String),
}

/// The command tree of a device.
pub trait Tree: fmt::Debug {
    /// What a word is in a menu, which is given by its words. The root's commands are those of the
    /// language itself.
    fn child(&self, menu: &[String], word: &str) -> Option<Child>;

    /// Whether a command of a menu has an argument.
    fn takes(&self, menu: &[String], command: &str, argument: &str) -> bool;
}

/// Parses a script as the console of a device does: names that it does not have are errors.
///
/// What is not the language at all comes first, wherever it is, as it does there.
pub fn check(text: &[u8], tree: &dyn Tree) -> Result<Block, ScriptError> {
    let mut cursor = Cursor::new(text);
    cursor.tree = Some(tree);
    let block = parser::whole(&mut cursor, text)?;
    match cursor.unknown {
        Some(error) => Err(error),
        None => Ok(block),
    }
}
