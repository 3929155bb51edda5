//! How long to wait before the next attempt.

use std::time::Duration;

/// Grows from `first` to `most`, with jitter so that clients do not come back in step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// For a call that a person waits for.
    pub(crate) const CALL: Self = Self {
        first: Duration::from_millis(200),
        most: Duration::from_secs(3),
    };
    /// For a feed that stays open for days.
    pub(crate) const FEED: Self = Self {
        first: Duration::from_millis(500),
        most: Duration::from_secs(15),
    };

    /// How long to wait after the failure with this number, counted from 0.
    pub(crate) fn after(self, failures: u32) -> Duration {
        let whole = self
            .first
            .saturating_mul(2_u32.saturating_pow(failures.min(16)))
            .min(self.most);
        // Half fixed, half random.
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_and_is_bounded() {
        for failures in [0, 1, 5, 40, u32::MAX] {
            let wait = Backoff::FEED.after(failures);

            assert!(wait >= Duration::from_millis(250), "{wait:?}");
            assert!(wait <= Duration::from_secs(15), "{wait:?}");
        }
        assert!(Backoff::FEED.after(9) > Duration::from_secs(7));
    }
}
