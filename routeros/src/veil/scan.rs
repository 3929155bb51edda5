//! One pass over a text, word by word.

use super::Veil;
use crate::quote;
use crate::secret::{MASK, has_password_in_address, holds_secret, is_sensitive};

/// Strings in strings in strings: what is deeper is hidden as a whole.
const DEEPEST: usize = 8;

pub(super) fn hide(veil: &Veil, text: &[u8], mark: &mut dyn FnMut(&[u8]) -> String) -> String {
    let mut scan = Scan {
        veil,
        mark,
        depth: 0,
        found: false,
    };
    let hidden = scan.text(text);
    let lines = hidden.split_inclusive(|&b| b == b'\n');
    let lines = lines.map(|line| scan.line(line)).collect::<Vec<_>>();
    // Only ever cut next to ASCII.
    String::from_utf8_lossy(&lines.concat()).into_owned()
}

struct Scan<'a> {
    veil: &'a Veil,
    mark: &'a mut dyn FnMut(&[u8]) -> String,
    depth: usize,
    found: bool,
}

impl Scan<'_> {
    fn text(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(&first) = rest.first() {
            let taken = match first {
                b'"' => self.string(rest, &mut out),
                b'<' if let Some(mark) = marked(rest) => {
                    out.extend_from_slice(mark);
                    mark.len()
                }
                _ if is_word(first) => self.word(rest, &mut out),
                _ => {
                    out.push(first);
                    1
                }
            };
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
        out
    }

    /// A line that gives something away although nothing in it was understood is hidden whole.
    fn line(&mut self, line: &[u8]) -> Vec<u8> {
        if !holds_secret(&without_marks(line)) {
            return line.to_vec();
        }
        let text = line.trim_ascii_end();
        let mut out = b"# ".to_vec();
        self.put_mark(text, &mut out);
        out.extend_from_slice(line.get(text.len()..).unwrap_or_default());
        out
    }

    /// A string that stands for itself, or for the name of what follows, as in JSON. Returns how
    /// much was taken.
    fn string(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let end = self.quoted(rest, false, out);
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        let name = quote::decode(name);
        let gap = after.iter().position(|&b| !is_gap(b) && b != b':');
        match gap.and_then(|gap| after.split_at_checked(gap)) {
            Some((gap, value)) if gap.contains(&b':') && names_secret(&name) => {
                out.extend_from_slice(gap);
                end + gap.len() + self.value(value, true, out)
            }
            _ => end,
        }
    }

    /// A string, which is hidden if it is a secret or holds one. Returns how long it is.
    fn quoted(&mut self, rest: &[u8], is_secret: bool, out: &mut Vec<u8>) -> usize {
        let raw = rest.get(..string_end(rest)).unwrap_or(rest);
        let plain = quote::decode(raw);
        if is_secret && !plain.is_empty() || self.gives_away(&plain) {
            self.put_mark(&plain, out);
        } else {
            out.extend_from_slice(raw);
        }
        raw.len()
    }

    fn gives_away(&self, plain: &[u8]) -> bool {
        if self.veil.knows(plain) || self.depth >= DEEPEST {
            return true;
        }
        let mut inner = Scan {
            veil: self.veil,
            mark: &mut |_| String::new(),
            depth: self.depth + 1,
            found: false,
        };
        inner.text(plain);
        inner.found || holds_secret(plain) || has_password(plain)
    }

    /// A word, and what is given to it. Returns how much was taken.
    fn word(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let end = rest.iter().position(|&b| !is_word(b)).unwrap_or(rest.len());
        if let Some(known) = self.known(rest, end) {
            self.put_mark(known, out);
            return known.len();
        }
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        out.extend_from_slice(word);
        if let Some((b'=', value)) = after.split_first() {
            out.push(b'=');
            return end + 1 + self.value(value, names_secret(word), out);
        }
        // `:local password "x"`, `password: x`
        let gap = after.iter().take_while(|&&b| is_gap(b)).count();
        let (blank, value) = after.split_at_checked(gap).unwrap_or((after, b""));
        let is_given = gap > 0 && (value.starts_with(b"\"") || word.ends_with(b":"));
        if is_given && names_secret(word) {
            out.extend_from_slice(blank);
            return end + gap + self.value(value, true, out);
        }
        end
    }

    /// What of the word that ends at `end` is a known secret, with `=` behind it as Base64 has it
    /// and without the full stop of a sentence.
    fn known<'t>(&self, rest: &'t [u8], end: usize) -> Option<&'t [u8]> {
        let word = rest.get(..end)?;
        let padding = rest.get(end..)?.iter().take_while(|&&b| b == b'=').count();
        let stop = word.iter().rposition(|b| !b".:!?".contains(b));
        let ends = [end + padding, end, stop.map_or(end, |stop| stop + 1)];
        let mut words = ends.into_iter().filter_map(|end| rest.get(..end));
        words.find(|word| self.veil.knows(word) || has_password(word))
    }

    /// What stands behind `name=`. Returns how long it is.
    fn value(&mut self, rest: &[u8], is_secret: bool, out: &mut Vec<u8>) -> usize {
        if rest.first() == Some(&b'"') {
            return self.quoted(rest, is_secret, out);
        }
        if let Some(mark) = marked(rest) {
            out.extend_from_slice(mark);
            return mark.len();
        }
        let end = value_end(rest);
        let raw = rest.get(..end).unwrap_or(rest);
        // What is worked out may have strings in it: a secret is hidden with all of it.
        if is_secret && !raw.is_empty() && raw != MASK.as_bytes()
            || self.veil.knows(raw)
            || has_password(raw)
        {
            self.put_mark(raw, out);
            return end;
        }
        // Nothing of it is taken: it may be a block with more in it.
        0
    }

    fn put_mark(&mut self, secret: &[u8], out: &mut Vec<u8>) {
        self.found = true;
        out.extend_from_slice((self.mark)(secret).as_bytes());
    }
}

