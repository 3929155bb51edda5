//! An interactive console: a prompt, a line that can be edited, menus one can walk into.

use std::sync::Arc;

use routeros::script::ast::{Kind, Path};
use routeros::script::parse;
use tokio::sync::mpsc;

use super::{Screen, note_line};
use crate::core::Caller;
use crate::door::Visit;
use crate::text;

/// A longer line cannot be typed.
const LINE: usize = 4096;

/// What a byte did to the line.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Nothing,
    Echo(String),
    Line(String),
    SafeMode,
    Leave,
}

/// One shell.
pub(super) struct Shell {
    visit: Arc<Visit>,
    caller: Caller,
    screen: Screen,
    is_echoing: bool,
    menu: Vec<String>,
    editor: Editor,
}

impl Shell {
    pub(super) fn new(visit: Arc<Visit>, caller: Caller, screen: Screen, has_pty: bool) -> Self {
        Self {
            visit,
            caller,
            screen,
            is_echoing: has_pty,
            menu: Vec::new(),
            editor: Editor::default(),
        }
    }

    pub(super) async fn run(mut self, mut input: mpsc::Receiver<Vec<u8>>) {
        let greeting = self.greeting();
        let mut goes_on = self.screen.show(&greeting).await;
        while goes_on {
            let Some(bytes) = input.recv().await else {
                break;
            };
            for byte in bytes {
                goes_on = self.take(byte).await;
                if !goes_on {
                    break;
                }
            }
        }
        self.screen.end(0).await;
    }

    fn greeting(&self) -> String {
        let release = self.visit.device.release();
        let mut text = format!(
            "\r\n\r\n  MikroTik RouterOS {release} (c) 1999-2026\
             \x20      https://www.mikrotik.com/\r\n\r\n"
        );
        if release.has_slashes() {
            text.push_str("Press F1 for help\r\n\r\n");
        }
        text + &self.prompt()
    }

    /// Returns `[admin@name] /ip/address> `, as the release writes it.
    fn prompt(&self) -> String {
        let core = self.visit.device.core();
        let separator = if core.release.has_slashes() { "/" } else { " " };
        let menu = if self.menu.is_empty() {
            String::new()
        } else {
            format!("/{}", self.menu.join(separator))
        };
        let is_safe = core
            .safe
            .as_ref()
            .is_some_and(|s| s.holder == self.visit.id);
        let safe = if is_safe { "<SAFE>" } else { "" };
        format!("[{}@{}] {menu}{safe}> ", self.caller.user, core.identity())
    }

    /// Takes one byte; returns whether the shell goes on.
    async fn take(&mut self, byte: u8) -> bool {
        match self.editor.take(byte) {
            Typed::Echo(echo) if self.is_echoing => self.screen.show(&echo).await,
            Typed::Nothing | Typed::Echo(_) => true,
            Typed::Line(line) => {
                let newline = if self.is_echoing { "\r\n" } else { "" };
                let Some(shown) = self.execute(&line).await else {
                    self.screen.show(&format!("{newline}interrupted\r\n")).await;
                    return false;
                };
                let prompt = self.prompt();
                self.screen.show(&format!("{newline}{shown}{prompt}")).await
            }
            Typed::SafeMode => {
                let said = self.toggle_safe_mode();
                let prompt = self.prompt();
                self.screen.show(&format!("\r\n{said}\r\n{prompt}")).await
            }
            Typed::Leave => {
                // Who leaves this way takes back what safe mode covers.
                let mut core = self.visit.device.core();
                if core
                    .safe
                    .as_ref()
                    .is_some_and(|s| s.holder == self.visit.id)
                {
                    core.unroll("left with its shell");
                }
                false
            }
        }
    }

