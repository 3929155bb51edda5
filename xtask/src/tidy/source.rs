//! The files of the repository, and Rust text with its comments and literals blanked out.

use crate::{environment, process};
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Command;

/// A text file of the repository.
#[derive(Debug)]
pub(super) struct File {
    /// Its path from the root.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
}

impl File {
    /// Every text file that is ours: tracked or about to be; not what others wrote, and not the
    /// bytes that decoders are fed with.
    pub(super) fn all_of_repository() -> Result<Vec<Self>> {
        let mut git = Command::new("git");
        git.current_dir(environment::root());
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let listing = process::output(&mut git).context("tidy reads the list of files from git")?;
        let mut files = Vec::new();
        for path in listing
            .lines()
            .filter(|path| !path.starts_with("third_party/") && !path.contains("/corpus/fuzz/"))
        {
            let full = environment::root().join(path);
            // A deleted file is still listed, and a binary one has no lines to check.
            if let Ok(text) = std::fs::read_to_string(&full) {
                files.push(Self {
                    path: path.to_owned(),
                    text,
                });
            }
        }
        Ok(files)
    }

    /// A file for a test.
    #[cfg(test)]
    pub(super) fn of_test(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether its name ends so.
    pub(super) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|there| there == extension)
    }

    /// Whether it is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }
}

/// `text` with every comment replaced by spaces and every character of a string or character
/// literal by `_`; lines and columns stay.
pub(super) fn without_comments_and_literals(text: &str) -> String {
    let mut scan = Scan {
        left: text,
        out: String::with_capacity(text.len()),
    };
    while let Some(next) = scan.left.chars().next() {
        scan.step(next);
    }
    scan.out
}

struct Scan<'a> {
    left: &'a str,
    out: String,
}

impl Scan<'_> {
    fn step(&mut self, next: char) {
        if self.left.starts_with("//") {
            let end = self.left.find('\n').unwrap_or(self.left.len());
            self.blank(end, ' ');
        } else if self.left.starts_with("/*") {
            self.blank(block_comment_len(self.left), ' ');
        } else if let Some(len) = raw_string_len(self.left)
            && !self.in_word()
        {
            self.blank(len, '_');
        } else if next == '"' {
            self.blank(quoted_len(self.left, '"'), '_');
        } else if next == '\'' && is_char_literal(self.left) {
            self.blank(quoted_len(self.left, '\''), '_');
        } else {
            self.out.push(next);
            self.left = self.left.get(next.len_utf8()..).unwrap_or_default();
        }
    }

    fn in_word(&self) -> bool {
        self.out
            .chars()
            .next_back()
            .is_some_and(|last| last.is_alphanumeric() || last == '_')
    }

    fn blank(&mut self, len: usize, with: char) {
        let (gone, left) = self.left.split_at_checked(len).unwrap_or((self.left, ""));
        self.out
            .extend(gone.chars().map(|c| if c == '\n' { c } else { with }));
        self.left = left;
    }
}

fn block_comment_len(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(next) = rest.chars().next() else {
            return text.len();
        };
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += next.len_utf8();
        }
    }
}

/// The length of a raw string that starts here (`r"…"`, `br#"…"#`), if one does.
fn raw_string_len(text: &str) -> Option<usize> {
    let prefix = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = prefix.chars().take_while(|c| *c == '#').count();
    let body = prefix.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body
        .find(&close)
        .map_or(body.len(), |end| end + close.len());
    Some(text.len() - body.len() + end)
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Tells `'a'` from the lifetime `'a`.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_columns_stay() {
        let pairs = [
            ("a // b { \nc", "a        \nc"),
            ("/* { /* } */ { */ x", "                  x"),
            ("f(\"{\\\"\", '{', '\\'')", "f(_____, ___, ____)"),
            ("r#\"}\"\"# ; br\"{\" ;", "_______ ; _____ ;"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("bar\"}\" 'ü'", "bar___ ___"),
            ("\"never closed", "_____________"),
        ];
        for (text, blanked) in pairs {
            assert_eq!(without_comments_and_literals(text), blanked, "{text}");
        }
    }
}