fn names_secret(word: &[u8]) -> bool {
    let name = String::from_utf8_lossy(word);
    is_sensitive(name.trim_matches(':'))
}

/// An address with a password in it, perhaps cut off before its `@`: no port is like that.
fn has_password(text: &[u8]) -> bool {
    let starts = text.windows(3).enumerate().filter(|(_, w)| *w == b"://");
    let mut authorities = starts.filter_map(|(at, _)| text.get(at + 3..));
    let is_odd = |rest: &[u8]| {
        let ends = |b: &u8| b.is_ascii_whitespace() || b"/\"\\?".contains(b);
        let mut authority = rest
            .split(ends)
            .next()
            .unwrap_or_default()
            .split(|&b| b == b':');
        let port = authority.nth(1).unwrap_or_default();
        !rest.starts_with(b"[") && !port.iter().all(u8::is_ascii_digit)
    };
    has_password_in_address(text) || authorities.any(is_odd)
}

/// The text with an empty string for each mark.
fn without_marks(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(&first) = rest.first() {
        let mark = marked(rest).map_or(0, <[u8]>::len);
        let mask = if rest.starts_with(MASK.as_bytes()) {
            MASK.len()
        } else {
            0
        };
        match mark.max(mask) {
            0 => out.push(first),
            _ => out.extend_from_slice(b"\"\""),
        }
        rest = rest.get(mark.max(mask).max(1)..).unwrap_or_default();
    }
    out
}

/// A mark that is there already: `<hidden 9c1e>`.
fn marked(rest: &[u8]) -> Option<&[u8]> {
    let inner = rest.strip_prefix(b"<hidden ")?;
    let (digits, after) = inner.split_at_checked(4)?;
    let is_mark = digits.iter().all(u8::is_ascii_hexdigit) && after.first() == Some(&b'>');
    rest.get(..13).filter(|_| is_mark)
}

/// Words run until what separates them in a script, JSON or a sentence.
fn is_word(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !byte.is_ascii_control() && !b"\"=;[](){},'`<>".contains(&byte)
}

fn is_gap(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Behind the closing quote, or the end if there is none.
fn string_end(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Where a value without quotes ends. An expression ends with its bracket.
fn value_end(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'"' => {
                at += string_end(rest.get(at..).unwrap_or_default());
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return at,
            },
            b';' | b'\n' | b'\r' if depth == 0 => return at,
            _ if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    rest.len().min(at)
}
