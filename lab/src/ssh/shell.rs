//! An interactive console: a prompt, a line that can be edited, menus one can walk into.

use std::collections::VecDeque;
use std::sync::Arc;

use routeros::script::ast::{Kind, Path};
use routeros::script::parse;
use tokio::sync::mpsc;

use super::terminal::{LoginOptions, Size};
use super::{Screen, note_line};
use crate::core::{Caller, Notice};
use crate::door::Visit;
use crate::switches::Greeting;
use crate::text;

mod completion;
mod editor;
mod greeting;
mod pager;
mod safe;
mod watch;

use editor::{Editor, Typed};
use greeting::{Asked, Question};
use pager::{Page, Pager};
use watch::Watching;

/// What the next byte is for.
#[derive(Debug)]
enum Mode {
    Line,
    Paging(Pager),
    Asking(Question),
    Hijacking,
    Watching(Box<Watching>),
}

/// The terminal of a shell.
#[derive(Debug, Clone)]
pub(super) struct Tty {
    pub(super) has_pty: bool,
    pub(super) is_dumb: bool,
    pub(super) options: LoginOptions,
    pub(super) size: Size,
}

/// One shell.
pub(super) struct Shell {
    visit: Arc<Visit>,
    caller: Caller,
    screen: Screen,
    tty: Tty,
    mode: Mode,
    /// What is still to be asked before the first prompt.
    questions: VecDeque<Greeting>,
    /// The terminal has not said how large it is, so that nothing is drawn.
    is_blind: bool,
    probe: Vec<u8>,
    menu: Vec<String>,
    editor: Editor,
    /// The last key asked for completion, and there was more than one.
    has_asked: bool,
}

impl Shell {
    pub(super) fn new(visit: Arc<Visit>, caller: Caller, screen: Screen, tty: Tty) -> Self {
        let switches = &visit.device.spec.switches;
        let asks = tty.has_pty && !tty.is_dumb && !tty.options.is_not_probed;
        let is_blind = switches.probes_terminal && asks;
        let questions = switches.greets.iter().copied().filter(|_| tty.has_pty);
        Self {
            questions: questions.collect(),
            is_blind,
            visit,
            caller,
            screen,
            tty,
            mode: Mode::Line,
            probe: Vec::new(),
            menu: Vec::new(),
            editor: Editor::default(),
            has_asked: false,
        }
    }

    pub(super) async fn run(mut self, mut input: mpsc::Receiver<Vec<u8>>) {
        let mut notices = self.visit.device.core().notices();
        let mut goes_on = if self.is_blind {
            self.screen.show("\x1bZ\x1b[6n").await
        } else {
            self.greet().await
        };
        while goes_on {
            let bytes = tokio::select! {
                // What was said before a key was pressed is shown before it counts.
                biased;
                Ok(notice) = notices.recv() => {
                    goes_on = self.notice(&notice).await;
                    continue;
                }
                bytes = input.recv() => bytes,
                () = self.pause() => {
                    goes_on = self.look().await;
                    continue;
                }
            };
            let Some(bytes) = bytes else { break };
            for byte in bytes {
                goes_on = self.take(byte).await;
                if !goes_on {
                    break;
                }
            }
        }
        self.screen.end(0).await;
    }

    /// Returns how wide the terminal is, as it is now.
    fn columns(&self) -> Option<usize> {
        let size = self.tty.has_pty.then(|| self.tty.size.get().0);
        let columns = self.tty.options.columns.or(size)?;
        usize::try_from(columns).ok()
    }

    async fn show(&self, text: &str) -> bool {
        self.is_blind || self.screen.show(text).await
    }

    async fn greet(&mut self) -> bool {
        let release = self.visit.device.release();
        let mut text = format!(
            "\r\n\r\n  MikroTik RouterOS {release} (c) 1999-2026\
             \x20      https://www.mikrotik.com/\r\n\r\n"
        );
        if release.has_slashes() {
            text.push_str("Press F1 for help\r\n\r\n");
        }
        self.show(&text).await && self.ask_next().await
    }

    /// Asks what is to be asked next, or shows the first prompt.
    async fn ask_next(&mut self) -> bool {
        if let Some(greeting) = self.questions.pop_front() {
            let question = Question::new(greeting);
            let text = question.text();
            self.mode = Mode::Asking(question);
            return self.show(text).await;
        }
        self.mode = Mode::Line;
        let prompt = self.prompt();
        self.show(&prompt).await
    }

    /// Returns `[admin@name] /ip/address> `, as the release writes it, and redraws the line.
    fn prompt(&self) -> String {
        let core = self.visit.device.core();
        let separator = if core.release.has_slashes() { "/" } else { " " };
        let menu = if self.menu.is_empty() {
            String::new()
        } else {
            format!("/{}", self.menu.join(separator))
        };
        let is_safe = core.holds_safe_mode(self.visit.id);
        let end = if is_safe { "<SAFE>" } else { ">" };
        let drawn = if self.tty.has_pty && !self.tty.is_dumb {
            "\r\r\r\r"
        } else {
            ""
        };
        let (user, identity) = (&self.caller.user, core.identity());
        format!("{drawn}[{user}@{identity}] {menu}{end} ")
    }

