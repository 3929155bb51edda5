//! `request=highlight`: what each character of a script is, as a console colours it.

use std::collections::BTreeMap;

use super::language;
use crate::core::Core;

mod argument;
mod expression;

/// Longer scripts are looked at up to here.
const LONGEST: usize = 32_767;

/// Blocks within blocks, beyond which nothing is looked at.
const DEEPEST: usize = 64;

/// The menu that is none.
const NOWHERE: &str = "/?";

/// What a character is.
type Class = &'static str;

const NONE: Class = "none";
const META: Class = "syntax-meta";
const ERROR: Class = "error";
const ESCAPED: Class = "escaped";
const ARG: Class = "arg";
const CMD: Class = "cmd";
const DIR: Class = "dir";
const UNKNOWN: Class = "obj-inactive";
const LOCAL: Class = "variable-local";
const GLOBAL: Class = "variable-global";
const COUNTER: Class = "variable-auto";
const PARAMETER: Class = "variable-parameter";
const UNDEFINED: Class = "variable-undefined";

/// Commands whose first word is the name of a variable, with what it becomes.
const NAMING: &[(&str, Class)] = &[
    ("local", LOCAL),
    ("global", GLOBAL),
    ("for", COUNTER),
    ("foreach", COUNTER),
    ("onerror", LOCAL),
    ("set", SET),
];

/// Whatever the variable is already.
const SET: Class = "set";

/// What a command is, for its arguments.
#[derive(Debug, Clone, Default)]
struct Command {
    menu: String,
    verb: String,
    arguments: Vec<String>,
    /// Nobody knows it, so that its words mean nothing.
    is_unknown: bool,
    /// It looks for rows of a menu.
    is_find: bool,
}

impl Command {
    fn is(&self, verb: &str) -> bool {
        self.menu.is_empty() && self.verb == verb
    }

    /// Returns the class of the name that comes first, if one does.
    fn naming(&self) -> Option<Class> {
        let naming = NAMING.iter().find(|(verb, _)| self.is(verb))?;
        Some(naming.1)
    }
}

/// How far a command has been followed.
struct Walk {
    at: String,
    /// It began with a colon.
    is_language: bool,
    has_walked: bool,
}

/// What comes after a word of a path.
enum Between {
    More,
    Word,
    Block,
    End,
}

/// Goes through a script and says of each byte what it is.
struct Painter<'a> {
    core: &'a Core,
    text: &'a [u8],
    classes: Vec<Class>,
    /// Menus by the blocks that are relative to them.
    menus: Vec<String>,
    /// Variables by the blocks that they live in.
    scopes: Vec<BTreeMap<Vec<u8>, Class>>,
    /// Functions within which it is.
    functions: usize,
    /// The rest means nothing.
    has_failed: bool,
}

impl Core {
    /// Returns the class of each character.
    pub(super) fn highlight(&self, input: &str) -> String {
        let bytes = crate::text::encode(input);
        let text = bytes.get(..LONGEST).unwrap_or(&bytes);
        let mut painter = Painter {
            core: self,
            text,
            classes: Vec::with_capacity(text.len()),
            menus: Vec::new(),
            scopes: vec![BTreeMap::new()],
            functions: 0,
            has_failed: false,
        };
        painter.statements("", None);
        painter.classes.resize(text.len(), NONE);
        painter.classes.join(",")
    }
}

