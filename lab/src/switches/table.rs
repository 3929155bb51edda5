//! Every position of every switch, for those who must hold under all of them.

use anyhow::Context as _;

use super::Switches;

const FLAG: &[&str] = &["false", "true"];

/// The switches by their names in a fleet's file, each with its positions, the usual one first.
const TABLE: &[(&str, &[&str])] = &[
    ("dead", &["'usual'", "'yes'", "'true'"]),
    ("empty", &["'usual'", "'every'", "'never'"]),
    ("traps", &["'usual'", "'bare'", "'numbered'"]),
    ("notes", &["'dotted'", "'plain'", "'none'"]),
    ("health", &["'usual'", "'record'", "'rows'"]),
    ("late-tags", FLAG),
    ("dotted-keys", FLAG),
    ("plain-flags", FLAG),
    ("clock-durations", FLAG),
    ("shows-unset", FLAG),
    ("ignores-count", FLAG),
    ("strict-queries", FLAG),
    ("late-cancels", FLAG),
    ("lenient-cancels", FLAG),
    ("over-limit", &["'reset'", "'close'", "'silent'"]),
    ("idle-logout-s", &["0", "30"]),
    ("ends-sessions", FLAG),
    ("new-ids", FLAG),
    ("boot-clock", &["'kept'", "'behind'", "'lost'"]),
    ("boot-timers", &["'grid'", "'afresh'", "'at-once'"]),
    ("eager-timers", FLAG),
    ("flash-delay-s", &["0", "40"]),
    ("probes-terminal", FLAG),
    (
        "greets",
        &[
            "[]",
            "['licence']",
            "['unlicensed']",
            "['default-configuration']",
            "['new-password']",
        ],
    ),
    ("exec-status", &["'usual'", "'zero'", "'one'"]),
    ("asks-password", FLAG),
    ("old-ssh", FLAG),
    ("old-tls", FLAG),
];

/// One switch turned, and all others as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// As a fleet's file has it: `dead = 'yes'`.
    pub text: String,
    /// What it comes to.
    pub switches: Switches,
}

/// Returns everything as usual, and then each switch turned alone to each of its other positions.
pub fn positions() -> anyhow::Result<Vec<Position>> {
    let turned = TABLE
        .iter()
        .flat_map(|(name, values)| values.iter().skip(1).map(move |value| (name, value)));
    let texts = turned.map(|(name, value)| format!("{name} = {value}"));
    let read = |text: String| {
        let switches = toml::from_str(&text).with_context(|| format!("no position: {text}"))?;
        Ok(Position { text, switches })
    };
    std::iter::once(String::new())
        .chain(texts)
        .map(read)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_switch_is_in_the_table() {
        let all = toml::Table::try_from(Switches::default()).unwrap();

        let switches: BTreeSet<_> = all.keys().map(String::as_str).collect();
        let known: BTreeSet<_> = TABLE.iter().map(|(name, _)| *name).collect();

        assert_eq!(known, switches);
    }

    #[test]
    fn every_word_that_a_switch_knows_is_in_the_table() {
        for (name, values) in TABLE {
            let is_list = values.contains(&"[]");
            let wrong = if is_list { "['?']" } else { "'?'" };
            let error = toml::from_str::<Switches>(&format!("{name} = {wrong}")).unwrap_err();
            let message = error.message().to_owned();
            if !message.contains("unknown variant") {
                continue;
            }
            let words: BTreeSet<_> = message.split('`').skip(3).step_by(2).collect();
            let known = values.iter().map(|v| v.trim_matches(['[', ']', '\'']));
            let known: BTreeSet<_> = known.filter(|v| !v.is_empty()).collect();

            assert_eq!(known, words, "{name}");
        }
    }

    #[test]
    fn positions_differ_and_the_first_of_each_switch_is_the_usual_one() {
        let all = positions().unwrap();
        for (at, position) in all.iter().enumerate() {
            let same = all.iter().position(|p| p.switches == position.switches);
            assert_eq!(same, Some(at), "{}", position.text);
        }
        for (name, values) in TABLE {
            let usual: Switches = toml::from_str(&format!("{name} = {}", values[0])).unwrap();
            assert_eq!(usual, Switches::default(), "{name}");
        }
    }
}
