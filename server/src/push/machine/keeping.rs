//! From the change on the device to the one that stays: verified, confirmed, disarmed.

use jiff::Timestamp;
use tod_proto::api::changes::ChangeState;
use tod_proto::bus::task::SeenConfig;

use super::super::model::{Event, Push, Sight, StepKind, Then};
use super::TRIES;
use super::undoing::{ALTERED, Undo};

impl Push {
    pub(super) fn verifying(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Seen(sight) => Some(self.verified(&sight, now)),
            Event::Lost { message, .. } if self.tries + 1 < TRIES => Some(self.again(now, message)),
            Event::Failed { message, .. } | Event::Lost { message, .. } => {
                Some(self.undo(Undo::Timer, now, message))
            }
            Event::Due => self.overdue(now, "the time was over before it was verified"),
            Event::Prepared(_)
            | Event::Armed
            | Event::Applied
            | Event::Untouched { .. }
            | Event::Altered { .. }
            | Event::Undoing
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    fn verified(&mut self, sight: &Sight, now: Timestamp) -> String {
        let in_force = matches!(sight.config, SeenConfig::After | SeenConfig::Same);
        if !in_force {
            let how = if sight.timer { Undo::Now } else { Undo::Look };
            return self.undo(
                how,
                now,
                format!("it is not in force as planned: {}", sight.differences),
            );
        }
        if self.is_unguarded() {
            return self.disarm("it is in force");
        }
        if !sight.timer {
            return self.undo(
                Undo::Look,
                now,
                "the undo timer is no longer on the device".to_owned(),
            );
        }
        if sight.timer_altered {
            return self.undo(Undo::Timer, now, ALTERED.to_owned());
        }
        if self.reverts_at.is_some_and(|at| now >= at) {
            return self.undo(
                Undo::Timer,
                now,
                "the time was over before it was verified".to_owned(),
            );
        }
        if self.wanted.then == Then::Confirm {
            return self.disarm("it is in force and confirms itself");
        }
        self.enter(ChangeState::Pending, None);
        self.wake_at = self.reverts_at;
        "it is in force and waits to be confirmed".to_owned()
    }

    pub(super) fn pending(&mut self, event: &Event, now: Timestamp) -> Option<String> {
        let late = self.reverts_at.is_some_and(|at| now >= at);
        match event {
            Event::Confirm if !late => Some(self.disarm("it was confirmed")),
            Event::Revert => Some(self.undo(Undo::Now, now, "it was undone by hand".to_owned())),
            Event::Due => self.overdue(now, "nobody confirmed it in time"),
            Event::Confirm
            | Event::Prepared(_)
            | Event::Armed
            | Event::Applied
            | Event::Untouched { .. }
            | Event::Altered { .. }
            | Event::Undoing
            | Event::Seen(_)
            | Event::Resumed
            | Event::Failed { .. }
            | Event::Lost { .. } => None,
        }
    }

    pub(super) fn confirming(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Seen(Sight {
                config: SeenConfig::After | SeenConfig::Same,
                timer: false,
                ..
            }) => Some(self.end(
                ChangeState::Confirmed,
                "it is in force for good, as read from the device",
            )),
            Event::Seen(Sight {
                config: SeenConfig::After | SeenConfig::Same,
                ..
            }) => Some(self.disarm_again(now, "the undo timer is still on the device".to_owned())),
            Event::Seen(sight) => Some(self.undo(
                Undo::Look,
                now,
                format!("it is not in force: {}", sight.differences),
            )),
            Event::Failed { message, .. } | Event::Lost { message, .. } => {
                Some(self.disarm_again(now, message))
            }
            Event::Due => self.overdue(now, "the time was over before the timer was taken off"),
            // A confirmation that comes twice is one confirmation.
            Event::Confirm
            | Event::Prepared(_)
            | Event::Armed
            | Event::Applied
            | Event::Untouched { .. }
            | Event::Altered { .. }
            | Event::Undoing
            | Event::Resumed
            | Event::Revert => None,
        }
    }

    pub(super) fn disarm(&mut self, said: &str) -> String {
        self.disarmed = true;
        self.ask(ChangeState::Confirming, StepKind::Disarm, said)
    }

    fn disarm_again(&mut self, now: Timestamp, message: String) -> String {
        let in_time = self
            .reverts_at
            .map_or(self.tries + 1 < TRIES, |at| now < at);
        if in_time {
            return self.again(now, message);
        }
        self.undo(Undo::Look, now, message)
    }
}
