//! Statements: from text to tree.

use super::ast::{Argument, Block, Command, Expression, Kind, Path, Scope, Statement};
use super::condition::Condition;
use super::cursor::{Cursor, is_name};
use super::expression::{array, conditions, value};
use super::words::{is_keyword, is_verb};
use super::{MAX_SCRIPT, Problem, ScriptError, known};

/// Parses a script.
///
/// ```
/// let script = routeros::script::parse(b"/ip address\nadd address=10.0.0.1/24 interface=ether1");
/// assert_eq!(script.unwrap().statements.len(), 2);
///
/// let error = routeros::script::parse(b"/ip address add comment=\"x").unwrap_err();
/// assert_eq!(error.to_string(), "expected closing quote (line 1 column 25)");
/// ```
pub fn parse(text: &[u8]) -> Result<Block, ScriptError> {
    whole(&mut Cursor::new(text), text)
}

pub(super) fn whole(cursor: &mut Cursor<'_>, text: &[u8]) -> Result<Block, ScriptError> {
    if text.len() > MAX_SCRIPT {
        return cursor.error(Problem::TooLong);
    }
    statements(cursor, None)
}

/// Parses statements up to a closing byte, or to the end. A menu that they go to is left again.
pub(super) fn statements(
    cursor: &mut Cursor<'_>,
    closing: Option<u8>,
) -> Result<Block, ScriptError> {
    let outer = (cursor.menu.clone(), cursor.command.take());
    let block = statements_here(cursor, closing);
    (cursor.menu, cursor.command) = outer;
    block
}

fn statements_here(cursor: &mut Cursor<'_>, closing: Option<u8>) -> Result<Block, ScriptError> {
    let mut statements = Vec::new();
    loop {
        cursor.spaces();
        match cursor.peek() {
            None if closing == Some(b']') => return cursor.error(Problem::ExpectedBracket),
            None if closing.is_some() => return cursor.error(Problem::ExpectedBrace),
            None => break,
            Some(b';') => cursor.advance(1),
            Some(b'#') => cursor.line(),
            byte if byte == closing => {
                cursor.advance(1);
                break;
            }
            Some(_) => {
                let position = cursor.position();
                let noted = cursor.unknown.len();
                let mut kind = cursor.nested(statement)?;
                if let Some(error) = cursor.blame(noted) {
                    kind = Kind::Wrong(Box::new(kind), error);
                }
                statements.push(Statement { position, kind });
                end(cursor, closing)?;
            }
        }
    }
    Ok(Block { statements })
}

