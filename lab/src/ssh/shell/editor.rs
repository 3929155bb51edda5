//! The line being typed: a cursor, a past, and what keys do to them.

use crate::text;

/// A longer line cannot be typed.
const LINE: usize = 4096;

/// Lines that can be called back.
const PAST: usize = 100;

/// What a byte did to the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Nothing,
    Echo(String),
    Line(String),
    Redraw,
    /// The word before the cursor is to be completed.
    Complete,
    /// What can be typed is to be explained.
    Help,
    SafeMode,
    Leave,
}

/// The line being typed.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Vec<u8>,
    /// How many bytes are before the cursor.
    cursor: usize,
    escape: Option<Vec<u8>>,
    was_return: bool,
    past: Vec<Vec<u8>>,
    at: usize,
}

impl Editor {
    /// Returns the line and how far the cursor is from its end.
    pub(super) fn shown(&self) -> String {
        let back = "\x08".repeat(self.width_after());
        text::decode(&self.line) + &back
    }

    /// Says whether a sequence of a key has begun.
    pub(super) fn is_escaping(&self) -> bool {
        self.escape.is_some()
    }

    /// Says whether nothing stands behind the cursor.
    pub(super) fn is_at_end(&self) -> bool {
        self.cursor == self.line.len()
    }

    /// Returns what stands before the cursor.
    pub(super) fn before(&self) -> String {
        text::decode(self.line.get(..self.cursor).unwrap_or_default())
    }

    /// Replaces as many bytes before the cursor by a text; returns what is to be drawn.
    pub(super) fn put(&mut self, count: usize, text: &str) -> String {
        let from = self.cursor.saturating_sub(count);
        let replaced = self.line.get(from..self.cursor).unwrap_or_default();
        let (from, text) = match text::encode(text).strip_prefix(replaced) {
            Some(rest) => (self.cursor, rest.to_vec()),
            None => (from, text::encode(text)),
        };
        let gone = Self::width(self.line.get(from..self.cursor).unwrap_or_default());
        if self.line.len() + text.len() > LINE + count {
            return String::new();
        }
        let width = Self::width(&text);
        self.line.splice(from..self.cursor, text.iter().copied());
        self.cursor = from + text.len();
        let rubbed = gone.saturating_sub(width);
        let back = "\x08".repeat(gone);
        back + &text::decode(&text) + &self.rest_rubbed(rubbed)
    }

    pub(super) fn take(&mut self, byte: u8) -> Typed {
        let was_return = std::mem::replace(&mut self.was_return, byte == b'\r');
        if let Some(sequence) = &mut self.escape {
            let is_start = sequence.is_empty() && matches!(byte, b'[' | b'O');
            sequence.push(byte);
            if is_start || !matches!(byte, b'@'..=b'~') && sequence.len() < 16 {
                return Typed::Nothing;
            }
            let sequence = self.escape.take().unwrap_or_default();
            return self.key(&sequence);
        }
        match byte {
            b'\n' if was_return => Typed::Nothing,
            b'\r' | b'\n' => self.enter(),
            0x1B => {
                self.escape = Some(Vec::new());
                Typed::Nothing
            }
            0x08 | 0x7F => self.rub_out(),
            0x01 => self.go(0),
            0x02 => self.go(self.left()),
            0x05 => self.go(self.line.len()),
            0x06 => self.go(self.right()),
            0x03 => self.replace(Vec::new()),
            0x04 if self.line.is_empty() => Typed::Leave,
            0x04 => self.delete(),
            0x09 => Typed::Complete,
            0x0B => self.kill(),
            0x0C => Typed::Redraw,
            0x0E => self.recall(true),
            0x10 => self.recall(false),
            0x18 => Typed::SafeMode,
            b' '..=b'~' | 0x80.. if self.line.len() < LINE => self.insert(byte),
            _ => Typed::Nothing,
        }
    }

    fn key(&mut self, sequence: &[u8]) -> Typed {
        match sequence {
            [_, b'A'] => self.recall(false),
            [_, b'B'] => self.recall(true),
            [_, b'C'] => self.go(self.right()),
            [_, b'D'] => self.go(self.left()),
            [_, b'H'] | b"[1~" => self.go(0),
            [_, b'F'] | b"[4~" => self.go(self.line.len()),
            b"[3~" => self.delete(),
            b"OP" | b"[11~" => Typed::Help,
            b"OS" | b"[14~" => Typed::SafeMode,
            b"[15~" => Typed::Redraw,
            _ => Typed::Nothing,
        }
    }

    fn left(&self) -> usize {
        let before = self.line.get(..self.cursor).unwrap_or_default();
        let tail = before.iter().rev().take_while(|b| is_tail(**b)).count();
        self.cursor.saturating_sub(tail + 1)
    }

    fn right(&self) -> usize {
        let after = self.line.get(self.cursor + 1..).unwrap_or_default();
        let tail = after.iter().take_while(|b| is_tail(**b)).count();
        (self.cursor + 1 + tail).min(self.line.len())
    }

    fn width(bytes: &[u8]) -> usize {
        bytes.iter().filter(|b| !is_tail(**b)).count()
    }

