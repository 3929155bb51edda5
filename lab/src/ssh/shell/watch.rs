//! What is shown again and again until a key is pressed.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use super::{Mode, Shell};
use crate::device::Pings;
use crate::print::echo;
use crate::script::Watch;
use crate::verb::Order;

/// What is said below a sample.
const KEYS: &str = "-- [Q quit|D dump|C-z pause]";

/// Something that is being watched.
#[derive(Debug)]
pub(super) struct Watching {
    what: What,
    is_paused: bool,
    /// How many lines the last sample took, so that the next takes its place.
    lines: usize,
}

#[derive(Debug)]
enum What {
    Samples(Order),
    Echoes(Pings, String),
}

impl Watching {
    fn pace(&self) -> Duration {
        match &self.what {
            What::Samples(order) => order.pace(),
            What::Echoes(..) => Duration::from_secs(1),
        }
    }
}

impl Shell {
    pub(super) fn begin_to_watch(&mut self, watch: Option<Watch>) {
        let what = match watch {
            None => return,
            Some(Watch::Samples(order)) => What::Samples(order),
            Some(Watch::Echoes(address)) => What::Echoes(Pings::new(&address), address),
        };
        self.mode = Mode::Watching(Box::new(Watching {
            what,
            is_paused: false,
            lines: 0,
        }));
    }

    /// Waits until there is more to see; for ever if nothing is watched.
    pub(super) async fn pause(&self) {
        match &self.mode {
            Mode::Watching(watching) if !watching.is_paused => {
                let clock = Arc::clone(&self.visit.device.around.clock);
                clock.sleep(watching.pace()).await;
            }
            _ => pending().await,
        }
    }

    /// Shows what there is to see now.
    pub(super) async fn look(&mut self) -> bool {
        let columns = self.columns();
        let device = Arc::clone(&self.visit.device);
        let is_modern = device.release().has_slashes();
        let is_dumb = self.tty.is_dumb;
        let Mode::Watching(watching) = &mut self.mode else {
            return true;
        };
        let text = match &mut watching.what {
            What::Samples(order) => {
                order.columns = columns;
                let core = device.core();
                let rows = core.sample(order).unwrap_or_default();
                let shown = core.table_of(order, &rows) + "\r\n";
                let up = if watching.lines > 0 && !is_dumb {
                    format!("\r\x1b[{}A\x1b[J", watching.lines)
                } else if watching.lines > 0 {
                    format!("\r{}\r", " ".repeat(KEYS.len()))
                } else {
                    String::new()
                };
                watching.lines = shown.matches('\n').count();
                format!("{up}{shown}{KEYS}")
            }
            What::Echoes(pings, address) => {
                let is_first = pings.sent() == 0;
                let row = pings.next(device.echo(address));
                let head = if is_first {
                    echo::head(is_modern) + "\r\n"
                } else {
                    String::new()
                };
                format!("{head}{}\r\n", echo::row(&row, is_modern))
            }
        };
        self.show(&text).await
    }

    /// Takes a key while something is watched.
    pub(super) async fn watch_key(&mut self, byte: u8) -> bool {
        let Mode::Watching(watching) = &mut self.mode else {
            return true;
        };
        match byte {
            b'q' | b'Q' | 0x03 => {
                let end = match &watching.what {
                    What::Samples(_) => format!("\r{}\r", " ".repeat(KEYS.len())),
                    What::Echoes(pings, _) => echo::total(&pings.total()) + "\r\n\r\n",
                };
                self.mode = Mode::Line;
                let prompt = self.prompt();
                self.show(&format!("{end}{prompt}")).await
            }
            // The next sample goes below this one.
            b'd' | b'D' => {
                watching.lines = 0;
                self.show("\r\n").await
            }
            0x1A => {
                watching.is_paused = !watching.is_paused;
                true
            }
            _ => true,
        }
    }
}