    async fn notice(&mut self, notice: &Notice) -> bool {
        if notice.session.is_some_and(|s| s != self.visit.id) || !self.tty.has_pty {
            return true;
        }
        let again = match self.mode {
            Mode::Line => self.prompt() + &self.editor.shown(),
            _ => String::new(),
        };
        self.show(&format!("\r{}\r\n{again}", notice.text)).await
    }

    /// Takes one byte; returns whether the shell goes on.
    async fn take(&mut self, byte: u8) -> bool {
        if self.is_blind && self.is_probe(byte) {
            return self.is_blind || self.greet().await;
        }
        if byte == b'?' && matches!(self.mode, Mode::Line) && self.asks() {
            return self.act(Typed::Help).await;
        }
        match &mut self.mode {
            Mode::Paging(pager) => {
                let page = pager.key(byte);
                self.turn(page).await
            }
            Mode::Asking(question) => match question.key(byte) {
                Asked::Again(text) => self.show(&text).await,
                Asked::Answered(text) => self.show(&text).await && self.ask_next().await,
                Asked::Password(password) => {
                    self.change_password(&password);
                    self.show("\r\nPassword changed\r\n").await && self.ask_next().await
                }
            },
            Mode::Hijacking => self.hijack(byte).await,
            Mode::Watching(_) => self.watch_key(byte).await,
            Mode::Line => {
                let typed = self.editor.take(byte);
                self.act(typed).await
            }
        }
    }

    /// Takes a terminal's answer to the question how large it is.
    fn is_probe(&mut self, byte: u8) -> bool {
        match (self.probe.as_slice(), byte) {
            ([], 0x1B) | ([0x1B], b'[') | ([0x1B, b'[', ..], b'0'..=b'9' | b';')
                if self.probe.len() < 16 =>
            {
                self.probe.push(byte);
            }
            ([0x1B, b'[', ..], b'R') => {
                self.is_blind = false;
                self.probe.clear();
            }
            _ => {
                self.probe.clear();
                return false;
            }
        }
        true
    }

    async fn act(&mut self, typed: Typed) -> bool {
        let has_asked = std::mem::take(&mut self.has_asked);
        match typed {
            Typed::Complete => self.complete(has_asked).await,
            Typed::Help => self.help().await,
            Typed::Echo(echo) if self.tty.has_pty => self.show(&echo).await,
            Typed::Nothing | Typed::Echo(_) => true,
            Typed::Line(line) => self.enter(&line).await,
            Typed::Redraw => {
                let text = self.prompt() + &self.editor.shown();
                self.show(&format!("\r\n{text}")).await
            }
            Typed::SafeMode => self.toggle_safe_mode().await,
            Typed::Leave => {
                self.take_back_what_is_safe();
                false
            }
        }
    }

    async fn enter(&mut self, line: &str) -> bool {
        let newline = if self.tty.has_pty { "\r\n" } else { "" };
        let Some(shown) = self.execute(line).await else {
            self.keep_what_is_safe();
            self.show(&format!("{newline}interrupted\r\n")).await;
            return false;
        };
        let rows = self.tty.options.rows.unwrap_or(self.tty.size.get().1);
        let is_watching = matches!(self.mode, Mode::Watching(_));
        if self.tty.has_pty && !is_watching && pager::is_paged(line) {
            let mut pager = Pager::new(&shown, rows);
            let page = pager.first();
            self.mode = Mode::Paging(pager);
            return self.show(newline).await && self.turn(page).await;
        }
        if matches!(self.mode, Mode::Watching(_)) {
            return self.show(&format!("{newline}{shown}")).await && self.look().await;
        }
        let prompt = self.prompt();
        self.show(&format!("{newline}{shown}{prompt}")).await
    }

    async fn turn(&mut self, page: Page) -> bool {
        match page {
            Page::More(text) => self.show(&text).await,
            Page::Last(text) => {
                self.mode = Mode::Line;
                let prompt = self.prompt();
                self.show(&format!("{text}{prompt}")).await
            }
        }
    }

    fn change_password(&self, password: &str) {
        let mut core = self.visit.device.core();
        core.set_password(&self.caller, password);
    }

    /// Runs a line; nothing if it ends the shell.
    async fn execute(&mut self, line: &str) -> Option<String> {
        if line.trim().is_empty() {
            return Some(String::new());
        }
        note_line(&self.visit, line);
        let line = &self.visit.device.core().in_full(&self.path(), line);
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
        let caller = Caller {
            columns: self.columns(),
            watches: self.tty.has_pty,
            ..self.caller.clone()
        };
        let ran = device
            .run(caller, String::new(), text::encode(&source))
            .await;
        if ran.quits {
            return None;
        }
        self.begin_to_watch(ran.watch);
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
