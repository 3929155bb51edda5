//! Line by line: headers, open ends, stray spaces, and words that do not belong here.

use super::Finding;
use super::source::File;

/// Written in two halves, so that this file does not find itself.
const OPEN_ENDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Words, and why they do not belong in the repository.
const STRAY: &[(&str, &str)] = &[
    (concat!("HA", "CK"), "an open end without a number"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/fa", "rm/"), "a path of one machine"),
    (
        concat!("#[ign", "ore"),
        "a test that does not run; delete it or make it run",
    ),
    (
        concat!("as of this ", "session"),
        "the history of how it was written",
    ),
];

/// What in `file` is not as it should be.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = &file.path;
    if is_generated(path) {
        return found;
    }
    if path.ends_with("/mod.rs") {
        found.push(Finding::new(
            "mod-file",
            path,
            "name it after the folder, beside the folder",
        ));
    }
    if file.is_rust() && !file.text.starts_with("//! ") {
        found.push(
            Finding::new(
                "header",
                path,
                "the first line is `//!` and says what it is",
            )
            .at(1),
        );
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        found.push(Finding::new(
            "last-line",
            path,
            "the last line does not end",
        ));
    }
    for (index, line) in file.text.lines().enumerate() {
        let here = |rule, text: String| Finding::new(rule, path, text).at(index + 1);
        if line.ends_with([' ', '\t']) && !file.has_extension("snap") {
            found.push(here(
                "trailing-space",
                "spaces at the end of the line".to_owned(),
            ));
        }
        if OPEN_ENDS.iter().any(|word| is_open_end(line, word)) {
            found.push(here(
                "open-end",
                "say `(#NUMBER)` of the issue, or do it".to_owned(),
            ));
        }
        for (word, why) in STRAY {
            if line.contains(word) {
                found.push(here("word", format!("`{word}`: {why}")));
            }
        }
    }
    found
}

/// Files that a program writes and another check compares.
fn is_generated(path: &str) -> bool {
    let folders = [".sqlx/", "man/", "completions/"];
    path == "Cargo.lock" || path == "tidy.allow" || folders.iter().any(|dir| path.starts_with(dir))
}

fn is_open_end(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = line.split_at(at);
        let after = after.get(word.len()..).unwrap_or_default();
        let alone = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let number = after
            .strip_prefix("(#")
            .and_then(|rest| rest.split_once(')'));
        let numbered = number.is_some_and(|(digits, _)| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        alone && !numbered
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file)
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn each_rule_finds_its_case() {
        let [todo, fixme] = OPEN_ENDS else {
            panic!("two words")
        };
        assert_eq!(rules("a.rs", "//! What it is.\n"), [""; 0]);
        assert_eq!(rules("a.rs", "use b;\n"), ["header"]);
        assert_eq!(rules("a/mod.rs", "//! A.\n"), ["mod-file"]);
        assert_eq!(rules("a.md", "text"), ["last-line"]);
        assert_eq!(rules("a.md", "text \n"), ["trailing-space"]);
        assert_eq!(rules("a.md", &format!("{todo}: later\n")), ["open-end"]);
        assert_eq!(rules("a.md", &format!("{fixme}(#)\n")), ["open-end"]);
        assert_eq!(
            rules("a.md", &format!("{todo}(#12): later, my{todo}s\n")),
            [""; 0]
        );
        assert_eq!(rules("a.md", &format!("see {}x\n", STRAY[1].0)), ["word"]);
        assert_eq!(rules("man/todctl.1", "text \n"), [""; 0]);
    }
}
