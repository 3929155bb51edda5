//! Faults: values that make a device go wrong on purpose.

use std::time::Duration;

use jiff::SignedDuration;
use tod_proto::lab::{Event, Fault};
use tokio::time::Instant;

use crate::core::Core;
use crate::seed::Seed;
use crate::text;
use crate::tree::Row;

/// An identity that tries to steer a terminal, and is not UTF-8.
const EVIL: &[u8] = b"evil\x1b[2J\x1b]0;owned\x07\xff\xfe\r\nname";

/// Comments that try a reader: every byte, writing that turns around, letters that are none.
fn evil_comments() -> [String; 3] {
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let turned = "admin\u{202e}nimda\u{2066}\u{200b}\u{feff}\u{430}dmin\u{1f4a9}";
    let long = "long ".repeat(64 * 1024 / 5);
    [text::decode(&every), turned.to_owned(), long]
}

/// What holds safe mode when a fault says that somebody does.
const STRANGER: u64 = u64::MAX;

impl Core {
    /// Adds a fault, with what it does at once.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.record(Event::Faulted {
            fault: fault.clone(),
        });
        match &fault {
            Fault::ClockJump { seconds } => self.jump(SignedDuration::from_secs(*seconds)),
            Fault::EvilNames => {
                let name = text::decode(EVIL);
                self.set_single("/system/identity", "name", &name);
            }
            Fault::EvilComments => self.comment_ports(&evil_comments().map(Some)),
            Fault::CounterReset => self.zero_links(),
            // Where somebody holds it already, that one is as good as a stranger.
            Fault::SafeModeHeld => drop(self.take_safe_mode(STRANGER, "stranger")),
            _ => {}
        }
        self.faults.push(fault);
        self.refresh_faulty();
    }

    /// Takes all faults away, and what they still do.
    pub(crate) fn clear_faults(&mut self) {
        for fault in std::mem::take(&mut self.faults) {
            self.undo_fault(&fault);
        }
        self.refresh_faulty();
    }

    /// Takes one fault away.
    pub(crate) fn clear_fault(&mut self, fault: &Fault) {
        if let Some(at) = self.faults.iter().position(|f| f == fault) {
            let fault = self.faults.remove(at);
            self.undo_fault(&fault);
            self.refresh_faulty();
        }
    }

    fn refresh_faulty(&mut self) {
        self.refresh_sessions();
        self.wake.notify_one();
        self.changed.notify_waiters();
    }

    fn undo_fault(&mut self, fault: &Fault) {
        match fault {
            Fault::ClockJump { seconds } => self.jump(SignedDuration::from_secs(-*seconds)),
            Fault::EvilNames => {
                let name = self.spec.name.clone();
                self.set_single("/system/identity", "name", &name);
            }
            Fault::EvilComments => self.comment_ports(&[None, None, None]),
            // Nobody but the stranger can release it this way.
            Fault::SafeModeHeld => drop(self.release_safe_mode(Some(STRANGER))),
            _ => {}
        }
    }

    /// Returns the name under which it was made, or the one it pretends to.
    fn pretended(&self) -> &str {
        let clone = self.faults.iter().find_map(|f| match f {
            Fault::CloneOf { device } => Some(device.as_str()),
            _ => None,
        });
        clone.unwrap_or(&self.spec.name)
    }

    /// Returns the serial number that the device shows.
    pub(crate) fn serial(&self) -> String {
        self.spec.serial_of(self.pretended())
    }

    /// Returns what its licence and its MAC addresses are made of.
    pub(crate) fn hardware(&self) -> Seed {
        Seed::new(self.spec.seed).of(self.pretended())
    }

    fn comment_ports(&mut self, comments: &[Option<String>]) {
        let path = "/interface/ethernet";
        let ports: Vec<_> = self.tree.rows(path).iter().map(|r| r.id).collect();
        for (id, comment) in ports.into_iter().zip(comments) {
            let Some(row) = self.tree.row_mut(path, id) else {
                continue;
            };
            match comment {
                Some(comment) => {
                    row.set("comment".into(), comment.clone());
                }
                None => {
                    row.unset("comment");
                }
            }
        }
    }

    fn zero_links(&mut self) {
        let ids: Vec<_> = self.interfaces().iter().map(|i| i.row.id).collect();
        for id in ids {
            self.reset_counters(id);
        }
    }

    /// Counts a command against a slow processor; returns how long it takes.
    pub(crate) fn toil(&mut self) -> Option<Duration> {
        let (burst, then) = self.faults.iter().find_map(|f| match f {
            Fault::SlowCpu { burst, then_ms } => Some((*burst, *then_ms)),
            _ => None,
        })?;
        let (burst, step) = (f64::from(burst), Duration::from_millis(then.max(1)));
        let now = Instant::now();
        let (left, since) = self.stamina.unwrap_or((burst, now));
        let rested = now.duration_since(since).as_secs_f64() / step.as_secs_f64();
        let left = (left + rested).min(burst) - 1.0;
        self.stamina = Some((left.max(0.0), now));
        (left < 0.0).then_some(step)
    }

    /// Leaves a menu out of an export, as a device does that cannot read it in time.
    pub(crate) fn time_out(&self, export: String) -> String {
        let mut export = export;
        for fault in &self.faults {
            if let Fault::ExportTimeout { menu } = fault {
                export = without_section(&export, menu);
            }
        }
        export
    }

    /// Alters one line of a scheduler's text, if that is what goes wrong.
    pub(crate) fn corrupt(&self, row: &mut Row) {
        if !self.has_fault(|f| *f == Fault::CorruptScheduler) {
            return;
        }
        let Some(text) = row.get("on-event") else {
            return;
        };
        let text = corrupted(text);
        row.set("on-event".into(), text);
    }
}

/// Replaces a section of an export by the error that stands for it.
fn without_section(export: &str, menu: &str) -> String {
    let newline = if export.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let heading = format!("/{}", menu.trim_start_matches('/').replace('/', " "));
    let error = format!("#error exporting \"{menu}\" (timeout){newline}");
    let (mut kept, mut is_in, mut is_told) = (String::new(), false, false);
    for line in export.split_inclusive('\n') {
        if line.starts_with('/') {
            is_in = line.trim_end() == heading;
        }
        if !is_in {
            kept.push_str(line);
        } else if !is_told {
            kept.push_str(&error);
            is_told = true;
        }
    }
    if !is_told {
        kept.push_str(&error);
    }
    kept
}

/// Alters the first letter of the verb in the line in the middle.
fn corrupted(text: &str) -> String {
    let ends: &[char] = &['\n', ';'];
    let mut lines: Vec<String> = text.split_inclusive(ends).map(str::to_owned).collect();
    let middle = lines.len() / 2;
    if let Some(line) = lines.get_mut(middle) {
        let at = line.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        line.insert(at, 'x');
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_section_makes_room_for_its_error() {
        let export = "# head\n/ip address\nadd a=1\n/ip route\nadd b=2\n";

        let after = super::without_section(export, "/ip/address");

        let wanted = "# head\n#error exporting \"/ip/address\" (timeout)\n/ip route\nadd b=2\n";
        assert_eq!(after, wanted);
    }

    #[test]
    fn one_line_is_altered_and_the_others_are_not() {
        let text = "/ip address remove 0\n/ip route remove 1\n:log info done";

        let after = super::corrupted(text);

        let differ = text
            .lines()
            .zip(after.lines())
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(differ, 1);
    }
}
