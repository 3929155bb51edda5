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

    /// Whether an argument can have a value, as far as that is a matter of language: one of a few
    /// words, which the console knows by heart. All else is looked at when the command is run.
    fn fits(&self, _menu: &[String], _command: &str, _argument: &str, _value: &[u8]) -> bool {
        true
    }
}

/// Parses a script as the console of a device does: names that it does not have are errors.
///
/// What is not the language at all comes first, wherever it is, as it does there.
pub fn check(text: &[u8], tree: &dyn Tree) -> Result<Block, ScriptError> {
    let mut cursor = Cursor::new(text);
    cursor.tree = Some(tree);
    let block = parser::whole(&mut cursor, text)?;
    match cursor.unknown.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(block),
    }
}

/// Parses a script as [`check`] does, but takes names that the device does not have for errors of
/// their own statements: what stands before them is run, and so is all if it never comes to them.
pub fn understand(text: &[u8], tree: &dyn Tree) -> Result<Block, ScriptError> {
    let mut cursor = Cursor::new(text);
    cursor.tree = Some(tree);
    cursor.is_lenient = true;
    parser::whole(&mut cursor, text)
}
