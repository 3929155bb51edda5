//! The transition table of a push: what is, what happened, what is next. Pure.
//!
//! | state | what ends it | next |
//! |---|---|---|
//! | preparing | the plan is made | planned, arming, applying (unguarded), refused |
//! | arming | the timer is on the device | applying; refused, or reverting when in doubt |
//! | applying | the device took everything | verifying; refused (untouched), reverting |
//! | verifying | a new connection saw it in force | pending, confirming; reverting |
//! | pending | a person, or the time | confirming, reverting |
//! | confirming | the timer is gone and the change in force | confirmed; reverting |
//! | reverting | the device was read | reverted, confirmed, unknown |
//!
//! A device that keeps another timer than the one that it was given is believed in nothing: from
//! arming and applying that leads to `unknown`.
//!
//! **Invariant:** nothing is `confirmed` or `reverted` that was not read back from the device, and
//! an armed timer is either seen gone or ends in `unknown`, which a person is told of.

#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tod_proto::api::changes::{ChangeState, GuardKind};

use super::model::{Effect, Event, Illegal, Moved, Push, StepKind, Wanted};

mod keeping;
mod making;
mod undoing;

/// How much later than the window the device's timer may fire, seen from here.
const SLACK: Duration = Duration::from_secs(10);
/// How often a step without an answer is asked for again.
const TRIES: u32 = 3;

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

fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
