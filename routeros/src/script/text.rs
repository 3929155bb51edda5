//! Quoted strings, with the variables and commands inside them.

use super::ast::Expression;
use super::cursor::Cursor;
use super::expression::expression;
use super::parser::statements;
use super::{Problem, ScriptError};
use crate::quote;

/// Parses a string, from its opening quote on.
pub(super) fn string(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    let start = cursor.position();
    cursor.advance(1);
    let mut parts = Parts::default();
    loop {
        match cursor.next() {
            None => return Err(ScriptError::new(Problem::ExpectedQuote, start)),
            Some(b'"') => return Ok(parts.finish()),
            Some(b'\\') => match quote::unescape(cursor.rest()) {
                Some((byte, width)) => {
                    cursor.advance(width);
                    parts.text.push(byte);
                }
                None => return cursor.error(Problem::Syntax),
            },
            Some(b'$') => match dollar(cursor, Blanks::End)? {
                Some(part) => parts.push(part),
                None => parts.text.push(b'$'),
            },
            Some(byte) => parts.text.push(byte),
        }
    }
}

/// What a blank after a `$` means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blanks {
    /// That there is no name.
    End,
    /// Nothing.
    Skipped,
}

/// Parses what follows a `$`; nothing if that is no name.
pub(super) fn dollar(
    cursor: &mut Cursor<'_>,
    blanks: Blanks,
) -> Result<Option<Expression>, ScriptError> {
    match cursor.peek() {
        Some(b'[') => substitution(cursor).map(Some),
        Some(b'(') => parenthesis(cursor).map(Some),
        Some(b'"') => {
            cursor.advance(1);
            let name = cursor.take_while(|b| b != b'"' && b != b'\n');
            if !cursor.eat(b'"') {
                return cursor.error(Problem::ExpectedQuote);
            }
            let name = crate::text::lossy(&name).into_owned();
            Ok(Some(Expression::Variable(name)))
        }
        // In an expression there may be blanks between.
        Some(b' ') if blanks == Blanks::Skipped => {
            cursor.blanks();
            dollar(cursor, Blanks::End)
        }
        _ => {
            let name = cursor.take_while(|b| b.is_ascii_alphanumeric());
            let name: String = name.into_iter().map(char::from).collect();
            Ok((!name.is_empty()).then_some(Expression::Variable(name)))
        }
    }
}

/// Parses `[ … ]`.
pub(super) fn substitution(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    cursor.advance(1);
    let block = cursor.nested(|cursor| statements(cursor, Some(b']')))?;
    Ok(Expression::Substitution(block))
}

/// Parses `( … )`.
pub(super) fn parenthesis(cursor: &mut Cursor<'_>) -> Result<Expression, ScriptError> {
    cursor.advance(1);
    let inner = cursor.nested(expression)?;
    cursor.spaces();
    if !cursor.eat(b')') {
        return cursor.error(Problem::Syntax);
    }
    Ok(inner)
}

/// Pieces of a text, as they come.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) text: Vec<u8>,
    parts: Vec<Expression>,
}

impl Parts {
    pub(super) fn push(&mut self, part: Expression) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.parts.push(Expression::Text(text));
        }
        self.parts.push(part);
    }

    pub(super) fn finish(mut self) -> Expression {
        if self.parts.is_empty() {
            return Expression::Text(self.text);
        }
        if !self.text.is_empty() {
            self.parts.push(Expression::Text(self.text));
        }
        Expression::Concatenation(self.parts)
    }
}
