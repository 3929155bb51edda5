//! Bytes of devices as text: for reading, and for showing safely.

use std::borrow::Cow;
use std::fmt::Write as _;

pub use crate::secret::is_sensitive;

/// The characters of Windows code page 1252 at 0x80..0xA0; elsewhere it is Latin-1.
const CP1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Reads bytes as UTF-8, or else as code page 1252, which WinBox on Windows writes.
///
/// Never fails, and never loses the length of the original: keep the bytes for writing back.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| cp1252(byte)).collect()),
    }
}

fn cp1252(byte: u8) -> char {
    match byte {
        0x80..0xA0 => CP1252
            .get(usize::from(byte - 0x80))
            .copied()
            .unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::from(byte),
    }
}

/// Writes control characters and direction overrides visibly, so that the text can be shown.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            // Writing to a String cannot fail.
            write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default();
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{061c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf8_is_read_as_the_code_page_of_winbox() {
        assert_eq!(lossy(b"caf\xe9 \x80"), "café €");
        assert_eq!(lossy("café".as_bytes()), "café");
    }

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_text_survives_escaping() {
        assert_eq!(
            escape("a\u{1b}[2Jb\u{202e}c\r\u{9b}"),
            "a\\u{1b}[2Jb\\u{202e}c\\u{d}\\u{9b}"
        );
        assert_eq!(escape("plain ä"), "plain ä");
    }
}
