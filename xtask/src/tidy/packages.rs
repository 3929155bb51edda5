//! What others wrote and we build: its licences, and what is there twice.

use super::Finding;
use crate::process;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Licences that Apache-2.0 code may link.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// What cargo knows of our own packages.
pub(super) fn metadata() -> Result<Value> {
    let mut cargo = process::cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    serde_json::from_str(&process::output(&mut cargo)?)
        .context("cannot read what `cargo metadata` wrote")
}

/// Every package that goes into what we build for Linux: `name version|licence` lines.
pub(super) fn built() -> Result<String> {
    let mut cargo = process::cargo(&["tree", "--workspace", "--edges", "normal,build"]);
    cargo.args(["--prefix", "none", "--format", "{p}|{l}"]);
    process::output(cargo.args(["--target", "x86_64-unknown-linux-gnu"]))
}

/// Licences that are not on the list, and packages that are there in several versions.
pub(super) fn check(built: &str) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for line in built.lines() {
        let (package, licence) = line.split_once('|').unwrap_or((line, ""));
        let mut words = package.split_whitespace();
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            continue;
        };
        versions.entry(name).or_default().insert(version);
        let licence = licence.trim_end_matches(" (*)");
        if !is_allowed(licence) {
            refused.insert((name, format!("`{licence}` is not on the list")));
        }
    }
    let refused = refused
        .into_iter()
        .map(|(name, text)| Finding::new("licence", name, text));
    let several = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let several = several.map(|(name, versions)| {
        let versions: Vec<_> = versions.iter().copied().collect();
        Finding::new(
            "duplicate",
            name,
            format!("versions {}", versions.join(", ")),
        )
    });
    refused.chain(several).collect()
}

/// Evaluates an SPDX expression: some `OR` branch whose every `AND` part is on the list.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let tokens: Vec<String> = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .split_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    let mut tokens = tokens.iter().map(String::as_str).peekable();
    let allowed = any_of(&mut tokens);
    allowed && tokens.next().is_none()
}

type Tokens<'a, I> = std::iter::Peekable<I>;

fn any_of<'a>(tokens: &mut Tokens<'a, impl Iterator<Item = &'a str>>) -> bool {
    let mut allowed = all_of(tokens);
    while tokens.next_if_eq(&"OR").is_some() {
        allowed |= all_of(tokens);
    }
    allowed
}

fn all_of<'a>(tokens: &mut Tokens<'a, impl Iterator<Item = &'a str>>) -> bool {
    let mut allowed = one(tokens);
    while tokens.next_if_eq(&"AND").is_some() {
        allowed &= one(tokens);
    }
    allowed
}

fn one<'a>(tokens: &mut Tokens<'a, impl Iterator<Item = &'a str>>) -> bool {
    match tokens.next() {
        Some("(") => {
            let allowed = any_of(tokens);
            tokens.next_if_eq(&")").is_some() && allowed
        }
        Some(name) => match tokens.next_if_eq(&"WITH").and_then(|_| tokens.next()) {
            Some(exception) => LICENCES.contains(&format!("{name} WITH {exception}").as_str()),
            None => LICENCES.contains(&name),
        },
        None => false,
    }
}

/// A list in what cargo wrote.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value
        .get(key)
        .and_then(Value::as_array)
        .with_context(|| format!("no list `{key}`"))
}

/// A text in what cargo wrote.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .with_context(|| format!("no text `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_expression_is_read_as_spdx() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-2.0 OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "ISC AND (Apache-2.0 OR ISC) AND OpenSSL",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "MIT MIT",
            "MIT WITH nothing",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }

    #[test]
    fn two_versions_and_a_foreign_licence_are_found() {
        let built =
            "a v1.0.0|MIT\nb v1.0.0 (proc-macro)|MIT (*)\na v2.0.0|MIT\nc v1.0.0|GPL-3.0\n\n";
        let found: Vec<_> = check(built).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "c: `GPL-3.0` is not on the list [licence]",
                "a: versions v1.0.0, v2.0.0 [duplicate]"
            ]
        );
    }
}
