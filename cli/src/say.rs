//! What is said beside the result: progress, notices, hints. All of it goes to stderr.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tod_proto::untrusted::plain;

use crate::error::Report;
use crate::term::{Paint, Term};

enum Sink {
    Stderr(AutoStream<io::Stderr>),
    Captured(String),
}

/// Talks to the person.
#[derive(Clone)]
pub struct Say {
    sink: Arc<Mutex<Sink>>,
    quiet: bool,
    is_tty: bool,
}

impl std::fmt::Debug for Say {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Say")
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

impl Say {
    /// Talks on stderr.
    pub fn stderr(term: &Term, quiet: bool) -> Self {
        let stream = AutoStream::new(io::stderr(), term.stderr_colour);
        Self {
            sink: Arc::new(Mutex::new(Sink::Stderr(stream))),
            quiet,
            is_tty: term.stderr_tty,
        }
    }

    /// Keeps what is said, for tests.
    pub fn captured() -> Self {
        Self {
            sink: Arc::new(Mutex::new(Sink::Captured(String::new()))),
            quiet: false,
            is_tty: false,
        }
    }

    /// What was said so far, if it was captured.
    pub fn text(&self) -> String {
        match &*self.sink.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Captured(text) => text.clone(),
            Sink::Stderr(_) => String::new(),
        }
    }

    /// Whether a person is listening.
    pub fn is_tty(&self) -> bool {
        self.is_tty
    }

    fn line(&self, line: &str) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *sink {
            // Whoever closed our stderr does not want to know.
            Sink::Stderr(stream) => drop(writeln!(stream, "{line}")),
            Sink::Captured(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }

    /// A notice, unless `--quiet`.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.line(text.as_ref());
        }
    }

    /// A warning, unless `--quiet`.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.note(format!("{} {}", Paint::warn("warning:"), text.as_ref()));
    }

    /// What must be read, whatever the flags are.
    pub fn loud(&self, text: impl AsRef<str>) {
        self.line(text.as_ref());
    }

    /// A next step, for people only.
    pub fn next(&self, command: impl AsRef<str>) {
        if self.is_tty {
            self.note(format!("{} {}", Paint::dim("next:"), command.as_ref()));
        }
    }

    /// An error, for people.
    pub fn error(&self, report: &Report) {
        for (label, text) in report.lines() {
            let label = format!("{label:>5}:");
            let label = match label.as_str() {
                "error:" => Paint::bad(&label),
                label => Paint::dim(label),
            };
            self.line(&format!("{label} {text}"));
        }
    }

    /// An error, for programs.
    pub fn error_json(&self, report: &Report) {
        let json = serde_json::json!({ "error": report }).to_string();
        self.line(&crate::output::json_safe(&json));
    }

    /// Something that turns while a person waits; it is gone when it is dropped.
    pub fn spinner(&self, text: &str) -> Spinner {
        if self.quiet || !self.is_tty {
            return Spinner(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        bar.set_message(plain(text));
        bar.enable_steady_tick(Duration::from_millis(100));
        Spinner(Some(bar))
    }
}

/// Something that turns; see [`Say::spinner`].
#[derive(Debug)]
pub struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// Does something that writes, without leaving a piece of it on the screen.
    pub fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    /// Says something else beside it.
    pub fn says(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