impl Painter<'_> {
    fn at(&self) -> usize {
        self.classes.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text
            .get(self.at())
            .copied()
            .filter(|_| !self.has_failed)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at()..).unwrap_or_default()
    }

    /// Paints so many bytes.
    fn paint(&mut self, count: usize, class: Class) {
        let to = (self.at() + count).min(self.text.len());
        self.classes.resize(to, class);
    }

    /// Paints bytes as long as they are of a kind.
    fn paint_while(&mut self, class: Class, is_it: impl Fn(u8) -> bool) -> usize {
        let count = self.rest().iter().take_while(|b| is_it(**b)).count();
        self.paint(count, class);
        count
    }

    /// Says that what comes cannot be.
    fn fail(&mut self) {
        if !self.has_failed {
            self.paint(1, ERROR);
            self.has_failed = true;
        }
    }

    fn word(&self) -> Vec<u8> {
        let is_word = |b: &&u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
        self.rest().iter().take_while(is_word).copied().collect()
    }

    /// Goes through statements up to what ends them.
    fn statements(&mut self, menu: &str, end: Option<u8>) {
        if self.scopes.len() > DEEPEST {
            self.has_failed = true;
        }
        self.scopes.push(BTreeMap::new());
        self.menus.push(menu.to_owned());
        let mut is_line_start = self.at() == 0;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => {
                    self.paint(1, NONE);
                    is_line_start = true;
                    continue;
                }
                b' ' | b'\t' => {
                    let is_blank = |b: u8| b == b' ' || b == b'\t';
                    let blanks = self.rest().iter().take_while(|b| is_blank(**b)).count();
                    let next = self.rest().get(blanks);
                    let is_empty = matches!(next, None | Some(b'\n' | b'\r'));
                    let class = if is_line_start && !is_empty {
                        META
                    } else {
                        NONE
                    };
                    self.paint(blanks, class);
                }
                b'#' => {
                    self.paint_while("comment", |b| b != b'\n');
                    self.paint(1, "comment");
                }
                b';' => self.paint(1, META),
                _ if Some(byte) == end => {
                    self.paint(1, META);
                    break;
                }
                b'{' => {
                    self.paint(1, META);
                    self.block(b'}');
                }
                b'\\' if self.is_continued() => self.continuation(),
                b'$' | b'(' | b'[' | b'"' => {
                    let command = Command {
                        is_unknown: true,
                        ..Command::default()
                    };
                    self.arguments(&command, end);
                }
                b'}' | b']' | b')' => self.fail(),
                _ => {
                    let walked = self.statement(end);
                    if let Some((walked, menu)) = walked.zip(self.menus.last_mut()) {
                        *menu = walked;
                    }
                }
            }
            is_line_start = false;
        }
        self.scopes.pop();
        self.menus.pop();
    }

    /// Goes through statements that are relative to the same menu.
    fn block(&mut self, end: u8) {
        let menu = self.menus.last().cloned().unwrap_or_default();
        self.statements(&menu, Some(end));
    }

    /// Goes through one command; returns the menu that it walks to, if that is all it does.
    fn statement(&mut self, end: Option<u8>) -> Option<String> {
        let mut walk = Walk {
            at: self.menus.last().cloned().unwrap_or_default(),
            is_language: self.peek() == Some(b':'),
            has_walked: self.peek() == Some(b'/'),
        };
        if walk.is_language || walk.has_walked {
            self.paint(1, DIR);
            walk.at.clear();
        }
        while !self.has_failed {
            match self.between(&mut walk) {
                Between::More => {}
                Between::Block => {
                    self.paint(1, META);
                    self.statements(&walk.at, Some(b'}'));
                    return None;
                }
                Between::End => return walk.has_walked.then_some(walk.at),
                Between::Word if end.is_some() && self.peek() == end => return None,
                Between::Word => {
                    if let Some(command) = self.step(&mut walk) {
                        let is_lost = command.is_unknown && self.peek() == Some(b'\n');
                        self.arguments(&command, end);
                        return is_lost.then(|| NOWHERE.to_owned());
                    }
                }
            }
        }
        None
    }

    /// Goes through what stands between the words of a path.
    fn between(&mut self, walk: &mut Walk) -> Between {
        match self.peek() {
            Some(b' ' | b'\t') => {
                self.paint_while(NONE, |b| b == b' ' || b == b'\t');
            }
            Some(b'\\') if self.is_continued() => self.continuation(),
            Some(b'/') if walk.has_walked => self.paint(1, DIR),
            Some(b'.') if self.rest().starts_with(b"..") => {
                self.paint(2, DIR);
                walk.at.truncate(walk.at.rfind('/').unwrap_or(0));
                walk.has_walked = true;
            }
            Some(b'{') if walk.has_walked => return Between::Block,
            None | Some(b'\n' | b'\r' | b';') => return Between::End,
            Some(_) => return Between::Word,
        }
        Between::More
    }

    /// Goes through one word of a path; returns the command that it is, unless it is a menu.
    fn step(&mut self, walk: &mut Walk) -> Option<Command> {
        let word = self.word();
        if word.is_empty() {
            self.fail();
            return None;
        }
        let name = String::from_utf8_lossy(&word).into_owned();
        let children = self.core.children(&walk.at).unwrap_or_default();
        let found = super::meant(&children, &name).or_else(|| {
            // What wireless was called before it was called `wifi`.
            let is_old = walk.at == "/interface" && name == "wifiwave2";
            let kind = children.get("wifi").filter(|_| is_old)?;
            Some(("wifi".to_owned(), *kind))
        });
        let language = language::arguments(&name).filter(|_| !walk.has_walked);
        let is_first = walk.is_language || walk.at.is_empty() || found.is_none();
        if let Some(arguments) = language.filter(|_| is_first) {
            self.paint(word.len(), CMD);
            let arguments = arguments.iter().map(|a| (*a).to_owned());
            return Some(Command {
                verb: name,
                arguments: arguments.collect(),
                ..Command::default()
            });
        }
        match found {
            Some((verb, "cmd")) => {
                self.paint(word.len(), CMD);
                let arguments = self.core.children(&format!("{}/{verb}", walk.at));
                Some(Command {
                    menu: walk.at.clone(),
                    is_find: verb == "find",
                    verb,
                    arguments: arguments.unwrap_or_default().into_keys().collect(),
                    is_unknown: false,
                })
            }
            Some((menu, _)) => {
                self.paint(word.len(), DIR);
                walk.at = format!("{}/{menu}", walk.at);
                walk.has_walked = true;
                None
            }
            None => {
                self.paint(word.len(), UNKNOWN);
                if matches!(self.peek(), Some(b':' | b'/' | b'=')) {
                    self.fail();
                }
                Some(Command {
                    is_unknown: true,
                    ..Command::default()
                })
            }
        }
    }
}
