//! Expressions in parentheses, and conditions of `find` and `where`.

use super::ast::{Expression, Operator};
use super::condition::{Condition, Relation};
use super::cursor::{Cursor, is_name};
use super::text::{Parts, dollar, parenthesis, string, substitution};
use super::{Problem, ScriptError};

/// Operators and how tightly they bind, the longer spellings first.
const OPERATORS: [(&str, Operator, u8); 20] = [
    ("->", Operator::Element, 7),
    ("!=", Operator::NotEqual, 3),
    ("<=", Operator::AtMost, 3),
    (">=", Operator::AtLeast, 3),
    ("||", Operator::Or, 1),
    ("&&", Operator::And, 2),
    ("or", Operator::Or, 1),
    ("and", Operator::And, 2),
    ("in", Operator::In, 3),
    ("=", Operator::Equal, 3),
    ("<", Operator::Less, 3),
    (">", Operator::Greater, 3),
    ("~", Operator::Matches, 3),
    (".", Operator::Join, 4),
    (",", Operator::Append, 4),
    ("+", Operator::Plus, 5),
    ("-", Operator::Minus, 5),
    ("*", Operator::Times, 6),
    ("/", Operator::Over, 6),
    ("%", Operator::Modulo, 6),
];

/// Parses an expression, up to what cannot belong to it.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    binary(cursor, 1)
}

fn binary(cursor: &mut Cursor<'_>, least: u8) -> Result<Expression, ScriptError> {
    let mut left = cursor.nested(unary)?;
    loop {
        cursor.spaces();
        let before = cursor.offset();
        let Some((operator, strength)) = operator(cursor).filter(|&(_, s)| s >= least) else {
            cursor.back_to(before);
            return Ok(left);
        };
        let right = cursor.nested(|cursor| binary(cursor, strength + 1))?;
        left = Expression::Binary(operator, Box::new((left, right)));
    }
}

fn operator(cursor: &mut Cursor<'_>) -> Option<(Operator, u8)> {
    let found = OPERATORS.iter().find(|(text, ..)| {
        if text.bytes().all(is_letter) {
            cursor.eat_word(text)
        } else {
            cursor.eat_all(text.as_bytes())
        }
    });
    found.map(|&(_, operator, strength)| (operator, strength))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

fn unary(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    cursor.spaces();
    if cursor.eat(b'!') || cursor.eat_word("not") {
        return Ok(Expression::Not(Box::new(cursor.nested(unary)?)));
    }
    if cursor.eat(b'-') {
        return Ok(Expression::Negative(Box::new(cursor.nested(unary)?)));
    }
    primary(cursor)
}

fn primary(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    match cursor.peek() {
        Some(b'"') => string(cursor),
        Some(b'(') => parenthesis(cursor),
        Some(b'[') => substitution(cursor),
        Some(b'{') => array(cursor),
        Some(b'$') => {
            cursor.advance(1);
            match dollar(cursor)? {
                Some(variable) => Ok(variable),
                None => cursor.error(Problem::Syntax),
            }
        }
        _ => {
            let text = bare(cursor);
            if text.is_empty() {
                return cursor.error(Problem::Syntax);
            }
            Ok(Expression::Text(text))
        }
    }
}

/// Takes a bare word. Numbers end before an operator, so that `2-1` is one, but `10/8` is a prefix.
fn bare(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let mut is_number = true;
    cursor.take_while(|byte| {
        let ends = is_number && byte == b'-';
        is_number &= byte.is_ascii_digit();
        !ends && (is_name(byte) || matches!(byte, b':' | b'/' | b'@' | b'*'))
    })
}

/// Parses `{1;2}` or `{a=1;b=2}`.
pub(super) fn array(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    cursor.advance(1);
    cursor.nested(|cursor| {
        let mut elements = Vec::new();
        loop {
            cursor.spaces();
            if cursor.eat(b'}') {
                return Ok(Expression::Array(elements));
            }
            if cursor.eat(b';') {
                continue;
            }
            if cursor.peek().is_none() {
                return cursor.error(Problem::ExpectedBrace);
            }
            let element = cursor.nested(unary)?;
            if cursor.eat(b'=') {
                let value = cursor.nested(unary)?;
                elements.push(Expression::Array(vec![element, value]));
            } else {
                elements.push(element);
            }
        }
    })
}

/// Parses the value of an argument, which may be empty.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    let mut parts = Parts::default();
    let mut only = None;
    let mut count = 0_usize;
    loop {
        let part = match cursor.peek() {
            Some(b'"') => string(cursor)?,
            Some(b'[') => substitution(cursor)?,
            Some(b'(') => parenthesis(cursor)?,
            Some(b'$') => {
                cursor.advance(1);
                match dollar(cursor)? {
                    Some(variable) => variable,
                    None => return cursor.error(Problem::Syntax),
                }
            }
            Some(byte) if is_bare(byte) => Expression::Text(cursor.take_while(is_bare)),
            _ => break,
        };
        count += 1;
        if count == 1 {
            only = Some(part);
            continue;
        }
        only.take().into_iter().for_each(|first| parts.push(first));
        parts.push(part);
    }
    Ok(only.unwrap_or_else(|| parts.finish()))
}

