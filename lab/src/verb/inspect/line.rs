//! A line as somebody types it: what it means so far, what can follow, what short forms stand for.

use routeros::row::Row as Record;

use super::{Children, language, meant};
use crate::core::Core;

/// Commands that take items, by their names.
const TAKING: &[&str] = &[
    "comment",
    "disable",
    "edit",
    "enable",
    "get",
    "monitor",
    "move",
    "remove",
    "reset-counters",
    "set",
    "unset",
];

/// Commands whose words without values can be shortened.
const FLAGGED: &[&str] = &["export", "monitor", "print"];

/// Arguments of such commands that have values.
const VALUED: &[&str] = &[
    "duration",
    "file",
    "from",
    "group-by",
    "interface",
    "interval",
    "numbers",
    "proplist",
];

/// Arguments that stand alone everywhere.
const FLAGS: &[&str] = &["as-value", "once", "where", "without-paging"];

/// How far a line has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The menu of the statement.
    base: String,
    /// The menu that its words lead to.
    at: String,
    /// The command, once it is there.
    verb: Option<String>,
    /// The argument whose value is being typed.
    argument: Option<String>,
    /// Where the word begins that is being typed.
    pub(crate) from: usize,
    /// Nothing of the statement has been typed.
    is_fresh: bool,
    /// It begins with a colon.
    is_language: bool,
    /// Conditions follow, in which anything may stand.
    is_condition: bool,
}

impl Typed {
    fn new(base: &str, from: usize) -> Self {
        Self {
            base: base.to_owned(),
            at: base.to_owned(),
            from,
            is_fresh: true,
            ..Self::default()
        }
    }

    /// Says whether an argument has a value, or stands alone.
    pub(crate) fn takes_value(&self, name: &str) -> bool {
        let verb = self.verb.as_deref().unwrap_or_default();
        let is_valued = VALUED.contains(&name) || !FLAGGED.contains(&verb);
        self.argument.is_none() && is_valued && !FLAGS.contains(&name)
    }

    /// Returns the menu and the argument whose value is being typed.
    pub(super) fn value_of(&self) -> Option<(String, String)> {
        Some((self.at.clone(), self.argument.clone()?))
    }

    /// Returns the way to the command.
    fn command(&self) -> String {
        format!("{}/{}", self.at, self.verb.as_deref().unwrap_or_default())
    }
}

/// Goes through a line, and writes it out in full.
struct Reader<'a> {
    core: &'a Core,
    now: Typed,
    /// Statements around the one in brackets.
    outer: Vec<Typed>,
    /// The line with every word in full.
    full: String,
    /// Where the present word begins in it.
    word: usize,
}

impl Core {
    /// Says how far a line has come that is typed in a menu.
    pub(crate) fn typed(&self, menu: &str, line: &str) -> Typed {
        let mut reader = Reader::new(self, menu);
        reader.go(line);
        reader.now
    }

    /// Returns a line with its short forms written out.
    pub(crate) fn in_full(&self, menu: &str, line: &str) -> String {
        let mut reader = Reader::new(self, menu);
        reader.go(line);
        reader.end_word();
        reader.full
    }

    /// Returns what can be typed next.
    pub(crate) fn choices(&self, typed: &Typed) -> Children {
        if let Some(argument) = &typed.argument {
            return self.values(&typed.command(), argument);
        }
        let Some(verb) = &typed.verb else {
            let mut choices = self.children(&typed.at).unwrap_or_default();
            if typed.is_language && typed.at.is_empty() {
                choices.extend(self.language());
            }
            return choices;
        };
        let mut choices = self.children(&typed.command()).unwrap_or_default();
        if TAKING.contains(&verb.as_str()) {
            choices.retain(|name, _| name != "numbers" && name != "number");
            choices.extend(self.items(&typed.at));
        }
        choices
    }

    /// Returns the names of a menu's rows.
    fn items(&self, menu: &str) -> Children {
        let records = self.records(menu);
        let names = records.iter().filter_map(|r: &Record| r.text("name"));
        names.map(|n| (n.into_owned(), "obj")).collect()
    }
}

impl<'a> Reader<'a> {
    fn new(core: &'a Core, menu: &str) -> Self {
        Self {
            core,
            now: Typed::new(menu, 0),
            outer: Vec::new(),
            full: String::new(),
            word: 0,
        }
    }

