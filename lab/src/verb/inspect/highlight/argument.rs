//! Arguments of commands within a script.

use super::{ARG, COUNTER, Class, Command, META, NONE, PARAMETER, Painter, SET, UNKNOWN};

/// Commands whose braces hold commands.
const CODE: &[&str] = &[
    "do", "execute", "if", "onerror", "parse", "retry", "time", "while",
];

/// Loops that take no value without a name.
const COUNTING: &[&str] = &["for", "foreach"];

/// Says whether the braces of an argument hold commands.
fn is_code(name: &str) -> bool {
    let names = ["command", "do", "else", "on-error", "script", "source"];
    names.contains(&name) || name.starts_with("on-") || name.ends_with("-script")
}

impl Painter<'_> {
    /// Goes through the arguments of a command.
    pub(super) fn arguments(&mut self, command: &Command, end: Option<u8>) {
        // What stands in brackets is relative to the menu of the command.
        let menu = Some(&command.menu).filter(|m| !m.is_empty()).cloned();
        self.menus.extend(menu.clone());
        self.each_argument(command, end);
        if menu.is_some() {
            self.menus.pop();
        }
    }

    fn each_argument(&mut self, command: &Command, end: Option<u8>) {
        let mut naming = command.naming();
        let mut is_condition = command.is_find;
        while let Some(byte) = self.peek() {
            let before = self.at();
            match byte {
                b'\n' | b'\r' | b';' => return,
                _ if Some(byte) == end => return,
                b' ' | b'\t' => {
                    self.paint_while(NONE, |b| b == b' ' || b == b'\t');
                }
                b'\\' if self.is_continued() => self.continuation(),
                b'{' => self.braces(CODE.contains(&command.verb.as_str())),
                b'}' | b']' | b')' => self.fail(),
                b'"' | b'$' | b'(' | b'[' if naming.is_none() => self.value(false),
                _ if is_condition => self.condition(),
                _ => match naming.take() {
                    Some(class) => self.names(class),
                    None => is_condition = self.argument(command),
                },
            }
            if self.at() == before {
                // What means nothing here is passed over.
                self.paint(1, NONE);
            }
        }
    }

    /// Goes through commands or values in braces.
    pub(super) fn braces(&mut self, is_code: bool) {
        self.paint(1, META);
        if is_code {
            self.block(b'}');
        } else {
            self.expression(b'}');
        }
    }

    /// Goes through the name or names that a command gives to variables.
    fn names(&mut self, class: Class) {
        loop {
            if self.peek() == Some(b'"') || class == SET && matches!(self.peek(), Some(b'$' | b'('))
            {
                return self.value(false);
            }
            let name = self.word();
            // What is set must be there.
            let known = self.class_of(&name).filter(|_| class == SET);
            let is_given = class == SET && self.functions > 0;
            let shown = known.unwrap_or(if is_given { PARAMETER } else { class });
            if name.is_empty() || shown == SET {
                return self.fail();
            }
            self.paint(name.len(), shown);
            if let Some(scope) = self.scopes.last_mut().filter(|_| class != SET) {
                scope.insert(name, class);
            }
            if self.peek() != Some(b',') {
                return;
            }
            self.paint(1, META);
        }
    }

    /// Goes through one argument; returns whether conditions follow.
    fn argument(&mut self, command: &Command) -> bool {
        if self.peek() == Some(b'!') {
            self.paint(1, META);
        }
        let word = self.word();
        let name = String::from_utf8_lossy(&word).into_owned();
        let is_known = |name: &str| command.arguments.iter().any(|a| a == name);
        let next = self.rest().get(word.len()).copied();
        let is_scope = next == Some(b'.') && !word.is_empty() && !command.is_unknown;
        if is_scope && self.scoped(&word, command) {
            return false;
        }
        match next {
            Some(b'=') if !word.is_empty() && command.is_unknown => {
                self.paint(word.len(), NONE);
                self.paint(1, META);
                let is_tried = command.is("onerror") && name == "in";
                let is_function = command.naming().is_some_and(|c| c != COUNTER) && name == "do";
                self.functions += usize::from(is_function);
                self.value(is_tried || is_code(&name));
                self.functions -= usize::from(is_function);
            }
            Some(b'=') if is_known(&name) => {
                self.paint(word.len(), ARG);
                self.paint(1, META);
                let is_tried = command.is("onerror") && name == "in";
                let is_function = command.naming().is_some_and(|c| c != COUNTER) && name == "do";
                self.functions += usize::from(is_function);
                self.value(is_tried || is_code(&name));
                self.functions -= usize::from(is_function);
            }
            Some(b'=') if !word.is_empty() => {
                self.paint(word.len(), NONE);
                self.fail();
            }
            Some(b' ') if command.is("foreach") && name == "in" => {
                self.paint(word.len(), ARG);
                self.paint(1, "syntax-obsolete");
                self.value(false);
            }
            _ if is_known(&name) => {
                self.paint(word.len(), ARG);
                if name == "where" {
                    self.paint_while(META, |b| b == b' ' || b == b'\t');
                }
                return name == "where";
            }
            _ if COUNTING.contains(&command.verb.as_str()) && !word.is_empty() => {
                self.paint(word.len(), UNKNOWN);
                self.paint_while(NONE, |b| b == b' ');
                self.fail();
            }
            _ => self.positional(command, &name),
        }
        false
    }

    /// Goes through `scope.name=value`; returns whether it is that.
    fn scoped(&mut self, scope: &[u8], command: &Command) -> bool {
        let is_name = |b: &&u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
        let rest = self.rest();
        let name: Vec<u8> = rest.iter().take_while(is_name).copied().collect();
        let is_named = rest.get(name.len()) == Some(&b'=');
        let text = String::from_utf8_lossy(&name).into_owned();
        if !is_named || !command.arguments.contains(&text) {
            return false;
        }
        self.paint(scope.len(), "arg-scope");
        self.paint(1, "arg-dot");
        self.paint(name.len() - scope.len() - 1, ARG);
        self.paint(1, META);
        self.value(false);
        true
    }

    /// Goes through a value alone: the name of an item, perhaps.
    fn positional(&mut self, command: &Command, name: &str) {
        let rows = self.core.tree.rows(&command.menu);
        let row = rows.iter().find(|r| r.get("name") == Some(name));
        let class = match row.filter(|_| !name.is_empty()) {
            Some(row) if row.is("disabled") => "obj-disabled",
            Some(row) if row.is_dynamic => "obj-dynamic",
            _ => NONE,
        };
        let ends = |b: u8| b" \t\r\n;\"$([{}])=\\".contains(&b);
        if self.paint_while(class, |b| !ends(b)) == 0 {
            self.paint(1, META);
        }
    }
}
