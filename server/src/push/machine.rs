//! The transition table of a push: what is, what happened, what is next. Pure.
//!
//! | state | what ends it | next |
//! |---|---|---|
//! | preparing | the plan is made | planned, arming, applying (unguarded), refused |
//! | arming | the timer is on the device | applying; refused, or reverting when in doubt |
//! | applying | the device took everything | verifying; reverting |
//! | verifying | a new connection saw it in force | pending, confirming; reverting |
//! | pending | a person, or the time | confirming, reverting |
//! | confirming | the timer is gone and the change in force | confirmed; reverting |
//! | reverting | the device was read | reverted, confirmed, unknown |
//!
//! **Invariant:** nothing is `confirmed` or `reverted` that was not read back from the device, and
//! an armed timer is either seen gone or ends in `unknown`, which a person is told of.

#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tod_proto::api::changes::{ChangeState, GuardKind};
use tod_proto::bus::task::SeenConfig;

use super::model::{Effect, Event, Illegal, Moved, Plan, Push, Sight, StepKind, Then, Wanted};

/// How much later than the window the device's timer may fire, seen from here.
const SLACK: Duration = Duration::from_secs(10);
/// How long after that the device may stay silent before a person must look.
const SILENCE: Duration = Duration::from_secs(40);
/// Between two looks at a device that is not yet what it should be.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often a step without an answer is asked for again.
const TRIES: u32 = 3;
/// How many looks must agree before a change is given up as unknown.
const DOUBTS: u32 = 3;

/// Moves `push` by `event`.
pub fn step(push: &Push, event: Event, now: Timestamp) -> Result<Moved, Illegal> {
    let mut next = push.clone();
    let said = match push.state {
        state if !state.is_final() && event == Event::Resumed => {
            next.resumed = true;
            Some("another server goes on with it".to_owned())
        }
        ChangeState::Preparing => next.preparing(event, now),
        ChangeState::Arming => next.arming(event, now),
        ChangeState::Applying => next.applying(event, now),
        ChangeState::Verifying => next.verifying(event, now),
        ChangeState::Pending => next.pending(&event, now),
        ChangeState::Confirming => next.confirming(event, now),
        ChangeState::Reverting => next.reverting(event, now),
        ChangeState::Planned
        | ChangeState::Confirmed
        | ChangeState::Reverted
        | ChangeState::Refused
        | ChangeState::Unknown => None,
    };
    let said = said.ok_or(Illegal { state: push.state })?;
    next.turn += 1;
    Ok(Moved {
        effects: next.effects(),
        push: next,
        said,
    })
}

