//! Physical lines of an export joined into logical ones, and the pieces of a line.

use std::ops::Range;

/// Which bytes end a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`
    Lf,
    /// `\r\n`, which devices write.
    CrLf,
}

impl LineEnd {
    /// The bytes.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }

    /// What the first line of a text ends with.
    pub(super) fn of(text: &[u8]) -> Self {
        match text.iter().position(|&b| b == b'\n') {
            Some(at) if at > 0 && text.get(at - 1) == Some(&b'\r') => Self::CrLf,
            _ => Self::Lf,
        }
    }
}

/// A text whose continued lines are joined.
#[derive(Debug)]
pub(super) struct Joined {
    /// The lines, one after the other, without line ends.
    pub(super) text: Vec<u8>,
    /// Where each of them is.
    pub(super) lines: Vec<Range<usize>>,
    /// Some line that is not continued is longer than a wrapped one can be.
    pub(super) is_wide: bool,
    /// The last line has no end.
    pub(super) is_open: bool,
}

/// Joins continued lines. Line ends may differ from line to line.
pub(super) fn join(source: &[u8]) -> Joined {
    // Half of a line end that ends nothing is no line.
    let lines = source
        .iter()
        .rposition(|&b| b != b'\r')
        .map_or(0, |at| at + 1);
    let source = match source.get(..lines) {
        Some(whole) if whole.last().is_none_or(|&b| b == b'\n') => whole,
        _ => source,
    };
    let mut joined = Joined {
        text: Vec::with_capacity(source.len()),
        lines: Vec::with_capacity(source.len() / 64),
        is_wide: false,
        is_open: !source.is_empty() && source.last() != Some(&b'\n'),
    };
    let mut start = None;
    let mut rest = source;
    while !rest.is_empty() {
        let (line, after) = first_line(rest);
        rest = after;
        let part = match start {
            None => line,
            Some(_) => indented(line, &mut joined.text),
        };
        let from = *start.get_or_insert(joined.text.len());
        let is_comment = joined.text.get(from).or(part.first()) == Some(&b'#');
        match part.split_last() {
            // A pair of backslashes is one in a string.
            Some((b'\\', kept)) if !is_comment && !ends_in_odd(kept) && !rest.is_empty() => {
                joined.text.extend_from_slice(kept);
            }
            _ => {
                let is_whole = joined.text.len() == from;
                joined.is_wide |= is_whole && !is_comment && part.len() > super::wrap::ATOM_END;
                joined.text.extend_from_slice(part);
                joined.lines.push(from..joined.text.len());
                start = None;
            }
        }
    }
    joined
}

/// A line without its end, and what follows.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&b| b == b'\n');
    let (line, rest) = match at {
        Some(at) => (
            text.get(..at).unwrap_or_default(),
            text.get(at + 1..).unwrap_or_default(),
        ),
        None => (text, &[][..]),
    };
    let blank = line.iter().rev().take_while(|&&b| b == b'\r').count();
    (line.get(..line.len() - blank).unwrap_or_default(), rest)
}

fn ends_in_odd(text: &[u8]) -> bool {
    let backslashes = text.iter().rev().take_while(|&&b| b == b'\\').count();
    backslashes % 2 == 1
}

/// A continuation without its indentation; `\_` at its start is a blank, which goes to `text`.
fn indented<'l>(line: &'l [u8], text: &mut Vec<u8>) -> &'l [u8] {
    let line = line
        .strip_prefix(b"    ")
        .unwrap_or_else(|| line.trim_ascii_start());
    match line.strip_prefix(b"\\_") {
        Some(rest) => {
            text.push(b' ');
            rest
        }
        None => line,
    }
}

/// Splits a line at its blanks and after each `=`; strings in quotes stay whole.
pub(super) fn atoms(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let end = match rest.first()? {
            b' ' => 1,
            b'"' => string_end(rest),
            _ => word_end(rest),
        };
        let (atom, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(atom)
    })
}

/// How long the string is that the text starts with, its quotes included.
pub(super) fn string_end(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn word_end(text: &[u8]) -> usize {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'=' => return at + 1,
            b' ' | b'"' if at > 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// How long the value is that the text starts with: up to a blank that is in no string.
pub(super) fn value_end(text: &[u8]) -> usize {
    let mut at = match text.first() {
        Some(b'[') => bracket_end(text),
        _ => 0,
    };
    while let Some(&byte) = text.get(at) {
        match byte {
            b' ' => return at,
            b'"' => at += string_end(text.get(at..).unwrap_or_default()),
            _ => at += 1,
        }
    }
    text.len()
}

/// How long the `[ … ]` is that the text starts with.
fn bracket_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at += string_end(text.get(at..).unwrap_or_default());
                continue;
            }
            b'[' => depth += 1,
            b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}
