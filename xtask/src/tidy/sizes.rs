//! A file is one thought and a function one step: ceilings for both.

use super::source::File;
use super::{Finding, functions};

/// Lines of a file: remark, refuse.
const FILE: (usize, usize) = (400, 600);
/// Lines of code of a function: remark, refuse.
const FUNCTION: (usize, usize) = (60, 100);

/// What in `file` is too long.
pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE.0 {
        let text = format!("{lines} lines; split it by idea at {}", FILE.0);
        let finding = Finding::new("file-size", &file.path, text);
        found.push(if lines > FILE.1 {
            finding
        } else {
            finding.warns()
        });
    }
    for function in functions::all(&file.text) {
        if function.length > FUNCTION.0 {
            let text = format!("`{}` has {} lines of code", function.name, function.length);
            let finding = Finding::new("function-size", &file.path, text).at(function.line);
            found.push(if function.length > FUNCTION.1 {
                finding
            } else {
                finding.warns()
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;

    fn weights(text: String) -> Vec<(&'static str, Weight)> {
        let file = File {
            path: "a.rs".to_owned(),
            text,
        };
        check(&file)
            .into_iter()
            .map(|finding| (finding.rule, finding.weight))
            .collect()
    }

    #[test]
    fn ceilings_warn_first_and_fail_later() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "x();\n".repeat(lines - 2));
        assert_eq!(weights("//\n".repeat(400)), []);
        assert_eq!(weights("//\n".repeat(401)), [("file-size", Weight::Warns)]);
        assert_eq!(weights("//\n".repeat(601)), [("file-size", Weight::Fails)]);
        assert_eq!(weights(function(60)), []);
        assert_eq!(weights(function(61)), [("function-size", Weight::Warns)]);
        assert_eq!(weights(function(101)), [("function-size", Weight::Fails)]);
    }
}
