//! Undoing, and reading what became of the device.

use std::time::Duration;

use jiff::Timestamp;
use tod_proto::api::changes::ChangeState;
use tod_proto::bus::task::SeenConfig;

use super::super::model::{Event, Push, Sight, StepKind};
use super::{TRIES, later};

/// How many looks must agree before a change is given up as unknown.
const DOUBTS: u32 = 3;
/// How long after its timer's time the device may stay silent before a person must look.
const SILENCE: Duration = Duration::from_secs(40);
/// Between two looks at a device that is not yet what it should be.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// What is said of a timer that cannot be relied on.
pub(super) const ALTERED: &str =
    "the undo timer on the device is not the one that was put there, so it may not undo the change";

/// How a change is undone.
#[derive(Clone, Copy)]
pub(super) enum Undo {
    /// By the device's timer, started now.
    Now,
    /// By the device's timer, when its time has come.
    Timer,
    /// It may be undone already.
    Look,
}

impl Push {
    pub(super) fn reverting(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Undoing => {
                self.look_at(later(now, LOOK_AGAIN));
                Some("the device is undoing it".to_owned())
            }
            Event::Seen(sight) => Some(self.judge(&sight, now)),
            Event::Failed { message, .. } | Event::Lost { message, .. }
                if self.asking == Some(StepKind::Revert) =>
            {
                self.look_at(self.after_the_timer(now));
                Some(format!(
                    "it cannot be undone from here, the device's own timer will: {message}"
                ))
            }
            Event::Failed { message, .. } | Event::Lost { message, .. } => {
                Some(self.silent(now, message))
            }
            Event::Prepared(_)
            | Event::Armed
            | Event::Applied
            | Event::Untouched { .. }
            | Event::Altered { .. }
            | Event::Due
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    fn judge(&mut self, sight: &Sight, now: Timestamp) -> String {
        match (sight.config, sight.timer) {
            (SeenConfig::After | SeenConfig::Same, false) if self.disarmed => self.end(
                ChangeState::Confirmed,
                "it is in force for good, as read from the device",
            ),
            (SeenConfig::Before | SeenConfig::Same, false) => self.end(
                ChangeState::Reverted,
                "it is undone, as read from the device",
            ),
            (_, true) => self.still_armed(sight, now),
            (SeenConfig::After, false) => {
                let said = "the change is in force and nothing will undo it: the undo timer is \
                            gone, and not by us";
                self.doubt(said.to_owned(), now)
            }
            (SeenConfig::Neither, false) => {
                let differences = &sight.differences;
                let said = format!("the device is neither as before nor as planned: {differences}");
                self.doubt(said, now)
            }
        }
    }

    /// The timer is there although its time may have come.
    fn still_armed(&mut self, sight: &Sight, now: Timestamp) -> String {
        let was_due = self.fires_by.is_none_or(|at| now >= at);
        let (what, give_up) = if sight.timer_altered {
            // What does not do its work at the first time will not at the second.
            (ALTERED, was_due)
        } else {
            let what = "the undo timer is still on the device and did not fire";
            (what, self.is_over(now))
        };
        if give_up {
            return self.unknown(format!(
                "{what}; look at its scheduler and at its configuration"
            ));
        }
        self.look_at(later(now, LOOK_AGAIN));
        "the undo timer has not fired yet".to_owned()
    }

    /// The device is not what it should be: it may be in the middle of it.
    fn doubt(&mut self, said: String, now: Timestamp) -> String {
        self.doubts += 1;
        if self.doubts >= DOUBTS || self.is_over(now) {
            return self.unknown(said);
        }
        self.look_at(later(now, LOOK_AGAIN));
        said
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    /// Gives up, and says what it began with.
    fn unknown(&mut self, said: String) -> String {
        let began = self.reason.take().filter(|began| !said.contains(began));
        let said = match began {
            Some(began) => format!("{began}; {said}"),
            None => said,
        };
        self.give_up(ChangeState::Unknown, said)
    }

    fn silent(&mut self, now: Timestamp, message: String) -> String {
        if self.is_over(now) && self.tries + 1 >= TRIES {
            return self.unknown(format!(
                "the device could not be read back ({message}); if its timer ran, it is as \
                 before: look at it, and at its log"
            ));
        }
        self.again(now, message)
    }

    pub(super) fn overdue(&mut self, now: Timestamp, why: &str) -> Option<String> {
        if self.reverts_at.is_none_or(|at| now < at) {
            return None;
        }
        Some(self.undo(Undo::Timer, now, why.to_owned()))
    }

    /// Begins to undo, or to wait until the device has.
    pub(super) fn undo(&mut self, how: Undo, now: Timestamp, why: String) -> String {
        self.reason.get_or_insert_with(|| why.clone());
        self.enter(ChangeState::Reverting, Some(StepKind::ReadBack));
        self.doubts = 0;
        let fires_by = self.fires_by.map_or(now, |at| at.max(now));
        self.until = Some(later(fires_by, SILENCE));
        if self.is_unguarded() {
            return why;
        }
        match how {
            Undo::Now => self.asking = Some(StepKind::Revert),
            Undo::Timer => self.wake_at = Some(self.after_the_timer(now)),
            Undo::Look => {}
        }
        why
    }

    fn after_the_timer(&self, now: Timestamp) -> Timestamp {
        self.reverts_at
            .map_or(now, |at| later(at, LOOK_AGAIN).max(now))
    }

    fn look_at(&mut self, at: Timestamp) {
        self.asking = Some(StepKind::ReadBack);
        self.wake_at = Some(at);
        self.tries = 0;
    }
}
