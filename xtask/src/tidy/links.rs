//! Links from one document to another must lead somewhere.

use super::Finding;
use super::source::File;
use std::path::Path;

/// Links of a Markdown file to files that are not there.
pub(super) fn check(file: &File, root: &Path) -> Vec<Finding> {
    if !file.has_extension("md") {
        return Vec::new();
    }
    let folder = root.join(&file.path);
    let folder = folder.parent().unwrap_or(root);
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for target in targets(line) {
            if !folder.join(target).exists() {
                let text = format!("`{target}` is not there");
                found.push(Finding::new("link", &file.path, text).at(index + 1));
            }
        }
    }
    found
}

/// What the links of a line lead to, without those that leave the repository or the file.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split_once(')')?.0;
        let target = target.split_once('#').map_or(target, |(path, _)| path);
        let leaves = target.contains("://") || target.starts_with("mailto:");
        (!target.is_empty() && !leaves && !target.contains(' ')).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](architecture.md#arrows) [b](../nowhere.md), [c](https://x.example/y)\n\
                    [d](#here) `x[0](y z)` [e](decisions)\n";
        let file = File {
            path: "docs/x.md".to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<_> = check(&file, environment::root())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, ["docs/x.md:1: `../nowhere.md` is not there [link]"]);
    }
}
