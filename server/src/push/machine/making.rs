//! Up to the change on the device: planned, guarded, applied.

use jiff::Timestamp;
use tod_proto::api::changes::{ChangeState, GuardKind};

use super::super::model::{Event, Plan, Push, StepKind, Then};
use super::undoing::Undo;
use super::{SLACK, TRIES, later};

impl Push {
    pub(super) fn preparing(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Prepared(_) if self.wanted.then == Then::OnlyPlan => Some(self.end(
                ChangeState::Planned,
                "the plan is made; nothing was changed",
            )),
            Event::Prepared(plan) if plan.is_empty => {
                let said = "the device already is as the script wants it; nothing was changed";
                self.reason = Some(said.to_owned());
                Some(self.end(ChangeState::Planned, said))
            }
            Event::Prepared(_) if self.wanted.unguarded => {
                self.guard = Some(GuardKind::None);
                Some(self.ask(
                    ChangeState::Applying,
                    StepKind::Apply,
                    "the plan is made; unguarded",
                ))
            }
            Event::Prepared(Plan {
                guard: GuardKind::None,
                no_guard_because,
                ..
            }) => {
                let why = no_guard_because.unwrap_or_else(|| "it does not say why".to_owned());
                Some(self.give_up(
                    ChangeState::Refused,
                    format!("the device cannot guard itself: {why}"),
                ))
            }
            Event::Prepared(Plan { guard, .. }) => {
                self.guard = Some(guard);
                self.reverts_at = Some(later(now, self.window()));
                Some(self.ask(ChangeState::Arming, StepKind::Arm, "the plan is made"))
            }
            Event::Lost { message, .. } if self.tries + 1 < TRIES => Some(self.again(now, message)),
            Event::Failed { message, .. } | Event::Lost { message, .. } => {
                Some(self.give_up(ChangeState::Refused, message))
            }
            Event::Armed
            | Event::Applied
            | Event::Untouched { .. }
            | Event::Altered { .. }
            | Event::Undoing
            | Event::Seen(_)
            | Event::Due
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    pub(super) fn arming(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Armed => {
                self.fires_by = Some(later(now, self.window() + SLACK));
                Some(self.ask(
                    ChangeState::Applying,
                    StepKind::Apply,
                    "the undo timer is on the device",
                ))
            }
            Event::Failed {
                message,
                may_have_changed: false,
            } if self.tries == 0 && !self.resumed => {
                Some(self.give_up(ChangeState::Refused, message))
            }
            Event::Failed { message, .. } | Event::Lost { message, .. } => {
                // The timer keeps its first start, so its latest end moves with every try.
                self.fires_by = Some(later(now, self.window() + SLACK));
                if self.tries + 1 < TRIES {
                    return Some(self.again(now, message));
                }
                Some(self.undo(
                    Undo::Timer,
                    now,
                    format!("it is not known whether the timer runs: {message}"),
                ))
            }
            Event::Altered { message } => Some(self.give_up(ChangeState::Unknown, message)),
            Event::Prepared(_)
            | Event::Applied
            | Event::Untouched { .. }
            | Event::Undoing
            | Event::Seen(_)
            | Event::Due
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    pub(super) fn applying(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Applied => Some(self.ask(
                ChangeState::Verifying,
                StepKind::Verify,
                "the device took every operation",
            )),
            Event::Untouched { message } if !self.resumed => {
                Some(self.give_up(ChangeState::Refused, message))
            }
            // Something may have been sent before the other server went on.
            Event::Untouched { message } => Some(self.undo(Undo::Look, now, message)),
            Event::Altered { message } => Some(self.give_up(ChangeState::Unknown, message)),
            Event::Failed { message, .. } => Some(self.undo(Undo::Now, now, message)),
            Event::Lost {
                message,
                sent: false,
            } if self.tries + 1 < TRIES => Some(self.again(now, message)),
            Event::Lost { message, .. } if self.is_unguarded() => {
                Some(self.ask(ChangeState::Verifying, StepKind::Verify, &message))
            }
            // The operations may still be on their way: undoing now could meet them halfway.
            Event::Lost { message, .. } => Some(self.undo(Undo::Timer, now, message)),
            Event::Due => self.overdue(now, "the time was over before it was in force"),
            Event::Prepared(_)
            | Event::Armed
            | Event::Undoing
            | Event::Seen(_)
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }
}