    fn toggle_safe_mode(&self) -> &'static str {
        let mut core = self.visit.device.core();
        let is_held = core
            .safe
            .as_ref()
            .is_some_and(|s| s.holder == self.visit.id);
        if is_held {
            match core.release_safe_mode(Some(self.visit.id)) {
                Ok(()) => "[Safe Mode released]",
                Err(_) => "[Safe Mode lost]",
            }
        } else {
            match core.take_safe_mode(self.visit.id, &self.caller.user) {
                Ok(()) => "[Safe Mode taken]",
                Err(_) => {
                    "Hijacking Safe Mode from someone - unroll/release/don't take it [u/r/d]: d"
                }
            }
        }
    }

    /// Runs a line; nothing if it ends the shell.
    async fn execute(&mut self, line: &str) -> Option<String> {
        if line.trim().is_empty() {
            return Some(String::new());
        }
        note_line(&self.visit, line);
        if let Some(menu) = self.walk(line) {
            self.menu = menu;
            return Some(String::new());
        }
        let source = if self.menu.is_empty() || line.starts_with('/') {
            line.to_owned()
        } else {
            format!("/{}\n{line}", self.menu.join("/"))
        };
        let device = Arc::clone(&self.visit.device);
        let ran = device
            .run(self.caller.clone(), String::new(), text::encode(&source))
            .await;
        if ran.quits {
            return None;
        }
        let mut shown = ran.text;
        if let Some(error) = &ran.error {
            shown.push_str(&crate::script::shown(error));
            shown.push_str("\r\n");
        }
        Some(shown)
    }

    /// Returns the menu that a line walks to, if that is all it does and the menu exists.
    fn walk(&self, line: &str) -> Option<Vec<String>> {
        if line.trim() == "/" {
            return Some(Vec::new());
        }
        let block = parse(&text::encode(line.trim())).ok()?;
        let [statement] = block.statements.as_slice() else {
            return None;
        };
        let Kind::Menu(path) = &statement.kind else {
            return None;
        };
        let menu = self.resolve(path);
        let core = self.visit.device.core();
        let shown = format!("/{}", menu.join("/"));
        let exists = menu.is_empty() || core.has_menu(&shown) || core.has_menu_below(&shown);
        exists.then_some(menu)
    }

    fn resolve(&self, path: &Path) -> Vec<String> {
        let mut menu = if path.is_absolute {
            Vec::new()
        } else {
            self.menu.clone()
        };
        for word in &path.words {
            if word == ".." {
                menu.pop();
            } else {
                menu.push(word.clone());
            }
        }
        menu
    }
}

/// The line being typed.
#[derive(Debug, Default)]
struct Editor {
    line: Vec<u8>,
    escape: Escape,
    was_return: bool,
    past: Vec<Vec<u8>>,
    at: usize,
}

/// How far into an escape sequence the input is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Started,
    Sequence,
}

impl Editor {
    fn take(&mut self, byte: u8) -> Typed {
        let was_return = std::mem::replace(&mut self.was_return, byte == b'\r');
        match (self.escape, byte) {
            (Escape::Started, b'[' | b'O') => {
                self.escape = Escape::Sequence;
                return Typed::Nothing;
            }
            (Escape::Sequence, b'@'..=b'~') => {
                self.escape = Escape::None;
                return self.arrow(byte);
            }
            (Escape::Sequence, _) => return Typed::Nothing,
            (Escape::Started, _) => {
                self.escape = Escape::None;
                return Typed::Nothing;
            }
            (Escape::None, _) => {}
        }
        match byte {
            b'\n' if was_return => Typed::Nothing,
            b'\r' | b'\n' => self.enter(),
            0x1B => {
                self.escape = Escape::Started;
                Typed::Nothing
            }
            0x08 | 0x7F => match self.line.pop() {
                Some(_) => Typed::Echo("\x08 \x08".to_owned()),
                None => Typed::Nothing,
            },
            0x03 | 0x15 => self.replace(Vec::new()),
            0x04 if self.line.is_empty() => Typed::Leave,
            0x18 => Typed::SafeMode,
            b' '..=b'~' | 0x80.. if self.line.len() < LINE => {
                self.line.push(byte);
                Typed::Echo(text::decode(&[byte]))
            }
            _ => Typed::Nothing,
        }
    }

    fn enter(&mut self) -> Typed {
        let line = std::mem::take(&mut self.line);
        let text = text::decode(&line);
        if !line.is_empty() {
            self.past.push(line);
        }
        self.at = self.past.len();
        Typed::Line(text)
    }

    fn arrow(&mut self, byte: u8) -> Typed {
        self.at = match byte {
            b'A' => self.at.saturating_sub(1),
            b'B' => (self.at + 1).min(self.past.len()),
            _ => return Typed::Nothing,
        };
        let line = self.past.get(self.at).cloned().unwrap_or_default();
        self.replace(line)
    }

    /// Rubs the line out and types another.
    fn replace(&mut self, line: Vec<u8>) -> Typed {
        let rubbed = "\x08 \x08".repeat(self.line.len());
        self.line = line;
        Typed::Echo(rubbed + &text::decode(&self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::{Editor, Typed};

    fn lines(input: &[u8]) -> Vec<String> {
        let mut editor = Editor::default();
        let typed = input.iter().map(|b| editor.take(*b));
        typed
            .filter_map(|t| {
                if let Typed::Line(line) = t {
                    Some(line)
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn a_line_can_be_edited_and_recalled() {
        assert_eq!(lines(b"/ip adx\x7fdress\r\n"), ["/ip address"]);
        assert_eq!(lines(b"one\rtwo\r\x1b[A\x1b[A\r"), ["one", "two", "one"]);
        assert_eq!(lines(b"gone\x03kept\n"), ["kept"]);
    }
}