    fn width_after(&self) -> usize {
        Self::width(self.line.get(self.cursor..).unwrap_or_default())
    }

    /// Moves the cursor.
    fn go(&mut self, to: usize) -> Typed {
        let to = to.min(self.line.len());
        let echo = if to < self.cursor {
            let passed = self.line.get(to..self.cursor).unwrap_or_default();
            "\x08".repeat(Self::width(passed))
        } else {
            text::decode(self.line.get(self.cursor..to).unwrap_or_default())
        };
        self.cursor = to;
        Typed::Echo(echo)
    }

    fn insert(&mut self, byte: u8) -> Typed {
        let at = self.cursor.min(self.line.len());
        self.line.insert(at, byte);
        self.cursor = at + 1;
        if self.cursor == self.line.len() {
            return Typed::Echo(text::decode(&[byte]));
        }
        let rest = self.line.get(at..).unwrap_or_default();
        Typed::Echo(text::decode(rest) + &"\x08".repeat(self.width_after()))
    }

    fn rub_out(&mut self) -> Typed {
        if self.cursor == 0 {
            return Typed::Nothing;
        }
        let to = self.left();
        self.line.drain(to..self.cursor);
        self.cursor = to;
        Typed::Echo(format!("\x08{}", self.rest_rubbed(1)))
    }

    fn delete(&mut self) -> Typed {
        let to = self.right();
        if self.cursor >= self.line.len() {
            return Typed::Nothing;
        }
        self.line.drain(self.cursor..to);
        Typed::Echo(self.rest_rubbed(1))
    }

    fn kill(&mut self) -> Typed {
        let gone = self.width_after();
        self.line.truncate(self.cursor);
        Typed::Echo(self.rest_rubbed(gone))
    }

    /// Draws what is after the cursor, rubs `gone` places behind it, and comes back.
    fn rest_rubbed(&self, gone: usize) -> String {
        let rest = self.line.get(self.cursor..).unwrap_or_default();
        let back = "\x08".repeat(self.width_after() + gone);
        text::decode(rest) + &" ".repeat(gone) + &back
    }

    fn enter(&mut self) -> Typed {
        let line = std::mem::take(&mut self.line);
        self.cursor = 0;
        let text = text::decode(&line);
        if !line.is_empty() {
            self.past.push(line);
            if self.past.len() > PAST {
                self.past.remove(0);
            }
        }
        self.at = self.past.len();
        Typed::Line(text)
    }

    fn recall(&mut self, is_later: bool) -> Typed {
        self.at = if is_later {
            (self.at + 1).min(self.past.len())
        } else {
            self.at.saturating_sub(1)
        };
        let line = self.past.get(self.at).cloned().unwrap_or_default();
        self.replace(line)
    }

    /// Rubs the line out and types another.
    fn replace(&mut self, line: Vec<u8>) -> Typed {
        let to_end = text::decode(self.line.get(self.cursor..).unwrap_or_default());
        let rubbed = "\x08 \x08".repeat(Self::width(&self.line));
        self.line = line;
        self.cursor = self.line.len();
        Typed::Echo(to_end + &rubbed + &text::decode(&self.line))
    }
}

/// Says whether a byte goes on with a character of UTF-8.
fn is_tail(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::{Editor, Typed};

    fn lines(input: &[u8]) -> Vec<String> {
        let mut editor = Editor::default();
        let typed = input.iter().map(|b| editor.take(*b));
        typed
            .filter_map(|t| {
                if let Typed::Line(line) = t {
                    Some(line)
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn a_line_can_be_edited_and_recalled() {
        assert_eq!(lines(b"/ip adx\x7fdress\r\n"), ["/ip address"]);
        assert_eq!(lines(b"one\rtwo\r\x1b[A\x1b[A\r"), ["one", "two", "one"]);
        assert_eq!(lines(b"one\rtwo\r\x10\x10\x0e\r"), ["one", "two", "two"]);
        assert_eq!(lines(b"gone\x03kept\n"), ["kept"]);
    }

    #[test]
    fn the_cursor_goes_where_keys_send_it() {
        assert_eq!(lines(b"ac\x1b[Db\r"), ["abc"]);
        assert_eq!(lines(b"bc\x01a\x05d\r"), ["abcd"]);
        assert_eq!(lines(b"abx\x1b[D\x1b[3~c\r"), ["abc"]);
        assert_eq!(lines(b"abcde\x02\x02\x0b\r"), ["abc"]);
        assert_eq!(lines(b"bc\x1b[Ha\x1b[Fd\x1bOD\x1bODX\r"), ["abXcd"]);
        assert_eq!(lines("aü\u{1b}[D\u{1b}[3~b\r".as_bytes()), ["ab"]);
    }

    proptest::proptest! {
        #[test]
        fn no_input_breaks_the_line(input in proptest::collection::vec(0_u8.., 0..200)) {
            let mut editor = Editor::default();
            for byte in input {
                editor.take(byte);
                assert!(editor.cursor <= editor.line.len());
            }
        }
    }
}
