//! Values, texts, variables and conditions within a script.

use super::{ARG, Class, ESCAPED, LOCAL, META, NONE, PARAMETER, Painter, UNDEFINED};

impl Painter<'_> {
    /// Says whether a line goes on after a backslash.
    pub(super) fn is_continued(&self) -> bool {
        let rest = self.rest();
        rest.starts_with(b"\\\n") || rest.starts_with(b"\\\r\n")
    }

    /// Goes through a backslash, the end of its line and the blanks of the next.
    pub(super) fn continuation(&mut self) {
        self.paint(1, ESCAPED);
        self.paint_while(ESCAPED, |b| b == b'\r');
        self.paint(1, ESCAPED);
        self.paint_while(ESCAPED, |b| b == b' ' || b == b'\t');
    }

    /// Returns what kind of variable a name is, if it is one.
    pub(super) fn class_of(&self, name: &[u8]) -> Option<Class> {
        let mut scopes = self.scopes.iter().rev();
        scopes.find_map(|scope| scope.get(name).copied())
    }

    /// Goes through a value up to what ends it; braces hold commands or values.
    pub(super) fn value(&mut self, is_code: bool) {
        loop {
            match self.peek() {
                Some(b'"') => self.text(),
                Some(b'$') => self.variable(),
                Some(b'[') => {
                    self.paint(1, META);
                    self.block(b']');
                }
                Some(b'(') => {
                    self.paint(1, META);
                    self.expression(b')');
                }
                Some(b'{') => self.braces(is_code),
                Some(b'\\') if self.is_continued() => self.continuation(),
                Some(b' ' | b'\t' | b'\n' | b'\r' | b';' | b'}' | b']' | b')') | None => return,
                Some(b'-') if self.rest().starts_with(b"->") => self.paint(2, META),
                Some(_) => {
                    let ends = |b: u8| b" \t\r\n;\"$([{}])\\".contains(&b);
                    if self.paint_while(NONE, |b| !ends(b)) == 0 {
                        self.paint(1, NONE);
                    }
                }
            }
        }
    }

    /// Goes through a text in quotes.
    fn text(&mut self) {
        self.paint(1, META);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => return self.paint(1, META),
                b'\\' => self.escape(),
                b'$' => self.variable(),
                _ => {
                    self.paint_while(NONE, |b| !b"\"\\$".contains(&b));
                }
            }
        }
    }

    fn escape(&mut self) {
        let rest = self.rest();
        let is_hex = |n: usize| rest.get(n).is_some_and(u8::is_ascii_hexdigit);
        let count = match rest.get(1) {
            Some(b'\n' | b'\r') | None => 1,
            _ if is_hex(1) && is_hex(2) => 3,
            _ => 2,
        };
        self.paint(count, ESCAPED);
        if count == 1 {
            self.paint_while(NONE, |b| b"\r\n \t".contains(&b));
        }
    }

    /// Goes through `$name`, `$(…)` and `$[…]`.
    fn variable(&mut self) {
        self.paint(1, META);
        match self.peek() {
            Some(b'(') => {
                self.paint(1, META);
                self.expression(b')');
            }
            Some(b'[') => {
                self.paint(1, META);
                self.block(b']');
            }
            _ => {
                let is_name = |b: &&u8| b.is_ascii_alphanumeric();
                let name: Vec<u8> = self.rest().iter().take_while(is_name).copied().collect();
                let class = self.class_of(&name).unwrap_or(PARAMETER);
                self.paint(name.len(), class);
                if let Some(scope) = self.scopes.last_mut() {
                    scope.entry(name).or_insert(class);
                }
            }
        }
    }

    /// Goes through what stands between parentheses.
    pub(super) fn expression(&mut self, end: u8) {
        self.scopes.push(std::collections::BTreeMap::new());
        if self.scopes.len() > super::DEEPEST {
            self.has_failed = true;
        }
        while let Some(byte) = self.peek() {
            match byte {
                _ if byte == end => {
                    self.paint(1, META);
                    break;
                }
                b' ' | b'\t' | b'\n' | b'\r' => self.paint(1, NONE),
                b'\\' if self.is_continued() => self.continuation(),
                b'(' => {
                    self.paint(1, META);
                    self.expression(b')');
                }
                b'"' => self.text(),
                b'$' => self.variable(),
                b'[' => {
                    self.paint(1, META);
                    self.block(b']');
                }
                b'{' => {
                    self.paint(1, META);
                    self.expression(b'}');
                }
                b']' | b'}' | b')' => self.fail(),
                b'0'..=b'9' | b'*' if self.is_literal() => {
                    let is_part = |b: u8| b.is_ascii_alphanumeric() || b".:/".contains(&b);
                    self.paint(1, NONE);
                    self.paint_while(NONE, is_part);
                }
                b'a'..=b'z' | b'A'..=b'Z' => self.bare(),
                _ => self.paint(1, META),
            }
        }
        self.scopes.pop();
    }

    fn is_literal(&self) -> bool {
        let next = self.rest().get(1);
        self.peek() != Some(b'*') || next.is_some_and(u8::is_ascii_hexdigit)
    }

    /// Goes through a word in an expression: a constant, an operator, or a variable.
    fn bare(&mut self) {
        let is_part = |b: &&u8| b.is_ascii_alphanumeric();
        let word: Vec<u8> = self.rest().iter().take_while(is_part).copied().collect();
        let is_key = self.rest().get(word.len()) == Some(&b'=');
        let class = match word.as_slice() {
            _ if is_key && self.class_of(&word).is_none() => NONE,
            b"true" | b"false" | b"yes" | b"no" | b"nothing" => NONE,
            b"and" | b"or" | b"in" | b"any" => META,
            name => self.class_of(name).unwrap_or(UNDEFINED),
        };
        self.paint(word.len(), class);
    }

    /// Goes through a part of a condition.
    pub(super) fn condition(&mut self) {
        let word = self.word();
        match word.as_slice() {
            b"" => {
                let is_compared = self.paint_while(META, |b| b"!&|".contains(&b));
                let is_compared = is_compared == 0 || self.peek() == Some(b'=');
                self.paint_while(META, |b| b"=~<>".contains(&b));
                let ends = |b: u8| b" \t\r\n;\"$([{}])=~<>!\\".contains(&b);
                let count = self.paint_while(NONE, |b| is_compared && !ends(b));
                if count == 0 && is_compared && matches!(self.peek(), Some(b'\\')) {
                    self.paint(1, META);
                }
            }
            b"where" => {
                self.paint(word.len(), ARG);
                self.paint_while(META, |b| b == b' ' || b == b'\t');
            }
            b"and" | b"or" | b"in" => self.paint(word.len(), META),
            _ => {
                self.paint(word.len(), LOCAL);
                let rest = self.rest();
                let blanks = rest.iter().take_while(|b| **b == b' ').count();
                let next = rest.get(blanks..).unwrap_or_default();
                let is_word = next.starts_with(b"and ") || next.starts_with(b"or ");
                let is_joined = is_word || next.first().is_some_and(|b| b"=~<>!&|+-".contains(b));
                self.paint(blanks, if is_joined { META } else { NONE });
            }
        }
    }
}
