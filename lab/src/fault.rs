//! Faults: values that make a device go wrong on purpose.

use jiff::SignedDuration;
use tod_proto::lab::{Event, Fault};

use crate::core::Core;
use crate::tree::Row;

/// An identity that tries to steer a terminal, and is not UTF-8.
const EVIL: &[u8] = b"evil\x1b[2J\x1b]0;owned\x07\xff\xfe\r\nname";

impl Core {
    /// Adds a fault, with what it does at once.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.record(Event::Faulted {
            fault: fault.clone(),
        });
        match &fault {
            Fault::ClockJump { seconds } => self.jump(SignedDuration::from_secs(*seconds)),
            Fault::EvilNames => {
                let name = crate::text::decode(EVIL);
                self.set_single("/system/identity", "name", &name);
            }
            _ => {}
        }
        self.faults.push(fault);
        self.refresh_sessions();
        self.wake.notify_one();
    }

    /// Takes all faults away, and what they still do.
    pub(crate) fn clear_faults(&mut self) {
        for fault in std::mem::take(&mut self.faults) {
            match fault {
                Fault::ClockJump { seconds } => self.jump(SignedDuration::from_secs(-seconds)),
                Fault::EvilNames => {
                    let name = self.spec.name.clone();
                    self.set_single("/system/identity", "name", &name);
                }
                _ => {}
            }
        }
        self.refresh_sessions();
        self.wake.notify_one();
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
