//! Quoting of values in scripts and exports, both ways.

use std::borrow::Cow;

/// Whether a byte may stand outside quotes, as `/export` does it.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:/,+*@!<>~#%-".contains(&byte)
}

/// Writes a value as `/export` does: bare if it can be, in quotes otherwise.
pub fn value(bytes: &[u8]) -> String {
    if !bytes.is_empty() && bytes.iter().copied().all(is_bare) {
        return bytes.iter().copied().map(char::from).collect();
    }
    quoted(bytes)
}

/// Writes a value in quotes, which is what conditions of `find` need for anything but a word.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for &byte in bytes {
        push(byte, &mut out);
    }
    out.push('"');
    out
}

fn push(byte: u8, out: &mut String) {
    let letter = match byte {
        b'"' | b'\\' | b'$' | b'?' => char::from(byte),
        b'\n' => 'n',
        b'\r' => 'r',
        b'\t' => 't',
        0x07 => 'a',
        0x08 => 'b',
        0x0B => 'v',
        0x0C => 'f',
        b' '..=b'~' => return out.push(char::from(byte)),
        _ => {
            out.push('\\');
            out.push(hex(byte >> 4));
            return out.push(hex(byte & 0xF));
        }
    };
    out.push('\\');
    out.push(letter);
}

fn hex(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

/// Reads a value that stands alone, in quotes or bare. A `$` that is not escaped is not a value.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    let Some(inner) = text.strip_prefix('"') else {
        let is_whole = !text.is_empty() && text.bytes().all(is_bare);
        return is_whole.then(|| text.as_bytes().to_vec());
    };
    let mut rest = inner.strip_suffix('"')?.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'\\' => {
                let (byte, width) = unescape(after)?;
                out.push(byte);
                rest = after.get(width..)?;
            }
            b'"' | b'$' => return None,
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    Some(out)
}

/// Reads what follows a backslash: the byte that is meant, and how many bytes say it.
///
/// Upper case hexadecimal digits are a byte; the lower case letters `a`, `b` and `f` are controls.
pub(crate) fn unescape(after: &[u8]) -> Option<(u8, usize)> {
    let &first = after.first()?;
    let byte = match first {
        b'"' | b'\\' | b'$' | b'?' | b'\'' => first,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        b'v' => 0x0B,
        b'f' => 0x0C,
        b'_' => b' ',
        _ => {
            let byte = digit(first)? << 4 | digit(*after.get(1)?)?;
            return Some((byte, 2));
        }
    };
    Some((byte, 1))
}

/// Reads a value as written in an export: quotes and escapes gone. A value may have several strings
/// in it; what is no proper string stays as it is.
pub fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'"') {
        return Cow::Borrowed(raw);
    }
    let inner = raw
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    if let Some(inner) = inner.filter(|inner| !inner.iter().any(|b| b"\"\\".contains(b))) {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut is_string = false;
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => is_string = !is_string,
            b'\\' if is_string => {
                let (byte, width) = unescape(after).unwrap_or((byte, 0));
                out.push(byte);
                rest = after.get(width..).unwrap_or_default();
            }
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_look_as_in_an_export() {
        for (bytes, text) in [
            (&b"ether1"[..], "ether1"),
            (b"!10.0.0.0/8", "!10.0.0.0/8"),
            (b"", r#""""#),
            (b"two words", r#""two words""#),
            (b"a?b$c\"d\\", r#""a\?b\$c\"d\\""#),
            (b"\xc4\r\n", r#""\C4\r\n""#),
        ] {
            assert_eq!(value(bytes), text);
            assert_eq!(parse(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(quoted(b"10.0.0.1/24"), r#""10.0.0.1/24""#);
        assert_eq!(parse(r#""a\_b""#).as_deref(), Some(&b"a b"[..]));
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in [
            "", "a b", "\"", "\"a", "\"a\"b\"", "\"$x\"", "\"\\x\"", "\"\\\"", "a$b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_a_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for text in [value(&bytes), quoted(&bytes)] {
                prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
                prop_assert_eq!(parse(&text), Some(bytes.clone()));
                prop_assert_eq!(decode(text.as_bytes()).into_owned(), bytes.clone());
            }
        }

        #[test]
        fn any_text_reads_or_is_refused(text in ".*") {
            let _value = parse(&text);
        }
    }
}