fn end(cursor: &mut Cursor<'_>, closing: Option<u8>) -> Result<(), ScriptError> {
    cursor.blanks();
    match cursor.peek() {
        None | Some(b';' | b'\n' | b'\r') => Ok(()),
        byte if byte == closing => Ok(()),
        Some(_) if closing == Some(b']') => cursor.error(Problem::Syntax),
        Some(_) => cursor.error(Problem::ExpectedEnd),
    }
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Kind, ScriptError> {
    match cursor.peek() {
        Some(b'{') => block(cursor).map(Kind::Block),
        Some(b':') => {
            cursor.advance(1);
            let start = cursor.offset();
            let name = cursor.name();
            if name.is_empty() {
                cursor.back_to(start);
                return cursor.error(Problem::ExpectedCommand);
            }
            known::check_keyword(cursor, &name, start);
            keyword(cursor, name)
        }
        Some(b'/') if cursor.tree.is_some() => known::command(cursor),
        Some(b'/') => command(cursor),
        // What is worked out is called.
        Some(b'[' | b'(') => {
            let function = value(cursor)?;
            let (mut rest, _) = arguments(cursor, "$")?;
            rest.insert(0, Argument::Positional(function));
            Ok(Kind::Builtin {
                name: "$".to_owned(),
                arguments: rest,
            })
        }
        // A function is called.
        Some(b'$') => {
            let ends = |byte: u8| byte.is_ascii_whitespace() || b";]})".contains(&byte);
            let name = cursor.take_while(|byte| !ends(byte));
            let name = crate::text::lossy(&name).into_owned();
            let arguments = arguments(cursor, &name)?.0;
            Ok(Kind::Builtin { name, arguments })
        }
        Some(byte) if is_name(byte) => {
            let start = cursor.offset();
            let name = cursor.name();
            if known::is_command(cursor, &name) {
                cursor.back_to(start);
                return known::command(cursor);
            }
            if is_keyword(&name) && cursor.peek() != Some(b'=') && cursor.peek() != Some(b'/') {
                return keyword(cursor, name);
            }
            cursor.back_to(start);
            match cursor.tree {
                Some(_) => known::command(cursor),
                None => command(cursor),
            }
        }
        _ => cursor.error(Problem::ExpectedCommand),
    }
}

/// Parses `{ … }` as statements.
pub(super) fn block(cursor: &mut Cursor<'_>) -> Result<Block, ScriptError> {
    cursor.spaces();
    if !cursor.eat(b'{') {
        return cursor.error(Problem::Syntax);
    }
    cursor.nested(|cursor| statements(cursor, Some(b'}')))
}

pub(super) fn keyword(cursor: &mut Cursor<'_>, name: String) -> Result<Kind, ScriptError> {
    cursor.blanks();
    match name.as_str() {
        "do" => parse_do(cursor),
        "if" => {
            let condition = value(cursor)?;
            let then = required_block(cursor, "do")?;
            let otherwise = optional_block(cursor, "else")?;
            Ok(Kind::If {
                condition,
                then,
                otherwise,
            })
        }
        "while" => Ok(Kind::While {
            condition: value(cursor)?,
            body: required_block(cursor, "do")?,
        }),
        "foreach" => {
            let name = cursor.name();
            let values = required(cursor, "in")?;
            let body = required_block(cursor, "do")?;
            Ok(Kind::Foreach { name, values, body })
        }
        "for" => {
            let name = cursor.name();
            let from = required(cursor, "from")?;
            let to = required(cursor, "to")?;
            let step = named(cursor, "step").then(|| value(cursor)).transpose()?;
            let body = required_block(cursor, "do")?;
            Ok(Kind::For {
                name,
                from,
                to,
                step,
                body,
            })
        }
        "local" => assign(cursor, Scope::Local),
        "global" => assign(cursor, Scope::Global),
        "set" => assign(cursor, Scope::Existing),
        _ => {
            let arguments = arguments(cursor, &name)?.0;
            Ok(Kind::Builtin { name, arguments })
        }
    }
}

fn parse_do(cursor: &mut Cursor<'_>) -> Result<Kind, ScriptError> {
    // `do={ … }` is another spelling of the first argument.
    if !named(cursor, "command") {
        cursor.eat(b'=');
    }
    let body = block(cursor)?;
    let again = named(cursor, "while").then(|| value(cursor)).transpose()?;
    let on_error = optional_block(cursor, "on-error")?;
    Ok(Kind::Do {
        body,
        on_error,
        again,
    })
}

fn assign(cursor: &mut Cursor<'_>, scope: Scope) -> Result<Kind, ScriptError> {
    if cursor.peek() == Some(b'(') {
        let arguments = arguments(cursor, "set")?.0;
        let name = "set".to_owned();
        return Ok(Kind::Builtin { name, arguments });
    }
    // Some write `:set $name`, which devices take.
    cursor.eat(b'$');
    let name = if cursor.eat(b'"') {
        let name = cursor.take_while(|b| b != b'"' && b != b'\n');
        cursor.eat(b'"');
        crate::text::lossy(&name).into_owned()
    } else {
        cursor.name()
    };
    if name.is_empty() {
        return cursor.error(Problem::Syntax);
    }
    if !cursor.is_end() && !matches!(cursor.peek(), Some(b' ' | b'\t' | b'\r')) {
        return cursor.error(Problem::ExpectedEnd);
    }
    cursor.blanks();
    let value = match cursor.peek() {
        _ if cursor.is_end() => None,
        Some(b'{') => Some(array(cursor)?),
        // A function.
        Some(b'd') if named(cursor, "do") => Some(source(cursor)?),
        _ => Some(value(cursor)?),
    };
    Ok(Kind::Assign { scope, name, value })
}

/// Eats `name=`, if that is next.
fn named(cursor: &mut Cursor<'_>, name: &str) -> bool {
    let before = cursor.offset();
    cursor.blanks();
    if cursor.name() == name && cursor.eat(b'=') {
        return true;
    }
    cursor.back_to(before);
    false
}

fn required(cursor: &mut Cursor<'_>, name: &str) -> Result<Expression, ScriptError> {
    if !named(cursor, name) {
        return cursor.error(Problem::MissingArgument(name.to_owned()));
    }
    if cursor.peek() == Some(b'{') {
        return array(cursor);
    }
    value(cursor)
}

fn required_block(cursor: &mut Cursor<'_>, name: &str) -> Result<Block, ScriptError> {
    match optional_block(cursor, name)? {
        Some(block) => Ok(block),
        None => cursor.error(Problem::MissingArgument(name.to_owned())),
    }
}

fn optional_block(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Block>, ScriptError> {
    named(cursor, name).then(|| block(cursor)).transpose()
}

fn command(cursor: &mut Cursor<'_>) -> Result<Kind, ScriptError> {
    let is_absolute = cursor.eat(b'/');
    let mut words = Vec::new();
    let mut verb = None;
    while verb.is_none() {
        cursor.blanks();
        let start = cursor.offset();
        let word = cursor.name();
        if word.is_empty() || cursor.peek() == Some(b'=') {
            cursor.back_to(start);
            break;
        }
        if is_verb(&words, &word) && cursor.peek() != Some(b'/') {
            verb = Some(word);
        } else {
            words.push(word);
            cursor.eat(b'/');
        }
    }
    if verb.is_none() && !cursor.is_end() && cursor.peek() != Some(b'{') {
        verb = words.pop();
        if verb.is_none() {
            return cursor.error(Problem::ExpectedCommand);
        }
    }
    let path = Path { is_absolute, words };
    match verb {
        Some(verb) => {
            let (arguments, filter) = arguments(cursor, &verb)?;
            Ok(Kind::Command(Command {
                path,
                verb,
                arguments,
                filter,
            }))
        }
        None if cursor.peek() == Some(b'{') => Ok(Kind::Within(path, block(cursor)?)),
        None => Ok(Kind::Menu(path)),
    }
}

type Arguments = (Vec<Argument>, Option<Condition<Expression>>);

pub(super) fn arguments(cursor: &mut Cursor<'_>, verb: &str) -> Result<Arguments, ScriptError> {
    let mut arguments = Vec::new();
    let mut prefix = String::new();
    loop {
        cursor.blanks();
        if verb == "find" || cursor.eat_word("where") {
            cursor.blanks();
            let _is_explicit = cursor.eat_word("where");
            return Ok((arguments, Some(conditions(cursor)?)));
        }
        if cursor.is_end() {
            return Ok((arguments, None));
        }
        arguments.push(cursor.nested(|cursor| argument(cursor, &mut prefix))?);
        cursor.is_first_argument = false;
    }
}

fn argument(cursor: &mut Cursor<'_>, prefix: &mut String) -> Result<Argument, ScriptError> {
    let start = cursor.offset();
    let is_unset = cursor.eat(b'!');
    // Some names have a slash, as `basic-rates-a/g`.
    let name = cursor.take_while(|byte| is_name(byte) || byte == b'/');
    let name = full_name(name.into_iter().map(char::from).collect(), prefix);
    if is_unset && !name.is_empty() && (cursor.is_end() || cursor.peek() == Some(b' ')) {
        return Ok(Argument::Unset(name));
    }
    if !is_unset && !name.is_empty() && cursor.peek() == Some(b'=') {
        known::check_argument(cursor, &name, start);
        cursor.advance(1);
        if let Some((group, _)) = name.rsplit_once('.') {
            group.clone_into(prefix);
        }
        let first = cursor.peek();
        let start = cursor.offset();
        let value = match first {
            Some(b'{') => either(cursor, source, array)?,
            _ => value(cursor)?,
        };
        known::check_value(cursor, &name, &value, start)?;
        return Ok(Argument::Named(name, value));
    }
    cursor.back_to(start);
    let before = cursor.offset();
    let value = match cursor.peek() {
        Some(b'{') => either(cursor, array, source)?,
        _ => value(cursor)?,
    };
    if cursor.offset() == before {
        return cursor.error(Problem::Syntax);
    }
    Ok(Argument::Positional(value))
}

/// Expands `.mode` after `configuration.country`, as exports shorten it since 7.15.
fn full_name(name: String, prefix: &str) -> String {
    if name.starts_with('.') && !prefix.is_empty() {
        return format!("{prefix}{name}");
    }
    name
}

type Parser = fn(&mut Cursor<'_>) -> Result<Expression, ScriptError>;

/// Parses `{ … }` as the one, or else as the other.
fn either(cursor: &mut Cursor<'_>, one: Parser, other: Parser) -> Result<Expression, ScriptError> {
    let start = cursor.offset();
    let (noted, blamed) = (cursor.unknown.len(), cursor.blamed);
    one(cursor).or_else(|error| {
        if !cursor.retry_from(start) {
            return Err(error);
        }
        let tried = cursor.unknown.split_off(noted.min(cursor.unknown.len()));
        cursor.blamed = blamed;
        other(cursor).map_err(|_| {
            cursor.unknown.truncate(noted);
            cursor.unknown.extend(tried);
            error
        })
    })
}

/// Takes `{ … }` as text, after checking that it is statements.
fn source(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    let start = cursor.offset() + 1;
    block(cursor)?;
    let end = cursor.offset().saturating_sub(1);
    Ok(Expression::Source(cursor.slice(start, end).to_vec()))
}
