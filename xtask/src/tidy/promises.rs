//! The tests that a document names as what holds its promises must be there.

use super::Finding;
use super::source::File;

/// The document.
const DOCUMENT: &str = "docs/security.md";

/// Names of tests in the document that are the names of none.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(document) = files.iter().find(|file| file.path == DOCUMENT) else {
        return vec![Finding::new("promise", DOCUMENT, "is not there")];
    };
    let mut found = Vec::new();
    for (index, line) in document.text.lines().enumerate() {
        for (package, test) in tests(line) {
            if !files.iter().any(|file| holds(file, package, test)) {
                let text = format!("there is no test `{package} {test}`");
                found.push(Finding::new("promise", DOCUMENT, text).at(index + 1));
            }
        }
    }
    found
}

/// The tests that a line names: package and path, as nextest names them.
fn tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|span| {
        let (package, test) = span.split_once(' ')?;
        let is_name = |name: &str| {
            name.chars()
                .all(|c| c.is_alphanumeric() || "_:-".contains(c))
        };
        (test.contains("::") && is_name(package) && is_name(test)).then_some((package, test))
    })
}

/// Whether a file is of the package and of the test's module, and has a function of that name.
fn holds(file: &File, package: &str, test: &str) -> bool {
    let folder = package.strip_prefix("tod-").unwrap_or(package);
    let Some((module, name)) = test.rsplit_once("::") else {
        return false;
    };
    let module = module.strip_suffix("::tests").unwrap_or(module);
    let Some(path) = file.path.strip_prefix(&format!("{folder}/")) else {
        return false;
    };
    let path = path
        .strip_prefix("src/")
        .or_else(|| path.strip_prefix("tests/it/"))
        .unwrap_or_default();
    let path = path.trim_end_matches(".rs").trim_end_matches("/tests");
    path.replace('/', "::") == module && file.text.contains(&format!("fn {name}("))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_without_its_test_is_found() {
        let files = [
            File::of_test(
                DOCUMENT,
                "| `tod-a m::it_holds` `tod-a u::v::tests::it_holds_too` `cargo nextest` |\n\
                 | `tod-a m::gone` `tod-b m::it_holds` `tod-a n::it_holds` |\n",
            ),
            File::of_test("a/tests/it/m.rs", "#[test]\nfn it_holds() {}\n"),
            File::of_test("a/src/u/v/tests.rs", "#[test]\nfn it_holds_too() {}\n"),
        ];

        let found: Vec<_> = check(&files).iter().map(ToString::to_string).collect();

        assert_eq!(
            found,
            [
                "docs/security.md:2: there is no test `tod-a m::gone` [promise]",
                "docs/security.md:2: there is no test `tod-b m::it_holds` [promise]",
                "docs/security.md:2: there is no test `tod-a n::it_holds` [promise]",
            ]
        );
    }
}
