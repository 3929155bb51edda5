//! The commands of a device, as its console looks them up while it reads a script.
//!
//! What this does not know for certain, it lets pass: the command itself refuses it then.

use routeros::script::{Block, Child, ScriptError, Tree, is_verb_somewhere, understand};

use super::PRINT;
use crate::core::Core;
use crate::schema::{Access, Kind, Menu, SCHEMA};
use crate::text;
use crate::value::accept;

/// Words of the language, with the release that brought them.
const LANGUAGE: &[(&str, u16)] = &[
    ("beep", 0),
    ("break", 22),
    ("continue", 22),
    ("convert", 13),
    ("delay", 0),
    ("deserialize", 13),
    ("do", 0),
    ("environment", 0),
    ("error", 0),
    ("execute", 0),
    ("exit", 22),
    ("export", 0),
    ("find", 0),
    ("for", 0),
    ("foreach", 0),
    ("global", 0),
    ("grep", 13),
    ("if", 0),
    ("import", 0),
    ("jobname", 13),
    ("len", 0),
    ("local", 0),
    ("lock", 13),
    ("log", 0),
    ("nothing", 0),
    ("onerror", 13),
    ("parse", 0),
    ("password", 0),
    ("pick", 0),
    ("ping", 0),
    ("put", 0),
    ("quit", 0),
    ("range", 20),
    ("redo", 0),
    ("resolve", 0),
    ("retry", 0),
    ("return", 0),
    ("rndnum", 0),
    ("rndstr", 0),
    ("serialize", 13),
    ("set", 0),
    ("terminal", 0),
    ("time", 0),
    ("timestamp", 0),
    ("toarray", 0),
    ("tobool", 0),
    ("tocrlf", 13),
    ("toid", 0),
    ("toip", 0),
    ("toip6", 0),
    ("tolf", 13),
    ("tonsec", 13),
    ("tonum", 0),
    ("tostr", 0),
    ("totime", 0),
    ("typeof", 0),
    ("undo", 0),
    ("while", 0),
];

/// Arguments that commands of all menus have.
const COMMON: &[&str] = &[
    "append",
    "as-value",
    "do",
    "duration",
    "file",
    "freeze-frame-interval",
    "interval",
    "number",
    "numbers",
    "once",
    "proplist",
    "where",
    "without-paging",
];

/// Arguments of `add` and `set` that are no properties.
const PLACES: &[&str] = &["copy-from", "destination", "numbers", "place-before"];

impl Core {
    /// Reads a script as the console does.
    pub(crate) fn understand(&self, source: &[u8]) -> Result<Block, ScriptError> {
        understand(source, self)
    }

    /// Returns the words of the language that the release has.
    pub(super) fn language(&self) -> impl Iterator<Item = (String, &'static str)> {
        let has = |since: u16| since == 0 || self.release.at_least(7, since);
        let words = LANGUAGE.iter().filter(move |(_, since)| has(*since));
        words.map(|(word, _)| ((*word).to_owned(), "cmd"))
    }

    /// Returns a menu that lies at these words.
    fn menu_at(&self, words: &[String]) -> Option<&'static Menu> {
        let menu = SCHEMA.menu(&format!("/{}", words.join("/")))?;
        self.has_menu(&menu.path).then_some(menu)
    }

    /// Returns the menu or command that begins so, if there is but one.
    fn abbreviated(&self, path: &str, word: &str) -> Option<Child> {
        let children = self.children(path).ok()?;
        let mut fitting = children.into_iter().filter(|(n, _)| n.starts_with(word));
        let (name, kind) = fitting.next()?;
        let child = match kind {
            "cmd" => Child::Command(name),
            "arg" => return None,
            _ => Child::Menu(name),
        };
        fitting.next().is_none().then_some(child)
    }
}

impl Tree for Core {
    fn child(&self, menu: &[String], word: &str) -> Option<Child> {
        let path = match menu {
            [] => String::new(),
            words => format!("/{}", words.join("/")),
        };
        let below = format!("{path}/{word}");
        if self.has_menu(&below) || self.has_menu_below(&below) {
            return Some(Child::Menu(word.to_owned()));
        }
        let command = || Some(Child::Command(word.to_owned()));
        if menu.is_empty() {
            let known = LANGUAGE.iter().find(|(w, _)| *w == word);
            if known.is_some_and(|(_, since)| *since == 0 || self.release.at_least(7, *since)) {
                return command();
            }
            return self.abbreviated(&path, word);
        }
        let known = self.menu_at(menu).map(|m| self.commands_of(m));
        let is_known = known.is_some_and(|commands| commands.contains(&word));
        if is_known || is_verb_somewhere(word) {
            return command();
        }
        self.abbreviated(&path, word)
    }

    fn takes(&self, menu: &[String], command: &str, argument: &str) -> bool {
        let Some(menu) = self.menu_at(menu).filter(|m| !m.props.is_empty()) else {
            return true;
        };
        let version = self.release.version();
        if let Some((_, names)) = menu.verbs.iter().find(|(verb, _)| *verb == command) {
            return names.is_empty() || names.contains(&argument) || COMMON.contains(&argument);
        }
        match command {
            "add" | "set" => {
                let is_place = PLACES.contains(&argument) || argument.starts_with('.');
                let prop = || menu.prop(argument, version);
                is_place || prop().is_some_and(|p| p.access != Access::ReadOnly)
            }
            "print" => PRINT.contains(&argument) || COMMON.contains(&argument),
            _ => true,
        }
    }

    fn fits(&self, menu: &[String], command: &str, argument: &str, value: &[u8]) -> bool {
        if !matches!(command, "add" | "set") || value.is_empty() {
            return true;
        }
        let prop = self.menu_at(menu);
        let prop = prop.and_then(|m| m.prop(argument, self.release.version()));
        prop.is_none_or(|prop| match prop.kind {
            Kind::Bool | Kind::Enum(_) => accept(self, prop, &text::decode(value)).is_ok(),
            _ => true,
        })
    }
}
