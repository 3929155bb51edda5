//! Expressions in parentheses, and conditions of `find` and `where`.

use super::ast::{Expression, Operator};
use super::condition::{Condition, Relation};
use super::cursor::{Cursor, is_name};
use super::text::{Blanks, Parts, dollar, parenthesis, string, substitution};
use super::{Problem, ScriptError};

/// Operators and how tightly they bind, as a device has them, the longer spellings first.
const OPERATORS: [(&str, Operator, u8); 26] = [
    ("<%%", Operator::Apply, 13),
    ("->", Operator::Element, 14),
    ("!=", Operator::NotEqual, 5),
    ("<=", Operator::AtMost, 5),
    (">=", Operator::AtLeast, 5),
    ("<<", Operator::ShiftLeft, 7),
    (">>", Operator::ShiftRight, 7),
    ("||", Operator::Or, 2),
    ("&&", Operator::And, 3),
    ("or", Operator::Or, 2),
    ("and", Operator::And, 3),
    ("in", Operator::In, 4),
    ("=", Operator::Equal, 5),
    ("<", Operator::Less, 5),
    (">", Operator::Greater, 5),
    ("~", Operator::Matches, 5),
    (".", Operator::Join, 6),
    (",", Operator::Append, 1),
    ("|", Operator::BitOr, 8),
    ("^", Operator::BitXor, 9),
    ("&", Operator::BitAnd, 10),
    ("+", Operator::Plus, 11),
    ("-", Operator::Minus, 11),
    ("*", Operator::Times, 12),
    ("/", Operator::Over, 12),
    ("%", Operator::Modulo, 12),
];

/// How tightly values bind that stand beside each other.
const BESIDE: u8 = 4;

/// Parses an expression, up to what cannot belong to it.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    binary(cursor, 1)
}

fn binary(cursor: &mut Cursor<'_>, least: u8) -> Result<Expression, ScriptError> {
    let left = cursor.nested(unary)?;
    binary_from(cursor, left, least)
}

fn binary_from(
    cursor: &mut Cursor<'_>,
    mut left: Expression,
    least: u8,
) -> Result<Expression, ScriptError> {
    loop {
        cursor.spaces();
        let before = cursor.offset();
        let found = operator(cursor).or_else(|| {
            let starts = cursor.peek().is_some_and(starts_value);
            starts.then_some((Operator::Beside, BESIDE))
        });
        let Some((operator, strength)) = found.filter(|&(_, s)| s >= least) else {
            cursor.back_to(before);
            return Ok(left);
        };
        let is_right = matches!(
            operator,
            Operator::Apply | Operator::ShiftLeft | Operator::ShiftRight
        );
        let next = strength + u8::from(!is_right);
        let right = cursor.nested(|cursor| binary(cursor, next))?;
        left = Expression::Binary(operator, Box::new((left, right)));
    }
}

fn starts_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"\"([{$!".contains(&byte)
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
    let make = match cursor.peek() {
        Some(b'!') => Expression::Not,
        Some(b'-') => Expression::Negative,
        Some(b'~') => Expression::Inverse,
        Some(b'>') => Expression::Deferred,
        Some(b'a') if cursor.eat_word("any") => {
            let inner = cursor.nested(unary)?;
            return Ok(Expression::Any(Box::new(inner)));
        }
        Some(b'n') if cursor.eat_word("not") => {
            let inner = cursor.nested(unary)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        _ => return primary(cursor),
    };
    cursor.advance(1);
    Ok(make(Box::new(cursor.nested(unary)?)))
}

fn primary(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    match cursor.peek() {
        Some(b'"') => string(cursor),
        Some(b'(') => parenthesis(cursor),
        Some(b'[') => substitution(cursor),
        Some(b'{') => array(cursor),
        Some(b'$') => {
            cursor.advance(1);
            match dollar(cursor, Blanks::Skipped)? {
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
    // `*1A` is an id.
    let is_id = matches!(cursor.rest(), [b'*', digit, ..] if digit.is_ascii_hexdigit());
    let mut is_first = true;
    cursor.take_while(|byte| {
        let ends = is_number && byte == b'-';
        let is_star = std::mem::take(&mut is_first) && is_id;
        is_number &= byte.is_ascii_digit();
        !ends && (is_star || is_name(byte) || matches!(byte, b':' | b'/'))
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
                let value = cursor.nested(expression)?;
                elements.push(Expression::Array(vec![element, value]));
            } else {
                elements.push(cursor.nested(|cursor| binary_from(cursor, element, 1))?);
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
                match dollar(cursor, Blanks::End)? {
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
    Ok(match <[Condition<Expression>; 1]>::try_from(any) {
        Ok([only]) => only,
        Err(any) => Condition::Any(any.into_iter().map(alone).collect()),
    })
}

/// What stands alone in a list, so that parentheses do not pile up.
fn alone(condition: Condition<Expression>) -> Condition<Expression> {
    match condition {
        Condition::All(list) => match <[Condition<Expression>; 1]>::try_from(list) {
            Ok([only]) => only,
            Err(list) => Condition::All(list),
        },
        condition => condition,
    }
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
            return cursor.error(Problem::Syntax);
        }
        return Ok(alone(inner));
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
