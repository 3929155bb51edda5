//! Text into tokens, each with its place.

use super::{Op, SelectorError};

/// A token and the bytes that it took.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Open,
    Close,
    /// A bare word or a quoted text.
    Word {
        text: String,
        quoted: bool,
    },
    /// `field op values`, where the operator follows the word without a blank.
    Term {
        field: String,
        op: Op,
        op_at: usize,
        values: Vec<Piece>,
    },
}

/// One value of a term.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) at: usize,
    pub(super) text: String,
    pub(super) quoted: bool,
}

const OPERATORS: &[(&str, Op)] = &[
    (".lt=", Op::Lt),
    (".le=", Op::Le),
    (".gt=", Op::Gt),
    (".ge=", Op::Ge),
    (".re=", Op::Regex),
    (".in=", Op::Eq),
    (".has=", Op::Eq),
    ("!=", Op::Ne),
    ("!~", Op::NotContains),
    ("^=", Op::Prefix),
    ("<=", Op::Le),
    (">=", Op::Ge),
    ("=", Op::Eq),
    ("~", Op::Contains),
    ("<", Op::Lt),
    (">", Op::Gt),
];

pub(super) fn error(text: &str, at: usize, len: usize, message: String) -> SelectorError {
    SelectorError {
        text: text.to_owned(),
        at: at.min(text.len()),
        len: len.max(1),
        message,
        hint: None,
    }
}

pub(super) fn lex(text: &str) -> Result<Vec<Token>, SelectorError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = rest(text, at).chars().next() {
        let start = at;
        let what = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '(' => {
                at += 1;
                What::Open
            }
            ')' => {
                at += 1;
                What::Close
            }
            '"' => {
                let piece = quoted(text, &mut at)?;
                What::Word {
                    text: piece.text,
                    quoted: true,
                }
            }
            _ => word_or_term(text, &mut at)?,
        };
        tokens.push(Token {
            at: start,
            end: at,
            what,
        });
    }
    Ok(tokens)
}

fn rest(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

fn word_or_term(text: &str, at: &mut usize) -> Result<What, SelectorError> {
    let start = *at;
    loop {
        let tail = rest(text, *at);
        if let Some((sign, op)) = OPERATORS.iter().find(|(sign, _)| tail.starts_with(sign)) {
            let op_at = *at;
            let field = text.get(start..op_at).unwrap_or_default().to_owned();
            if field.is_empty() {
                return Err(error(
                    text,
                    op_at,
                    sign.len(),
                    format!("`{sign}` needs a field before it"),
                ));
            }
            *at += sign.len();
            let values = values(text, at)?;
            return Ok(What::Term {
                field,
                op: *op,
                op_at,
                values,
            });
        }
        match tail.chars().next() {
            Some(c) if !c.is_whitespace() && !matches!(c, '(' | ')' | '"') => *at += c.len_utf8(),
            _ => break,
        }
    }
    Ok(What::Word {
        text: text.get(start..*at).unwrap_or_default().to_owned(),
        quoted: false,
    })
}

fn values(text: &str, at: &mut usize) -> Result<Vec<Piece>, SelectorError> {
    let mut values = Vec::new();
    loop {
        values.push(value(text, at)?);
        if !rest(text, *at).starts_with(',') {
            return Ok(values);
        }
        *at += 1;
    }
}

fn value(text: &str, at: &mut usize) -> Result<Piece, SelectorError> {
    if rest(text, *at).starts_with('"') {
        return quoted(text, at);
    }
    let start = *at;
    // A regular expression may hold parentheses; they belong to it while they pair up.
    let mut depth = 0_usize;
    for c in rest(text, start).chars() {
        match c {
            '(' => depth += 1,
            ')' | ',' if depth == 0 => break,
            ')' => depth -= 1,
            c if c.is_whitespace() => break,
            _ => {}
        }
        *at += c.len_utf8();
    }
    if *at == start {
        return Err(error(
            text,
            start,
            1,
            "a value is missing here; write `\"\"` for an empty one".to_owned(),
        ));
    }
    Ok(Piece {
        at: start,
        text: text.get(start..*at).unwrap_or_default().to_owned(),
        quoted: false,
    })
}

fn quoted(text: &str, at: &mut usize) -> Result<Piece, SelectorError> {
    let start = *at;
    let mut value = String::new();
    let mut escaped = false;
    for (offset, c) in rest(text, start + 1).char_indices() {
        match c {
            c if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                *at = start + 1 + offset + 1;
                return Ok(Piece {
                    at: start,
                    text: value,
                    quoted: true,
                });
            }
            c => value.push(c),
        }
    }
    Err(error(
        text,
        start,
        1,
        "this quote is never closed".to_owned(),
    ))
}
