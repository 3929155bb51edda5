//! `cargo xtask tidy`: what no compiler checks about how the code is laid out.

mod allow;
mod arrows;
mod commands;
mod functions;
mod links;
mod packages;
mod promises;
mod sizes;
mod source;
mod words;

use crate::args::Args;
use crate::{environment, say};
use allow::Allowed;
use anyhow::{Context as _, Result, bail};
use source::File;
use std::fmt;

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    rule: &'static str,
    /// A path, a package or a function: what `tidy.allow` names.
    subject: String,
    line: Option<usize>,
    text: String,
    weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Fails,
    Warns,
}

impl Finding {
    fn new(rule: &'static str, subject: &str, text: impl Into<String>) -> Self {
        let (subject, text) = (subject.to_owned(), text.into());
        Self {
            rule,
            subject,
            line: None,
            text,
            weight: Weight::Fails,
        }
    }

    fn at(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }

    fn warns(self) -> Self {
        Self {
            weight: Weight::Warns,
            ..self
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} [{}]", self.text, self.rule)
    }
}

/// Prints what is not tidy; fails when something must not stay.
pub(crate) fn run(args: Args) -> Result<()> {
    args.end()?;
    let (failing, warning): (Vec<_>, Vec<_>) = findings()?
        .into_iter()
        .partition(|finding| finding.weight == Weight::Fails);
    for finding in &warning {
        say::line(&format!("warning: {finding}"));
    }
    for finding in &failing {
        say::line(&format!("error: {finding}"));
    }
    if !failing.is_empty() {
        bail!(
            "tidy: {} errors; what must stay goes to tidy.allow with a reason",
            failing.len()
        );
    }
    say::line(&format!(
        "tidy: everything holds, {} warnings",
        warning.len()
    ));
    Ok(())
}

fn findings() -> Result<Vec<Finding>> {
    let files = File::all_of_repository()?;
    let mut found = Vec::new();
    for file in &files {
        found.extend(words::check(file));
        found.extend(sizes::check(file));
        found.extend(links::check(file, environment::root()));
    }
    found.extend(commands::check(&files));
    found.extend(promises::check(&files));
    found.extend(arrows::check(&packages::metadata()?)?);
    found.extend(packages::check(&packages::built()?));
    let list = environment::root().join("tidy.allow");
    let list = std::fs::read_to_string(&list).context("cannot read tidy.allow")?;
    let mut left = Allowed::parse(&list)?.take_from(found);
    left.sort();
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let failing: Vec<_> = findings()
            .unwrap()
            .into_iter()
            .filter(|finding| finding.weight == Weight::Fails)
            .map(|finding| finding.to_string())
            .collect();
        assert!(failing.is_empty(), "{}", failing.join("\n"));
    }
}
