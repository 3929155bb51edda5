//! What is fuzzed of configuration text: exports and scripts.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use routeros::config::{apply, diff, diff_exports, plan, read};
use routeros::export::{Command, Export, Layout, Line, LineEnd, Style, Value};
use routeros::quote;
use routeros::script::{Child, Tree, check, operations, parse};
use routeros::undo::PlanProblem;

fn shape(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// Every text is an export, which can be printed, cleaned, masked, compared and planned.
///
/// A line of `===` makes two of it.
pub(crate) fn export(input: &[u8]) -> u64 {
    let seam = b"\n===\n";
    let at = input.windows(seam.len()).position(|window| window == seam);
    let (old, new) = match at {
        Some(at) => (&input[..=at], &input[at + seam.len()..]),
        None => (input, input),
    };
    let (old, new) = (Export::parse(old), Export::parse(new));
    let normal = old.normalise();
    let masked = old.redact();
    assert_eq!(masked.redact().print(), masked.print());
    if old.lines().all(is_proper) {
        for style in [Style::Wrapped, Style::Terse] {
            for line_end in [LineEnd::Lf, LineEnd::CrLf] {
                let layout = Layout {
                    line_end,
                    style,
                    is_open: false,
                };
                let again = Export::parse(&old.print_as(layout));
                assert_eq!(commands(&again), commands(&old));
                assert_eq!(again.normalise(), normal);
            }
        }
        assert_eq!(masked.commands().count(), old.commands().count());
    }
    let found = differences(&old, &new);
    let kinds: Vec<_> = old.lines().map(|line| kind(&line)).take(20).collect();
    shape((kinds, normal.is_ok(), found))
}

/// Compares and plans, and tells what came of it.
fn differences(old: &Export, new: &Export) -> Vec<(bool, bool, usize, bool)> {
    let (a, b) = (read(old), read(new));
    assert_eq!(diff(&a, &a), []);
    assert_eq!(diff_exports(old, old), []);
    match plan(&a, &a) {
        // One record and items in one menu is no configuration, nor are two interfaces of one name.
        Err(PlanProblem::HasNoItems(_) | PlanProblem::Ambiguous(_)) => {}
        same => assert_eq!(same, Ok(vec![])),
    }
    if let Ok(operations) = plan(&a, &b) {
        let there = apply(&operations, &a).expect("what was planned can be done");
        assert_eq!(
            plan(&there, &b),
            Ok(vec![]),
            "and then nothing is left to do"
        );
    }
    let found = diff_exports(old, new);
    let brief = found.iter().map(|difference| {
        assert!(!difference.lines().is_empty());
        let (old, new) = (difference.old.is_some(), difference.new.is_some());
        (old, new, difference.changes.len(), difference.is_moved)
    });
    brief.take(10).collect()
}

/// Whether a device could have written the line.
fn is_proper(line: Line<'_>) -> bool {
    let is_plain = |text: &[u8]| {
        let is_plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        text.iter().all(is_plain)
    };
    match line {
        Line::Menu(_) => true,
        Line::Blank | Line::Comment(_) | Line::Other(_) => false,
        Line::Command(command) => {
            command.selector().is_none_or(is_plain)
                && command.properties().all(|property| match property.value {
                    Value::Given(raw) => {
                        let bytes = quote::decode(raw);
                        raw == quote::value(&bytes).as_bytes()
                    }
                    Value::Unset | Value::Flag => true,
                })
        }
    }
}

type Bytes = Option<Vec<u8>>;
type Said = (String, Bytes);

fn commands(export: &Export) -> Vec<(String, String, Bytes, Vec<Said>)> {
    let command = |command: Command<'_>| {
        let values = command.settings();
        let values = values.map(|(name, value)| {
            let value = value.bytes().map(std::borrow::Cow::into_owned);
            (name.into_owned(), value)
        });
        (
            command.menu().to_owned(),
            command.verb().to_owned(),
            command.selector().map(<[u8]>::to_vec),
            values.collect(),
        )
    };
    export.commands().map(command).collect()
}

fn kind(line: &Line<'_>) -> (u8, usize) {
    match line {
        Line::Blank => (0, 0),
        Line::Comment(_) => (1, 0),
        Line::Menu(_) => (2, 0),
        Line::Command(command) => (3, command.properties().count()),
        Line::Other(_) => (4, 0),
    }
}

/// No menu has such a name.
const VERBS: [&str; 8] = [
    "add", "set", "remove", "move", "enable", "disable", "comment", "unset",
];

/// A script is read or refused, and what it changes can be written as one.
pub(crate) fn script(input: &[u8]) -> u64 {
    let judged = check(input, &Few).err().map(|error| error.to_string());
    let block = match parse(input) {
        Ok(block) => block,
        Err(error) => return shape((0, error.problem.to_string(), judged)),
    };
    let operations = match operations(&block) {
        Ok(operations) => operations,
        Err(error) => return shape((1, error.problem.to_string(), judged)),
    };
    let is_verb = |word: &str| VERBS.contains(&word);
    if operations
        .iter()
        .any(|operation| operation.menu.split('/').any(is_verb))
    {
        return shape((3, judged));
    }
    let text: Vec<String> = operations.iter().map(ToString::to_string).collect();
    let again = parse(text.join("\n").as_bytes()).expect("what is written can be read");
    let again = self::operations(&again).expect("what is written can be read");
    let written: Vec<String> = again.iter().map(ToString::to_string).collect();
    assert_eq!(written, text);
    let menus: Vec<_> = operations
        .iter()
        .map(|operation| {
            (
                operation.menu.len(),
                std::mem::discriminant(&operation.action),
            )
        })
        .collect();
    shape((2, menus, judged))
}

/// A few commands.
#[derive(Debug)]
struct Few;

impl Tree for Few {
    fn child(&self, menu: &[String], word: &str) -> Option<Child> {
        let is_menu = matches!(
            (menu.len(), word),
            (0, "ip" | "system" | "interface") | (1, "address" | "firewall" | "bridge")
        );
        let is_command = match menu {
            [] => matches!(
                word,
                "put" | "local" | "global" | "set" | "if" | "do" | "foreach"
            ),
            _ => matches!(word, "add" | "set" | "find" | "print" | "remove" | "get"),
        };
        if is_menu {
            Some(Child::Menu(word.to_owned()))
        } else {
            is_command.then(|| Child::Command(word.to_owned()))
        }
    }

    fn takes(&self, _menu: &[String], _command: &str, argument: &str) -> bool {
        argument.len() > 3
    }
}