impl Push {
    /// A push that begins.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            state: ChangeState::Preparing,
            wanted,
            guard: None,
            asking: Some(StepKind::Prepare),
            turn: 0,
            wake_at: None,
            reverts_at: None,
            fires_by: None,
            until: None,
            tries: 0,
            doubts: 0,
            disarmed: false,
            resumed: false,
            reason: None,
        }
    }

    /// Whether the device may be undoing the change by itself, so that [`Event::Due`] comes first.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let waits_for_the_timer = matches!(
            self.state,
            ChangeState::Applying
                | ChangeState::Verifying
                | ChangeState::Pending
                | ChangeState::Confirming
        );
        waits_for_the_timer && self.reverts_at.is_some_and(|at| now >= at)
    }

    fn effects(&self) -> Vec<Effect> {
        if self.state.is_final() {
            return vec![Effect::Release];
        }
        let wake = self.wake_at.map(Effect::WakeAt);
        wake.into_iter()
            .chain(self.asking.map(Effect::Ask))
            .collect()
    }

    fn preparing(&mut self, event: Event, now: Timestamp) -> Option<String> {
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
            | Event::Undoing
            | Event::Seen(_)
            | Event::Due
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    fn arming(&mut self, event: Event, now: Timestamp) -> Option<String> {
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
            Event::Prepared(_)
            | Event::Applied
            | Event::Undoing
            | Event::Seen(_)
            | Event::Due
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    fn applying(&mut self, event: Event, now: Timestamp) -> Option<String> {
        match event {
            Event::Applied => Some(self.ask(
                ChangeState::Verifying,
                StepKind::Verify,
                "the device took every operation",
            )),
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

    fn verifying(&mut self, event: Event, now: Timestamp) -> Option<String> {
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

    fn pending(&mut self, event: &Event, now: Timestamp) -> Option<String> {
        let late = self.reverts_at.is_some_and(|at| now >= at);
        match event {
            Event::Confirm if !late => Some(self.disarm("it was confirmed")),
            Event::Revert => Some(self.undo(Undo::Now, now, "it was undone by hand".to_owned())),
            Event::Due => self.overdue(now, "nobody confirmed it in time"),
            Event::Confirm
            | Event::Prepared(_)
            | Event::Armed
            | Event::Applied
            | Event::Undoing
            | Event::Seen(_)
            | Event::Resumed
            | Event::Failed { .. }
            | Event::Lost { .. } => None,
        }
    }

    fn confirming(&mut self, event: Event, now: Timestamp) -> Option<String> {
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
            | Event::Undoing
            | Event::Resumed
            | Event::Revert => None,
        }
    }

    fn reverting(&mut self, event: Event, now: Timestamp) -> Option<String> {
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
            | Event::Due
            | Event::Resumed
            | Event::Confirm
            | Event::Revert => None,
        }
    }

    fn judge(&mut self, sight: &Sight, now: Timestamp) -> String {
        let Sight {
            config,
            timer,
            differences,
        } = sight;
        let over = self.until.is_none_or(|until| now >= until);
        match (config, timer) {
            (SeenConfig::After | SeenConfig::Same, false) if self.disarmed => {
                self.end(ChangeState::Confirmed, "it is in force for good, as read from the device")
            }
            (SeenConfig::Before | SeenConfig::Same, false) => {
                self.end(ChangeState::Reverted, "it is undone, as read from the device")
            }
            (_, true) if over => self.give_up(
                ChangeState::Unknown,
                "the undo timer is still on the device and did not fire; look at its scheduler and \
                 at its configuration"
                    .to_owned(),
            ),
            (_, true) => {
                self.look_at(later(now, LOOK_AGAIN));
                "the undo timer has not fired yet".to_owned()
            }
            (SeenConfig::After | SeenConfig::Neither, false) => {
                self.doubts += 1;
                let said = match config {
                    SeenConfig::After => "the change is in force and nothing will undo it: the undo \
                                          timer is gone, and not by us"
                        .to_owned(),
                    SeenConfig::Before | SeenConfig::Same | SeenConfig::Neither => {
                        format!("the device is neither as before nor as planned: {differences}")
                    }
                };
                if self.doubts >= DOUBTS || over {
                    return self.give_up(ChangeState::Unknown, said);
                }
                self.look_at(later(now, LOOK_AGAIN));
                said
            }
        }
    }

    fn silent(&mut self, now: Timestamp, message: String) -> String {
        let over = self.until.is_none_or(|until| now >= until);
        if over && self.tries + 1 >= TRIES {
            return self.give_up(
                ChangeState::Unknown,
                format!(
                    "the device could not be read back ({message}); if its timer ran, it is as \
                     before: look at it, and at its log"
                ),
            );
        }
        self.again(now, message)
    }

    fn overdue(&mut self, now: Timestamp, why: &str) -> Option<String> {
        if self.reverts_at.is_none_or(|at| now < at) {
            return None;
        }
        Some(self.undo(Undo::Timer, now, why.to_owned()))
    }

    fn disarm(&mut self, said: &str) -> String {
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

    /// Begins to undo, or to wait until the device has.
    fn undo(&mut self, how: Undo, now: Timestamp, why: String) -> String {
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

    /// Asks for the same step once more, after a while.
    fn again(&mut self, now: Timestamp, message: String) -> String {
        self.tries += 1;
        let wait = Duration::from_secs(1 << self.tries.min(4));
        let wake = later(now, wait);
        // The last look comes when the device is given up, not after that.
        let last = self.until.filter(|until| *until > now);
        self.wake_at = Some(last.map_or(wake, |last| wake.min(last)));
        message
    }

    fn ask(&mut self, state: ChangeState, step: StepKind, said: &str) -> String {
        self.enter(state, Some(step));
        said.to_owned()
    }

    fn enter(&mut self, state: ChangeState, asking: Option<StepKind>) {
        self.state = state;
        self.asking = asking;
        self.wake_at = None;
        self.tries = 0;
        self.resumed = false;
    }

    fn end(&mut self, state: ChangeState, said: &str) -> String {
        self.enter(state, None);
        said.to_owned()
    }

    fn give_up(&mut self, state: ChangeState, why: String) -> String {
        self.enter(state, None);
        self.reason = Some(why.clone());
        why
    }

    fn is_unguarded(&self) -> bool {
        self.guard == Some(GuardKind::None)
    }

    fn window(&self) -> Duration {
        Duration::from_secs(self.wanted.window_seconds.into())
    }
}

/// How a change is undone.
#[derive(Clone, Copy)]
enum Undo {
    /// By the device's timer, started now.
    Now,
    /// By the device's timer, when its time has come.
    Timer,
    /// It may be undone already.
    Look,
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
