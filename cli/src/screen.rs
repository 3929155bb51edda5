//! A page on the alternate screen: when it has been read, it is gone from the terminal.

use std::io::{self, Write as _};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::CliError;

/// Puts the terminal back, however the page ends.
struct Screen;

impl Screen {
    fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let screen = Self;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Cleared first: some terminals keep what the alternate screen showed last.
        drop(execute!(
            io::stdout(),
            Clear(ClearType::All),
            LeaveAlternateScreen,
            Show
        ));
        drop(disable_raw_mode());
    }
}

/// Whether the terminal is large enough for these lines.
pub fn fits(lines: &[String]) -> Result<bool, CliError> {
    let (columns, rows) = size()?;
    let widest = lines.iter().map(|line| line.chars().count()).max();
    Ok(widest <= Some(columns.into()) && lines.len() < rows.into())
}

/// Shows lines until the person presses Enter. Refuses when the terminal is too small.
pub async fn show(lines: &[String]) -> Result<(), CliError> {
    let (columns, rows) = size()?;
    let widest = lines.iter().map(|line| line.chars().count()).max();
    if !fits(lines)? {
        return Err(CliError::Usage {
            message: format!(
                "it takes a terminal of {} columns and {} lines; this one has {columns} and {rows}",
                widest.unwrap_or_default(),
                lines.len() + 1,
            ),
            hint: Some("make it larger, or write a file: todctl account kit save".to_owned()),
        });
    }
    let mut ends = signal(SignalKind::terminate())?;
    let mut hangs_up = signal(SignalKind::hangup())?;
    let screen = Screen::open()?;
    let mut out = io::stdout();
    queue!(out, Clear(ClearType::All), MoveTo(0, 0))?;
    for line in lines {
        write!(out, "{line}\r\n")?;
    }
    write!(out, "Press Enter when you have read it.")?;
    out.flush()?;
    let mut events = EventStream::new();
    let read = loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) if is_read(&event) => break Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => break Err(error.into()),
                None => break Ok(()),
            },
            _ = ends.recv() => break Err(CliError::Interrupted),
            _ = hangs_up.recv() => break Err(CliError::Interrupted),
        }
    };
    drop(screen);
    read
}

fn is_read(event: &Event) -> bool {
    let Event::Key(key) = event else {
        return false;
    };
    let interrupted =
        key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    let done = matches!(key.code, KeyCode::Enter | KeyCode::Esc | KeyCode::Char('q'));
    key.kind == KeyEventKind::Press && (interrupted || done)
}
