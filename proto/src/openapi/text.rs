//! From doc comments to descriptions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Described;

pub(super) const INTRODUCTION: &str = "\
Everything is JSON over HTTPS. What belongs to another tenant does not exist: 404. A role may do all \
that the lower ones may: `viewer`, `operator`, `admin`, `super_admin`.

The names in an operation's security requirements are the least role that it needs, and the scope \
that an API key needs besides. Who may write may read. An operation that lists no `apiKey` is for \
people.

Within a version of the API fields are added, never removed or renamed: do not refuse what you do \
not know. Texts of the type `Untrusted` were chosen by a device, a network or another tenant: escape \
them before you show them.";

/// What the operations of a noun are about.
const TAGS: &[(&str, &str)] = &[
    ("health", "Is the server alive, and ready to work?"),
    ("status", "The version and the clock of the server."),
    ("setup", "Does the server wait for its first administrator?"),
    (
        "account",
        "Signing in (SRP-6a: the password is never sent), and one's own account.",
    ),
    ("session", "One's sign-in sessions."),
    ("tenant", "Tenants: whose networks these are."),
    ("user", "People and their roles."),
    ("apikey", "Keys for programs."),
    ("audit", "Who did what."),
    ("kms", "Data keys, and who opened what with them."),
    ("device", "Devices under management."),
    ("event", "What happened, in order."),
    ("run", "One command on many devices."),
    (
        "change",
        "Changes of a device's configuration, each guarded so that a mistake undoes itself.",
    ),
    ("relay", "Terminals into devices."),
    ("docs", "This description."),
];

/// The noun of an operation: `device` of `device.list`.
pub(super) fn noun(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The nouns of the operations, in the order of the table above.
pub(super) fn tags(operations: &[Described]) -> Vec<Value> {
    let used = |noun: &str| operations.iter().any(|o| self::noun(o.op.name) == noun);
    TAGS.iter()
        .filter(|(noun, _)| used(noun))
        .map(|(noun, about)| json!({ "name": noun, "description": about }))
        .collect()
}

/// What the types that doc comments link to are called by who calls the API.
#[derive(Debug)]
pub(super) struct Links {
    /// Types of operations, where the name says which.
    operations: BTreeMap<&'static str, Option<&'static str>>,
}

impl Links {
    pub(super) fn new(described: &[Described]) -> Self {
        let mut operations = BTreeMap::new();
        for one in described {
            operations
                .entry(one.marker)
                .and_modify(|name| *name = None)
                .or_insert(Some(one.op.name));
        }
        Self { operations }
    }

    /// A doc comment without links into this crate, and without the sentence that only says which
    /// operation a body belongs to.
    pub(super) fn plain(&self, text: &str) -> String {
        let text = without_owner(text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, link)) = rest.split_once("[`") {
            let Some((target, after)) = link.split_once("`]") else {
                break;
            };
            out.push_str(before);
            out.push('`');
            out.push_str(&self.target(target));
            out.push('`');
            rest = after;
        }
        out.push_str(rest);
        let mut letters = out.chars();
        match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => out,
        }
    }

    fn target(&self, path: &str) -> String {
        match self.operations.get(path) {
            Some(Some(name)) => (*name).to_owned(),
            _ => path.rsplit("::").next().unwrap_or(path).to_owned(),
        }
    }
}

/// Takes `The body of [`Create`]: ` away.
fn without_owner(text: &str) -> &str {
    let owned = [
        "The body of [",
        "The answer of [",
        "The query of [",
        "Narrows [",
    ];
    if !owned.iter().any(|start| text.starts_with(start)) {
        return text;
    }
    text.find(['.', ':', ';'])
        .and_then(|end| text.get(end + 1..))
        .map_or("", str::trim_start)
}

/// The first sentence, and what follows.
pub(super) fn first_sentence(text: &str) -> (String, String) {
    let end = ["? ", ". ", ".\n", "?\n", ": ", "; "]
        .iter()
        .filter_map(|end| text.find(end))
        .min();
    let (first, rest) = match end {
        Some(end) => text.split_at_checked(end + 1).unwrap_or((text, "")),
        None => (text, ""),
    };
    let first = first.trim_end_matches(['.', ':', ';']).replace('\n', " ");
    let rest = rest.trim();
    let mut letters = rest.chars();
    let rest = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect());
    (first, rest.unwrap_or_default())
}
