//! The one place that reads the wall clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time: the system's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Set(Arc<Mutex<Timestamp>>),
}

/// Sets the time of a [`Clock`] made by [`Clock::settable`].
#[derive(Clone, Debug)]
pub struct Hands(Arc<Mutex<Timestamp>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hands are moved.
    pub fn settable(start: Timestamp) -> (Self, Hands) {
        let shared = Arc::new(Mutex::new(start));
        (Self(Source::Set(Arc::clone(&shared))), Hands(shared))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Set(shared) => *shared.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// How long ago `then` was; zero when it lies ahead.
    pub fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(then)).unwrap_or_default()
    }
}

impl Hands {
    /// Moves the clock to `at`, also backwards.
    pub fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Moves the clock forward. Stops at the end of time.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settable_clock_stands_until_it_is_moved() {
        let (clock, hands) = Clock::settable(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        hands.advance(Duration::from_secs(90));
        assert_eq!(clock.now().as_second(), 90);
        assert_eq!(clock.since(Timestamp::UNIX_EPOCH), Duration::from_secs(90));
        hands.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.since(Timestamp::MAX), Duration::ZERO);
        hands.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
