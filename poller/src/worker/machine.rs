//! When a device is due, and when it is left alone.
//!
//! | state | next poll |
//! |---|---|
//! | it answers, or failed less than five times in a row | a period after the last was due |
//! | failed five times or more | 30 s · 2^(n−5), at most 15 min; then one try decides |
//! | refused our login three times in a row | when its record changes |
//!
//! **Invariant:** nothing here reads a clock or draws a random number.

use std::time::{Duration, Instant};

use tod_proto::bus::sample::FailureKind;

/// When a device that does not answer is tried less often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// From this failure in a row on.
    pub patience: u32,
    /// The first long wait.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            patience: 5,
            base: Duration::from_secs(30),
            cap: Duration::from_mins(15),
        }
    }
}

/// After this many refused logins in a row nothing more is tried: accounts get locked, logs fill.
const REFUSALS: u32 = 3;

/// Decides when a device is polled.
#[derive(Clone, Debug)]
pub struct Machine {
    breaker: Breaker,
    period: Duration,
    due: Option<Instant>,
    failures: u32,
    refusals: u32,
}

impl Machine {
    /// A device that is first due `phase` from now.
    pub fn new(now: Instant, period: Duration, phase: Duration) -> Self {
        Self {
            breaker: Breaker::default(),
            period,
            due: Some(now + phase),
            failures: 0,
            refusals: 0,
        }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_breaker(self, breaker: Breaker) -> Self {
        Self { breaker, ..self }
    }

    /// When the next poll is due; never, while the device is parked.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether nothing is tried until the record changes.
    pub fn is_parked(&self) -> bool {
        self.due.is_none()
    }

    /// How many polls in a row have failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The device answered.
    pub fn answered(&mut self, now: Instant) {
        let was_away = self.failures >= self.breaker.patience || self.due.is_none();
        self.failures = 0;
        self.refusals = 0;
        self.due = Some(match self.due {
            Some(due) if !was_away => self.slot_after(due, now),
            _ => now + self.period,
        });
    }

    /// The device did not answer, or refused. `jitter` is from 0 to 1.
    ///
    /// Returns how long it is left alone, when that is not the ordinary time.
    pub fn failed(&mut self, now: Instant, kind: FailureKind, jitter: f64) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if kind == FailureKind::LoginRefused {
            self.refusals += 1;
        }
        if self.refusals >= REFUSALS {
            self.due = None;
            return None;
        }
        if self.failures < self.breaker.patience {
            self.due = self.due.map(|due| self.slot_after(due, now));
            return None;
        }
        let wait = self
            .breaker
            .wait(self.failures)
            .mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0);
        let wait = wait.max(self.period);
        self.due = Some(now + wait);
        Some(wait)
    }

    /// Somebody asks for a poll now. Returns whether there will be one.
    pub fn asked(&mut self, now: Instant) -> bool {
        if self.is_parked() {
            return false;
        }
        self.due = Some(now);
        true
    }

    /// The record has changed: what was wrong before may be right now, so it is tried at once.
    pub fn edited(&mut self, now: Instant, period: Duration) {
        *self = Self::new(now, period, Duration::ZERO).with_breaker(self.breaker);
    }

    /// Only the period has changed.
    pub fn retimed(&mut self, now: Instant, period: Duration) {
        self.period = period;
        if self.failures < self.breaker.patience {
            self.due = self.due.map(|due| due.min(now + period));
        }
    }

    /// The next time after now at a whole number of periods from `due`. Slots that were missed are
    /// left out: an overload costs polls, it does not pile them up.
    fn slot_after(&self, due: Instant, now: Instant) -> Instant {
        let late = now.saturating_duration_since(due);
        let periods = late.as_nanos() / self.period.as_nanos().max(1) + 1;
        due + self.period * u32::try_from(periods).unwrap_or(u32::MAX)
    }
}

impl Breaker {
    fn wait(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(self.patience).min(16);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    fn machine() -> (Machine, Instant) {
        let now = Instant::now();
        (Machine::new(now, PERIOD, Duration::ZERO), now)
    }

    #[test]
    fn polls_keep_to_their_slots() {
        let (mut machine, start) = machine();

        machine.answered(start + SECOND);
        assert_eq!(machine.due(), Some(start + PERIOD));

        machine.answered(start + PERIOD * 3 + SECOND);
        assert_eq!(machine.due(), Some(start + PERIOD * 4));
    }

    #[test]
    fn from_the_fifth_failure_on_the_waits_double_up_to_a_quarter_of_an_hour() {
        let (mut machine, now) = machine();

        let waits: Vec<_> = (0..12)
            .map(|_| machine.failed(now, FailureKind::Unreachable, 0.0))
            .map(|wait| wait.map(|wait| wait.as_secs()))
            .collect();

        let expected = [30, 60, 120, 240, 480, 900, 900, 900].map(Some);
        assert_eq!(waits[..4], [None; 4]);
        assert_eq!(waits[4..], expected);
    }

    #[test]
    fn one_good_try_ends_the_waiting() {
        let (mut machine, now) = machine();
        for _ in 0..9 {
            machine.failed(now, FailureKind::Timeout, 0.5);
        }

        machine.answered(now);

        assert_eq!(machine.failures(), 0);
        assert_eq!(machine.due(), Some(now + PERIOD));
    }

    #[test]
    fn three_refused_logins_park_until_the_record_changes() {
        let (mut machine, now) = machine();
        for _ in 0..2 {
            machine.failed(now, FailureKind::LoginRefused, 0.0);
            assert!(!machine.is_parked());
        }

        machine.failed(now, FailureKind::LoginRefused, 0.0);

        assert!(machine.is_parked());
        assert!(!machine.asked(now));
        machine.edited(now, PERIOD);
        assert_eq!(machine.due(), Some(now));
    }

    #[test]
    fn refusals_between_other_failures_count_together() {
        let (mut machine, now) = machine();
        for kind in [
            FailureKind::LoginRefused,
            FailureKind::Unreachable,
            FailureKind::LoginRefused,
            FailureKind::LoginRefused,
        ] {
            machine.failed(now, kind, 0.0);
        }

        assert!(machine.is_parked());
    }

    #[test]
    fn a_shorter_period_is_felt_at_once() {
        let (mut machine, now) = machine();
        machine.answered(now);

        machine.retimed(now, SECOND);

        assert_eq!(machine.due(), Some(now + SECOND));
    }

    proptest! {
        #[test]
        fn a_device_that_is_not_parked_is_due_within_a_quarter_of_an_hour(
            outcomes in proptest::collection::vec(0_u8..4, 0..40),
            jitter in 0.0..=1.0,
        ) {
            let (mut machine, mut now) = machine();
            for outcome in outcomes {
                now += SECOND;
                match outcome {
                    0 => machine.answered(now),
                    1 => { machine.failed(now, FailureKind::LoginRefused, jitter); }
                    2 => { machine.asked(now); }
                    _ => { machine.failed(now, FailureKind::Timeout, jitter); }
                }
                prop_assert!(machine.due().is_none_or(|due| due <= now + Breaker::default().cap));
            }
        }
    }
}
