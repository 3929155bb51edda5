//! Numbers in JSON. `5.0` is the whole number 5: JSON Schema says so, and languages that have one
//! kind of number write it so.

/// The same JSON with `5` where it has `5.0`; nothing if it has none.
pub(super) fn without_fractions(json: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        if !in_text && byte == b'.' && out.last().is_some_and(u8::is_ascii_digit) {
            let zeros = after.iter().take_while(|byte| **byte == b'0').count();
            let (_, beyond) = after.split_at_checked(zeros)?;
            let ends = !matches!(beyond.first(), Some(b'0'..=b'9' | b'e' | b'E'));
            if zeros > 0 && ends {
                rest = beyond;
                continue;
            }
        }
        if in_text && !escaped && byte == b'\\' {
            escaped = true;
        } else {
            in_text ^= byte == b'"' && !escaped;
            escaped = false;
        }
        out.push(byte);
        rest = after;
    }
    (out.len() < json.len()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_zeros_goes_and_nothing_else() {
        for (given, plain) in [
            (r#"{"a":5.0}"#, Some(r#"{"a":5}"#)),
            ("[-1.000, 2.0]", Some("[-1, 2]")),
            (r#"{"a":5.5}"#, None),
            (r#"{"a":5.01}"#, None),
            (r#"{"a":5.0e1}"#, None),
            (r#"{"a":5.}"#, None),
            (r#"{"a":"5.0"}"#, None),
            (r#"{"a\"5.0":"\\5.0"}"#, None),
            (r#"{"a\\":5.0,"b":"5.0"}"#, Some(r#"{"a\\":5,"b":"5.0"}"#)),
        ] {
            let out = without_fractions(given.as_bytes());
            let out = out.map(|out| String::from_utf8(out).unwrap());
            assert_eq!(out.as_deref(), plain, "{given}");
        }
    }
}
