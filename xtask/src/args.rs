//! The command line: a verb, flags, and what is left.

use anyhow::{Result, bail};
use std::collections::VecDeque;

/// Words not yet taken by anyone.
#[derive(Debug)]
pub(crate) struct Args {
    words: VecDeque<String>,
}

impl Args {
    /// The words given to this process.
    pub(crate) fn of_process() -> Self {
        Self::of(std::env::args().skip(1))
    }

    /// These words.
    pub(crate) fn of<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words.into_iter().map(Into::into).collect(),
        }
    }

    /// Takes the first word.
    pub(crate) fn verb(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Takes a switch; true if it was given.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    /// Takes `--name VALUE` or `--name=VALUE`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.words.iter().position(|word| {
            word == name
                || word
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('='))
        }) else {
            return Ok(None);
        };
        let word = self.words.remove(at).unwrap_or_default();
        if let Some((_, value)) = word.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        match self.words.remove(at) {
            Some(value) if !value.starts_with("--") => Ok(Some(value)),
            _ => bail!("`{name}` needs a value"),
        }
    }

    /// Takes everything after `--`.
    pub(crate) fn passed_on(&mut self) -> Vec<String> {
        match self.words.iter().position(|word| word == "--") {
            Some(at) => self.words.drain(at..).skip(1).collect(),
            None => Vec::new(),
        }
    }

    /// Takes all words that are left; an unknown flag is an error.
    pub(crate) fn rest(self) -> Result<Vec<String>> {
        match self.words.iter().find(|word| word.starts_with('-')) {
            Some(flag) => bail!("unknown flag `{flag}`; see `cargo xtask help`"),
            None => Ok(self.words.into()),
        }
    }

    /// Nothing more is expected.
    pub(crate) fn end(self) -> Result<()> {
        match self.rest()?.first() {
            Some(word) => bail!("unexpected `{word}`; see `cargo xtask help`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_taken_in_any_order() {
        let mut args = Args::of(["demo", "--check", "--profile", "dev", "a", "--", "-E", "x"]);
        assert_eq!(args.verb().as_deref(), Some("demo"));
        assert_eq!(args.passed_on(), ["-E", "x"]);
        assert_eq!(args.value("--profile").unwrap().as_deref(), Some("dev"));
        assert!(args.switch("--check"));
        assert!(!args.switch("--check"));
        assert_eq!(args.rest().unwrap(), ["a"]);
    }

    #[test]
    fn a_flag_nobody_knows_is_refused() {
        let mut args = Args::of(["--profile=dev", "--wat"]);
        assert_eq!(args.value("--profile").unwrap().as_deref(), Some("dev"));
        assert!(args.end().is_err());
        assert!(Args::of(["--profile"]).value("--profile").is_err());
        assert!(Args::of(["word"]).end().is_err());
    }
}
