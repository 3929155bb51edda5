//! Text that a device, a network or another tenant chose.
//!
//! [`plain`] is the one place that decides what of it may reach a terminal, a log or a file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text from outside. It can be stored and compared, but it prints escaped only.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes text from outside.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it came. It must not reach a terminal, a log or a file as it is.
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&plain(&self.0))
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", plain(&self.0))
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The most combining marks that may follow one character.
const MAX_MARKS: usize = 4;

/// Makes text fit for one line of a terminal, a log or a file.
///
/// Control characters become `\x1b`, `\n`, `\r`, `\t`; bidirectional controls, zero-width
/// characters and line separators become `\u{202e}`; more than four combining marks on one
/// character are dropped. Ordinary text comes back as it is.
pub fn plain(text: &str) -> String {
    escape(text, false)
}

/// Like [`plain`], but keeps line ends and tabs: for blocks of text.
pub fn plain_block(text: &str) -> String {
    escape(text, true)
}

fn escape(text: &str, block: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\n' | '\t' if block => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' if block => {}
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
                write_escape(&mut out, format_args!("\\x{:02x}", u32::from(c)));
            }
            c if is_hidden(c) => write_escape(&mut out, format_args!("\\u{{{:x}}}", u32::from(c))),
            _ if marks > MAX_MARKS => {}
            c => out.push(c),
        }
    }
    out
}

fn write_escape(out: &mut String, escape: fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    fmt::Write::write_fmt(out, escape).unwrap_or_default();
}

/// Characters that reorder or hide others.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let evil = "a\x1b]0;x\x07\r\u{9b}2J\u{202e}b\u{200b}\n";

        let safe = plain(evil);

        assert_eq!(safe, "a\\x1b]0;x\\x07\\r\\x9b2J\\u{202e}b\\u{200b}\\n");
    }

    #[test]
    fn ordinary_text_comes_back_as_it_is() {
        assert_eq!(plain("Büro-Süd Рига 北"), "Büro-Süd Рига 北");
    }

    #[test]
    fn a_tower_of_marks_is_cut() {
        let tower = format!("e{}", "\u{301}".repeat(1000));

        assert_eq!(plain(&tower).chars().count(), 1 + MAX_MARKS);
    }
}
