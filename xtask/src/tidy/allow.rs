//! `tidy.allow`: exceptions, each with its reason. One that nothing needs is itself a finding.

use super::{Finding, Weight};
use anyhow::{Result, bail};

/// The exceptions, and where they stand.
#[derive(Debug)]
pub(super) struct Allowed {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    rule: String,
    subject: String,
    line: usize,
    used: bool,
}

impl Allowed {
    /// Reads lines of `rule subject: reason`; `#` starts a comment.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((what, reason)) = line.split_once(": ") else {
                bail!("tidy.allow:{line_number}: expected `rule subject: reason`");
            };
            let Some((rule, subject)) = what.split_once(' ') else {
                bail!("tidy.allow:{line_number}: expected a rule and a subject before `:`");
            };
            if reason.split_whitespace().count() < 3 {
                bail!("tidy.allow:{line_number}: `{reason}` is no reason");
            }
            let (rule, subject) = (rule.to_owned(), subject.trim().to_owned());
            entries.push(Entry {
                rule,
                subject,
                line: line_number,
                used: false,
            });
        }
        Ok(Self { entries })
    }

    /// What is left of `found`, and the exceptions that nothing needed.
    pub(super) fn take_from(mut self, found: Vec<Finding>) -> Vec<Finding> {
        let mut left = Vec::new();
        for finding in found {
            let entry = self
                .entries
                .iter_mut()
                .find(|entry| entry.rule == finding.rule && entry.subject == finding.subject);
            match entry {
                Some(entry) => entry.used = true,
                None => left.push(finding),
            }
        }
        for entry in self.entries.iter().filter(|entry| !entry.used) {
            let text = format!("nothing needs `{} {}`", entry.rule, entry.subject);
            let finding = Finding::new("allow", "tidy.allow", text).at(entry.line);
            left.push(Finding {
                weight: Weight::Fails,
                ..finding
            });
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_covers_its_subject_and_must_be_needed() {
        let list = "# why\nsize a.rs: one table, read as one\nsize b.rs: it is gone by now\n";
        let found = vec![
            Finding::new("size", "a.rs", "too long"),
            Finding::new("size", "c.rs", "too long"),
            Finding::new("todo", "a.rs", "no number"),
        ];
        let left: Vec<_> = Allowed::parse(list)
            .unwrap()
            .take_from(found)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            left,
            [
                "c.rs: too long [size]",
                "a.rs: no number [todo]",
                "tidy.allow:3: nothing needs `size b.rs` [allow]",
            ]
        );
    }

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        assert!(Allowed::parse("size a.rs").is_err());
        assert!(Allowed::parse("size a.rs: because").is_err());
        assert!(Allowed::parse("size: because it is so").is_err());
    }
}
