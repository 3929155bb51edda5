//! Subjects: words joined by dots, in patterns with `*` for one word and `>` for the rest.

use super::BusError;

const LONGEST: usize = 255;

/// Whether `subject` fits `pattern`.
pub fn matches(pattern: &str, subject: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('.'), subject.split('.'));
    loop {
        match (wanted.next(), given.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(want), Some(have)) if want == have => {}
            _ => return false,
        }
    }
}

/// Whether `word` can be one word of a subject, of a bucket's key or of a consumer's name.
pub fn is_word(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !word.is_empty() && word.len() <= LONGEST && word.bytes().all(fits)
}

pub(super) fn check(subject: &str) -> Result<(), BusError> {
    check_words(subject, is_word)
}

pub(super) fn check_pattern(pattern: &str) -> Result<(), BusError> {
    let body = pattern.strip_suffix(".>").unwrap_or(pattern);
    check_words(body, |word| word == "*" || is_word(word))
}

pub(super) fn check_word(word: &str) -> Result<(), BusError> {
    if is_word(word) {
        return Ok(());
    }
    Err(BusError::Subject(shown(word)))
}

fn check_words(subject: &str, fits: impl Fn(&str) -> bool) -> Result<(), BusError> {
    if subject.len() <= LONGEST && subject.split('.').all(fits) {
        return Ok(());
    }
    Err(BusError::Subject(shown(subject)))
}

fn shown(text: &str) -> String {
    text.escape_default().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_nats_does() {
        for (pattern, subject, fits) in [
            ("a.b", "a.b", true),
            ("a.b", "a", false),
            ("a", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
        ] {
            assert_eq!(matches(pattern, subject), fits, "{pattern} {subject}");
        }
    }

    #[test]
    fn subjects_are_plain_words() {
        assert!(check("tod.v1.sample.z-1").is_ok());
        for bad in [
            "",
            "a..b",
            ".a",
            "a.*",
            "a.>",
            "a b",
            "a\n",
            "ä",
            &"a".repeat(256),
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check_pattern("a.*.>").is_ok());
        for bad in ["a.>.b", "a*", ">", ""] {
            assert!(check_pattern(bad).is_err(), "{bad}");
        }
    }
}
