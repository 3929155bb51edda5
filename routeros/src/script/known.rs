//! Commands, where the command tree is known.

use super::ast::{Command, Expression, Kind, Path};
use super::cursor::Cursor;
use super::parser::{arguments, block, keyword};
use super::tree::Child;
use super::words::{is_action, is_keyword};
use super::{Problem, ScriptError};

/// Whether a bare word is something of the present menu, rather than of the language.
pub(super) fn is_command(cursor: &Cursor<'_>, word: &str) -> bool {
    let is_word_of_language = cursor.menu.is_empty() && (is_keyword(word) || word == "set");
    let child = cursor.tree.and_then(|tree| tree.child(&cursor.menu, word));
    child.is_some() && !is_word_of_language
}

/// Notes a `:word` that does not exist.
pub(super) fn check_keyword(cursor: &mut Cursor<'_>, word: &str, start: usize) {
    let Some(tree) = cursor.tree else {
        return;
    };
    if tree.child(&[], word).is_none() {
        let position = cursor.position_of(start);
        cursor.note(Problem::BadCommand(word.to_owned()), position);
    }
}

/// Notes an argument that the command does not have. A console takes the first word of all for a
/// value without a name, and so for wrong only at the `=` after it.
pub(super) fn check_argument(cursor: &mut Cursor<'_>, name: &str, start: usize) {
    let (Some(tree), Some(command)) = (cursor.tree, cursor.command.as_deref()) else {
        return;
    };
    if !tree.takes(&cursor.menu, command, name) {
        let is_first = cursor.is_first_argument;
        let at = if is_first { cursor.offset() } else { start };
        let position = cursor.position_of(at);
        cursor.note(Problem::BadParameter(name.to_owned()), position);
    }
}

/// Refuses a value that an argument cannot have, where a console knows all that it can have.
pub(super) fn check_value(
    cursor: &Cursor<'_>,
    name: &str,
    value: &Expression,
    start: usize,
) -> Result<(), ScriptError> {
    let (Some(tree), Some(command)) = (cursor.tree, cursor.command.as_deref()) else {
        return Ok(());
    };
    match value {
        Expression::Text(text) if !tree.fits(&cursor.menu, command, name, text) => {
            let position = cursor.position_of(start);
            Err(ScriptError::new(Problem::Syntax, position))
        }
        _ => Ok(()),
    }
}

/// Parses a command or the way to a menu.
pub(super) fn command(cursor: &mut Cursor<'_>) -> Result<Kind, ScriptError> {
    let is_absolute = cursor.eat(b'/');
    let mut menu = if is_absolute {
        Vec::new()
    } else {
        cursor.menu.clone()
    };
    let mut words = Vec::new();
    let verb = loop {
        cursor.blanks();
        let start = cursor.offset();
        if cursor.eat_all(b"..") {
            menu.pop();
            words.push("..".to_owned());
            cursor.eat(b'/');
            continue;
        }
        let word = cursor.name();
        if word.is_empty() {
            break None;
        }
        match cursor.tree.and_then(|tree| tree.child(&menu, &word)) {
            Some(Child::Menu(name)) => {
                menu.push(name.clone());
                words.push(name);
                cursor.eat(b'/');
            }
            Some(Child::Command(name)) if menu.is_empty() && !is_action(&name) => {
                return keyword(cursor, name);
            }
            Some(Child::Command(name)) => break Some(name),
            None if menu.is_empty() && !is_absolute && is_keyword(&word) => {
                return keyword(cursor, word);
            }
            None => return unknown(cursor, Path { is_absolute, words }, word, start),
        }
    };
    let path = Path { is_absolute, words };
    let Some(verb) = verb else {
        return go(cursor, path, menu);
    };
    let outer = std::mem::replace(&mut cursor.menu, menu);
    cursor.command = Some(verb.clone());
    cursor.is_first_argument = true;
    let parsed = arguments(cursor, &verb);
    cursor.command = None;
    cursor.menu = outer;
    let (arguments, filter) = parsed?;
    Ok(Kind::Command(Command {
        path,
        verb,
        arguments,
        filter,
    }))
}

/// Goes to a menu, for a block or for what follows.
fn go(cursor: &mut Cursor<'_>, path: Path, menu: Vec<String>) -> Result<Kind, ScriptError> {
    if cursor.peek() == Some(b'{') {
        let outer = std::mem::replace(&mut cursor.menu, menu);
        let body = block(cursor);
        cursor.menu = outer;
        return Ok(Kind::Within(path, body?));
    }
    if !cursor.is_end() {
        return cursor.error(Problem::Syntax);
    }
    cursor.menu = menu;
    Ok(Kind::Menu(path))
}

/// Takes a word that does not exist for a command, and what follows for its arguments.
fn unknown(
    cursor: &mut Cursor<'_>,
    path: Path,
    word: String,
    start: usize,
) -> Result<Kind, ScriptError> {
    let is_apart = cursor.is_end() || matches!(cursor.peek(), Some(b' ' | b'\t' | b'\r' | b'{'));
    if !is_apart {
        return cursor.error(Problem::Syntax);
    }
    let position = cursor.position_of(start);
    cursor.note(Problem::BadCommand(word.clone()), position);
    let (arguments, filter) = arguments(cursor, "")?;
    Ok(Kind::Command(Command {
        path,
        verb: word,
        arguments,
        filter,
    }))
}
