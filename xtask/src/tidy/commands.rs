//! Commands that messages and documents tell people to type must be there.

use std::collections::BTreeMap;

use super::Finding;
use super::source::File;

/// The reference, made from the commands themselves.
const REFERENCE: &str = "docs/cli.md";

/// Commands, their verbs and options that are named somewhere and are none.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(reference) = files.iter().find(|file| file.path == REFERENCE) else {
        return vec![Finding::new("command", REFERENCE, "is not there")];
    };
    let known = Commands::read(&reference.text);
    let mut found = Vec::new();
    for file in files.iter().filter(|file| is_told(file)) {
        for (index, line) in joined(&file.text) {
            // Comments are for us.
            if file.is_rust() && line.trim_start().starts_with("//") {
                continue;
            }
            for spoken in named(&line) {
                if let Some(text) = known.problem(spoken) {
                    found.push(Finding::new("command", &file.path, text).at(index + 1));
                }
            }
        }
    }
    found
}

/// What people read: messages of the product, and documents.
fn is_told(file: &File) -> bool {
    let is_product = file.is_rust() && file.path.contains("/src/") && !file.path.contains("test");
    let is_page = file.has_extension("md") && !file.path.contains("decisions/");
    (is_product && !file.path.starts_with("xtask/")) || is_page
}

/// Lines with their numbers; a string that goes on in the next line is one line.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let rest = line.strip_suffix('\\');
        match lines.last_mut() {
            Some((_, last)) if goes_on => last.push_str(rest.unwrap_or(line).trim_start()),
            _ => lines.push((index, rest.unwrap_or(line).to_owned())),
        }
        goes_on = rest.is_some();
    }
    lines
}

/// What stands behind `todctl` where it is to be typed, to the end of the quotation.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let mut parts = line.split("todctl ");
    let mut before = parts.next().unwrap_or_default();
    parts.filter_map(move |after| {
        let is_typed = ["`", "\"", ": ", "(", "  ", "$ "]
            .iter()
            .any(|mark| before.ends_with(mark))
            || before.is_empty();
        before = after;
        let end = after.find(['`', '"', ',', ';', '|', '#', '&', ')', '\\', '{']);
        is_typed.then(|| after.get(..end.unwrap_or(after.len())).unwrap_or_default())
    })
}

/// Each command by its path, with everything that the reference says of it.
struct Commands<'a>(BTreeMap<Vec<&'a str>, &'a str>);

impl<'a> Commands<'a> {
    fn read(reference: &'a str) -> Self {
        let sections = reference.split("\n## todctl").skip(1);
        let named = sections.filter_map(|section| {
            let (path, text) = section.split_once('\n')?;
            Some((path.split_whitespace().collect(), text))
        });
        Self(named.collect())
    }

    /// What is wrong with a command line, if it is one.
    fn problem(&self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut path = Vec::new();
        for word in words.iter().take_while(|word| is_name(word)) {
            let text = self.0.get(&path)?;
            let verb = verb(text, word);
            path.push(verb.unwrap_or(word));
            if self.0.contains_key(&path) {
                continue;
            }
            path.pop();
            if !text.contains("\nCommands:\n") {
                break;
            }
            let place = [&["todctl"], &path[..]].concat().join(" ");
            return Some(format!("`{place}` has no command `{word}`"));
        }
        let texts = [self.0.get(&path)?, self.0.get(&Vec::new())?];
        let mut options = words
            .iter()
            .take_while(|word| **word != "--")
            .filter_map(|word| word.strip_prefix("--"))
            .map(|word| word.split(['=', '.', ':', ']']).next().unwrap_or(word));
        let unknown = options.find(|name| !texts.iter().any(|text| has_option(text, name)))?;
        let place = path.join(" ");
        Some(format!("`todctl {place}` has no option `--{unknown}`"))
    }
}

/// The command that a word stands for in a list of commands: itself, or what it is an alias of.
fn verb<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, list) = text.split_once("\nCommands:\n")?;
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let mut entries = lines.filter_map(|line| {
        let name = line.split_whitespace().next()?;
        let aliases = line
            .rsplit_once("[alias")
            .map_or("", |(_, aliases)| aliases);
        let mut aliases = aliases.split(|c: char| !c.is_ascii_lowercase() && c != '-');
        Some((name, name == word || aliases.any(|alias| alias == word)))
    });
    entries.find_map(|(name, is_it)| is_it.then_some(name))
}

fn has_option(text: &str, name: &str) -> bool {
    text.match_indices(&format!("--{name}")).any(|(at, found)| {
        let next = text
            .get(at + found.len()..)
            .and_then(|rest| rest.chars().next());
        next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
    })
}

fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_options_that_are_none_are_found() {
        let reference = "# todctl\n\n## todctl\n\n```text\nCommands:\n  device  Devices\n  \
                         login   Sign in\n\nOptions:\n  --yes\n```\n\n## todctl device\n\n```text\n\
                         Commands:\n  set   Change one [alias: edit]\n```\n\n## todctl device set\n\n\
                         ```text\nUsage: todctl device set <NAME>\n  --forget-pins\n```\n\n\
                         ## todctl login\n\n```text\nUsage: todctl login\n```\n";
        let message = "// `todctl gone` is for us\n\
                       let a = \"sign in: todctl login --yes\";\n\
                       let b = \"todctl device edit NAME --forget-pins\";\n\
                       let c = \"look: todctl \\\n          status\";\n\
                       let d = \"`todctl device change x`\";\n\
                       let e = \"try todctl device set x --force\"; // (todctl device set x --forced)\n\
                       let f = \"what todctl does\";\n";
        let files = [
            File::of_test(REFERENCE, reference),
            File::of_test("server/src/a.rs", message),
            File::of_test("server/tests/it/a.rs", "\"todctl gone\""),
        ];

        let found: Vec<_> = check(&files).iter().map(ToString::to_string).collect();

        assert_eq!(
            found,
            [
                "server/src/a.rs:4: `todctl` has no command `status` [command]",
                "server/src/a.rs:6: `todctl device` has no command `change` [command]",
                "server/src/a.rs:7: `todctl device set` has no option `--forced` [command]",
            ]
        );
    }
}