    fn go(&mut self, line: &str) {
        let mut is_quoted = false;
        let mut is_escaped = false;
        for (at, c) in line.char_indices() {
            let next = at + c.len_utf8();
            if is_quoted || is_escaped {
                is_quoted ^= c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                self.full.push(c);
                continue;
            }
            match c {
                '"' => {
                    is_quoted = true;
                    self.full.push(c);
                }
                '\\' => {
                    is_escaped = true;
                    self.full.push(c);
                }
                _ => self.take(c, next),
            }
        }
    }

    /// Takes a character that is not part of a text.
    fn take(&mut self, c: char, next: usize) {
        match c {
            ' ' | '\t' => {
                self.end_word();
                self.now.argument = None;
                self.begin(c, next);
            }
            '/' if self.now.verb.is_none() => {
                if self.now.is_fresh && self.word == self.full.len() {
                    self.now.at.clear();
                    self.now.is_fresh = false;
                } else {
                    self.end_word();
                }
                self.begin(c, next);
            }
            ':' if self.now.is_fresh => {
                self.now.at.clear();
                self.now.is_language = true;
                self.begin(c, next);
            }
            '=' if self.now.verb.is_some() && self.now.argument.is_none() => {
                let name = self.end_argument();
                self.now.argument = Some(name);
                self.begin(c, next);
            }
            ';' => {
                self.end_word();
                let base = std::mem::take(&mut self.now.base);
                self.now = Typed::new(&base, next);
                self.begin(c, next);
            }
            '[' | '{' | '(' => {
                let base = if c == '[' {
                    self.now.at.clone()
                } else {
                    self.now.base.clone()
                };
                let inner = Typed::new(&base, next);
                self.outer.push(std::mem::replace(&mut self.now, inner));
                self.begin(c, next);
            }
            ']' | '}' | ')' => {
                self.end_word();
                if let Some(outer) = self.outer.pop() {
                    self.now = outer;
                }
                self.begin(c, next);
            }
            _ => self.full.push(c),
        }
    }

    /// Begins a word behind a character.
    fn begin(&mut self, c: char, next: usize) {
        self.full.push(c);
        self.word = self.full.len();
        self.now.from = next;
    }

    fn replace(&mut self, name: &str) {
        self.full.truncate(self.word);
        self.full.push_str(name);
    }

    fn current(&self) -> String {
        self.full.get(self.word..).unwrap_or_default().to_owned()
    }

    /// Takes a word for what it means.
    fn end_word(&mut self) {
        let word = self.current();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if word.is_empty() || !word.chars().all(is_plain) {
            return;
        }
        self.now.is_fresh = false;
        if self.now.verb.is_none() {
            self.end_step(&word);
        } else if self.now.argument.is_none() && !self.now.is_condition {
            let verb = self.now.verb.as_deref().unwrap_or_default();
            let is_flagged = FLAGGED.contains(&verb) && word.len() > 1;
            let arguments = self.core.children(&self.now.command()).unwrap_or_default();
            let is_item = || self.core.items(&self.now.at).contains_key(&word);
            if let Some((name, _)) = meant(&arguments, &word).filter(|_| is_flagged && !is_item()) {
                self.now.is_condition = name == "where";
                self.replace(&name);
            }
        }
    }

    /// Takes a word for a menu or a command.
    fn end_step(&mut self, word: &str) {
        if word == ".." {
            let up = self.now.at.rfind('/').unwrap_or(0);
            self.now.at.truncate(up);
            return;
        }
        let children = self.core.children(&self.now.at).unwrap_or_default();
        let is_language = language::arguments(word).is_some() && !children.contains_key(word);
        match meant(&children, word).filter(|_| !is_language) {
            Some((verb, "cmd")) => {
                self.replace(&verb);
                self.now.is_condition = verb == "find";
                self.now.verb = Some(verb);
            }
            Some((menu, _)) => {
                self.replace(&menu);
                self.now.at = format!("{}/{menu}", self.now.at);
            }
            None => {
                if is_language {
                    self.now.at.clear();
                }
                self.now.verb = Some(word.to_owned());
            }
        }
    }

    /// Takes a word for the name of an argument.
    fn end_argument(&mut self) -> String {
        let word = self.current();
        let arguments = self.core.children(&self.now.command()).unwrap_or_default();
        let found = meant(&arguments, &word).filter(|_| !self.now.is_condition);
        if let Some((name, _)) = &found {
            self.replace(name);
        }
        found.map_or(word, |(name, _)| name)
    }
}
