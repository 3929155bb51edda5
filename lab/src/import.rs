//! `/import`: a file read as one script, or line by line.

use std::sync::Arc;

use routeros::script::ast::{Kind, Path};
use routeros::script::{Problem, ScriptError};

use crate::core::Caller;
use crate::device::Inner;
use crate::script::{self, Ran};
use crate::text;

/// What a console says at the end.
const DONE: &str = "\r\nScript file loaded and executed successfully\r\n";

/// How a file is imported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Line by line, and each line is shown.
    pub(crate) is_verbose: bool,
    /// Nothing is done; all that is wrong is told.
    pub(crate) is_dry: bool,
    /// The first line that counts, from 1.
    pub(crate) from_line: usize,
}

/// Imports a file on the calling thread.
pub(crate) fn run(
    device: &Arc<Inner>,
    runtime: &tokio::runtime::Handle,
    caller: &Caller,
    source: &[u8],
    manner: Manner,
) -> Ran {
    let lines: Vec<&[u8]> = source.split(|b| *b == b'\n').collect();
    let skipped = manner.from_line.saturating_sub(1).min(lines.len());
    let mut ran = if manner.is_verbose {
        let mut walk = Walk {
            device,
            runtime,
            caller,
            is_dry: manner.is_dry,
            menu: Vec::new(),
            ran: Ran::default(),
        };
        walk.lines(&lines, skipped);
        walk.ran
    } else {
        // What is left out keeps its place, so that lines are counted as in the file.
        let mut rest = vec![b'\n'; skipped];
        let kept = lines.get(skipped..).unwrap_or_default();
        rest.extend(kept.join(&b'\n'));
        script::run(device, runtime, caller.clone(), &rest)
    };
    if ran.error.is_none() && ran.after.is_none() {
        ran.text.push_str(DONE);
    }
    ran
}

/// An import that is under way, line by line.
struct Walk<'a> {
    device: &'a Arc<Inner>,
    runtime: &'a tokio::runtime::Handle,
    caller: &'a Caller,
    is_dry: bool,
    /// Where the lines so far have led.
    menu: Vec<String>,
    ran: Ran,
}

impl Walk<'_> {
    fn lines(&mut self, lines: &[&[u8]], skipped: usize) {
        let mut chunk: Vec<u8> = Vec::new();
        let mut first = skipped;
        for (at, line) in lines.iter().enumerate().skip(skipped) {
            if chunk.is_empty() {
                first = at;
            } else {
                chunk.push(b'\n');
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            chunk.extend_from_slice(line);
            let is_last = at + 1 == lines.len();
            if !is_last && (line.ends_with(b"\\") || self.is_open(&chunk)) {
                continue;
            }
            let chunk = std::mem::take(&mut chunk);
            if chunk.trim_ascii().is_empty() {
                continue;
            }
            let shown = text::decode(&chunk).replace('\n', "\r\n");
            let shown = format!("#line {}\r\n{shown}\r\n", first + 1);
            self.ran.text.push_str(&shown);
            if !self.chunk(&chunk, first) {
                return;
            }
        }
    }

    /// Says whether a command goes on in the next line.
    fn is_open(&self, chunk: &[u8]) -> bool {
        let read = self.device.core().understand(chunk);
        matches!(
            read.map_err(|e| e.problem),
            Err(Problem::ExpectedBrace | Problem::ExpectedBracket | Problem::ExpectedQuote)
        )
    }

    /// Carries out a command that begins in a line, counted from 0; returns whether to go on.
    fn chunk(&mut self, chunk: &[u8], first: usize) -> bool {
        let mut source = Vec::new();
        if !self.menu.is_empty() {
            source.extend(format!("/{}\n", self.menu.join("/")).into_bytes());
        }
        source.extend_from_slice(chunk);
        let read = self.device.core().understand(&source);
        let error = match read {
            Ok(block) => {
                let wrong = block.statements.iter().find_map(|s| match &s.kind {
                    Kind::Menu(path) => {
                        self.go(path);
                        None
                    }
                    Kind::Wrong(_, error) => Some(error.clone()),
                    _ => None,
                });
                if self.is_dry {
                    wrong
                } else {
                    self.run(&source)
                }
            }
            Err(error) => Some(error),
        };
        let Some(mut error) = error else {
            return self.ran.after.is_none() && !self.ran.quits;
        };
        self.locate(&mut error, first);
        if self.is_dry {
            let shown = format!("{}\r\n", script::shown(&error));
            self.ran.text.push_str(&shown);
        }
        self.ran.error.get_or_insert(error);
        self.is_dry
    }

    fn go(&mut self, path: &Path) {
        if path.is_absolute {
            self.menu.clear();
        }
        for word in &path.words {
            if word == ".." {
                self.menu.pop();
            } else {
                self.menu.push(word.clone());
            }
        }
    }

    fn run(&mut self, source: &[u8]) -> Option<ScriptError> {
        let ran = script::run(self.device, self.runtime, self.caller.clone(), source);
        self.ran.text.push_str(&ran.text);
        self.ran.after = ran.after;
        self.ran.quits = ran.quits;
        ran.error
    }

    /// Tells the place in the file, rather than that in what was run.
    fn locate(&self, error: &mut ScriptError, first: usize) {
        let ahead = u32::from(!self.menu.is_empty() && error.position.line > 1);
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        error.position.line = (error.position.line - ahead).saturating_add(first);
    }
}
