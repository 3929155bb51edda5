//! A place in a script's bytes that moves forward, past continued lines.

use std::cell::Cell;

use super::ast::Position;
use super::tree::Tree;
use super::{MAX_DEPTH, Problem, ScriptError};

#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    mark: Cell<Mark>,
    /// The commands that there are, if that is known.
    pub(super) tree: Option<&'a dyn Tree>,
    /// The menu that commands are looked up in, if there is a tree.
    pub(super) menu: Vec<String>,
    /// The command whose arguments are parsed, if there is a tree.
    pub(super) command: Option<String>,
    /// None of its arguments was parsed.
    pub(super) is_first_argument: bool,
    /// How many bytes may be parsed again as something else.
    patience: usize,
    /// Names that do not exist.
    pub(super) unknown: Vec<ScriptError>,
    /// How many of them belong to statements that are parsed already.
    pub(super) blamed: usize,
    /// A statement with such a name is one that fails, and no more.
    pub(super) is_lenient: bool,
}

/// A place whose line is known.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    offset: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
            mark: Cell::default(),
            tree: None,
            menu: Vec::new(),
            command: None,
            is_first_argument: false,
            patience: bytes.len().saturating_mul(4),
            unknown: Vec::new(),
            blamed: 0,
            is_lenient: false,
        }
    }

    /// Goes back to parse something again as something else, unless that was done too often.
    pub(super) fn retry_from(&mut self, offset: usize) -> bool {
        let again = self.at.saturating_sub(offset).max(1);
        self.at = offset;
        match self.patience.checked_sub(again) {
            Some(left) => {
                self.patience = left;
                true
            }
            None => false,
        }
    }

    /// Notes a name that does not exist.
    pub(super) fn note(&mut self, problem: Problem, position: Position) {
        self.unknown.push(ScriptError::new(problem, position));
    }

    /// Returns the first of the names noted since there were so many that no statement within has
    /// taken upon itself.
    pub(super) fn blame(&mut self, since: usize) -> Option<ScriptError> {
        let first = self.unknown.get(since.max(self.blamed)).cloned();
        self.blamed = self.unknown.len();
        first.filter(|_| self.is_lenient)
    }

    /// The next byte. A backslash at the end of a line, and the blanks after it, do not exist.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.skip_continuations();
        self.bytes.get(self.at).copied()
    }

    fn skip_continuations(&mut self) {
        while self.bytes.get(self.at) == Some(&b'\\') {
            let after = self.bytes.get(self.at + 1..).unwrap_or_default();
            let width = match after {
                [b'\n', ..] => 2,
                [b'\r', b'\n', ..] => 3,
                _ => return,
            };
            self.at += width;
            while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
                self.at += 1;
            }
        }
    }

    /// The bytes from here on, as they are.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn back_to(&mut self, offset: usize) {
        self.at = offset;
    }

    pub(super) fn advance(&mut self, width: usize) {
        self.at = self.bytes.len().min(self.at + width);
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.at += 1;
        }
        is_there
    }

    /// Eats a text of symbols.
    pub(super) fn eat_all(&mut self, text: &[u8]) -> bool {
        self.skip_continuations();
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    /// Eats a word, if it is a whole one.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.skip_continuations();
        let Some(after) = self.rest().strip_prefix(word.as_bytes()) else {
            return false;
        };
        let is_whole = !after.first().is_some_and(|&b| is_name(b) || b == b'=');
        if is_whole {
            self.at += word.len();
        }
        is_whole
    }

    /// Skips blanks within a line.
    pub(super) fn blanks(&mut self) {
        while let Some(byte) = self.peek() {
            let is_line_end = byte == b'\r' && self.rest().get(1) == Some(&b'\n');
            if !matches!(byte, b' ' | b'\t' | b'\r') || is_line_end {
                return;
            }
            self.at += 1;
        }
    }

    /// Skips blanks and ends of lines.
    pub(super) fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Skips to the end of the line.
    pub(super) fn line(&mut self) {
        let rest = self.rest();
        let width = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        self.at += width;
    }

    /// Whether a command ends here.
    pub(super) fn is_end(&mut self) -> bool {
        match self.peek() {
            None | Some(b';' | b'\n' | b']' | b'}' | b')') => true,
            Some(b'\r') => self.rest().get(1) == Some(&b'\n'),
            Some(_) => false,
        }
    }

    /// Takes the bytes that pass, which may lie on continued lines.
    pub(super) fn take_while(&mut self, mut passes: impl FnMut(u8) -> bool) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some(byte) = self.peek().filter(|&b| passes(b)) {
            taken.push(byte);
            self.at += 1;
        }
        taken
    }

    /// Takes the name of a menu, verb, property or keyword.
    pub(super) fn name(&mut self) -> String {
        let name = self.take_while(is_name);
        name.into_iter().map(char::from).collect()
    }

    pub(super) fn position(&self) -> Position {
        self.position_of(self.at)
    }

    pub(super) fn position_of(&self, offset: usize) -> Position {
        // Positions are asked for nearly in order; counting from the last one keeps that linear.
        let mut mark = self.mark.get();
        if mark.offset > offset {
            mark = Mark::default();
        }
        for (at, &byte) in self.bytes.iter().enumerate().take(offset).skip(mark.offset) {
            if byte == b'\n' {
                mark.line += 1;
                mark.line_start = at + 1;
            }
        }
        mark.offset = offset;
        self.mark.set(mark);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            offset,
            line: count(mark.line + 1),
            column: count(offset - mark.line_start + 1),
        }
    }

    pub(super) fn error<T>(&self, problem: Problem) -> Result<T, ScriptError> {
        Err(ScriptError::new(problem, self.position()))
    }

    /// Parses something nested, unless that is too deep.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ScriptError>,
    ) -> Result<T, ScriptError> {
        if self.depth >= MAX_DEPTH {
            return self.error(Problem::TooDeep);
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}
