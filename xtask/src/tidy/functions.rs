//! Finds the functions in Rust text and how many lines of code each has.

use super::source;

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name.
    pub(super) name: String,
    /// Where it begins, from 1.
    pub(super) line: usize,
    /// Lines with code on them, signature included.
    pub(super) length: usize,
}

/// Every function of `text`, in order.
pub(super) fn all(text: &str) -> Vec<Function> {
    let code = source::without_comments_and_literals(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn") {
        let (before, after) = code.split_at(at);
        let after = after.get(2..).unwrap_or_default();
        if before.ends_with(is_word) || !after.starts_with(char::is_whitespace) {
            continue;
        }
        let name: String = after
            .trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect();
        if name.is_empty() {
            continue;
        }
        if let Some(length) = body_end(after) {
            let whole = after.get(..length).unwrap_or_default();
            let lines = whole.lines().filter(|line| !line.trim().is_empty()).count();
            let line = before.matches('\n').count() + 1;
            found.push(Function {
                name,
                line,
                length: lines,
            });
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the body ends, counted from the name on; none for a declaration without one.
fn body_end(code: &str) -> Option<usize> {
    let (mut nested, mut braces) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' if braces == 0 => nested += 1,
            ')' | ']' if braces == 0 => nested = nested.checked_sub(1)?,
            ';' if braces == 0 && nested == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 && nested == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_in_lines_of_code() {
        let text = "\
trait T { fn declared(&self) -> [u8; 3]; }
type F = fn(u8) -> u8;
/// fn in_a_comment() {}
async fn long<'a>(
    x: &'a str, // }
) -> impl Fn() -> usize {
    // only a comment

    let s = \"} fn not_this() {\";
    fn inner() {}
    move || s.len() + x.len()
}
fn one_line() {}
";
        let found: Vec<_> = all(text)
            .into_iter()
            .map(|f| (f.name, f.line, f.length))
            .collect();
        let expected = [("long", 4, 7), ("inner", 10, 1), ("one_line", 13, 1)];
        assert_eq!(
            found,
            expected.map(|(name, line, length)| (name.to_owned(), line, length))
        );
    }
}