fn is_bare(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b";\"$[](){}\\".contains(&byte)
}

/// Parses the conditions after `find` or `where`, up to the end of the command.
pub(super) fn conditions(cursor: &mut Cursor<'_>) -> Result<Condition<Expression>, ScriptError> {
    let mut any = vec![all(cursor)?];
    loop {
        cursor.blanks();
        if !cursor.eat_all(b"||") && !cursor.eat_word("or") {
            break;
        }
        any.push(all(cursor)?);
    }
    let first = any.pop().filter(|_| any.is_empty());
    Ok(first.unwrap_or(Condition::Any(any)))
}

fn all(cursor: &mut Cursor<'_>) -> Result<Condition<Expression>, ScriptError> {
    let mut list = Vec::new();
    loop {
        cursor.blanks();
        let before = cursor.offset();
        if cursor.is_end() || cursor.eat_all(b"||") || cursor.eat_word("or") {
            cursor.back_to(before);
            return Ok(Condition::All(list));
        }
        if cursor.eat_all(b"&&") || cursor.eat_word("and") {
            continue;
        }
        list.push(cursor.nested(condition)?);
    }
}

fn condition(cursor: &mut Cursor<'_>) -> Result<Condition<Expression>, ScriptError> {
    cursor.blanks();
    if cursor.eat(b'!') || cursor.eat_word("not") {
        let inner = cursor.nested(condition)?;
        return Ok(Condition::Not(Box::new(inner)));
    }
    if cursor.eat(b'(') {
        let inner = cursor.nested(conditions)?;
        cursor.spaces();
        if !cursor.eat(b')') {
            return cursor.error(Problem::ExpectedParenthesis);
        }
        return Ok(inner);
    }
    let property = cursor.name();
    if property.is_empty() {
        return cursor.error(Problem::Syntax);
    }
    let before = cursor.offset();
    cursor.blanks();
    let Some(relation) = relation(cursor) else {
        cursor.back_to(before);
        return Ok(Condition::Is(property));
    };
    if relation != Relation::Equal {
        cursor.blanks();
    }
    Ok(Condition::Compare(property, relation, value(cursor)?))
}

fn relation(cursor: &mut Cursor<'_>) -> Option<Relation> {
    let symbols: [(&[u8], Relation); 7] = [
        (b"!=", Relation::NotEqual),
        (b"<=", Relation::AtMost),
        (b">=", Relation::AtLeast),
        (b"=", Relation::Equal),
        (b"<", Relation::Less),
        (b">", Relation::Greater),
        (b"~", Relation::Matches),
    ];
    if cursor.eat_word("in") {
        return Some(Relation::In);
    }
    let found = symbols.iter().find(|(text, _)| cursor.eat_all(text));
    found.map(|&(_, relation)| relation)
}
