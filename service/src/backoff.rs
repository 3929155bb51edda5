//! How long to wait before the next try.

use std::time::Duration;

/// Doubling waits between a base and a cap, spread by jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
}

/// What is wrong with the numbers of a [`Backoff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBackoff {
    /// It would not wait at all.
    #[error("the first wait is zero")]
    ZeroBase,
    /// It could never double.
    #[error("the longest wait is shorter than the first")]
    CapBelowBase,
}

impl Backoff {
    /// What we use when nothing speaks for other numbers: 200 ms to 30 s.
    pub const DEFAULT: Self = Self {
        base: Duration::from_millis(200),
        cap: Duration::from_secs(30),
    };

    /// Waits `base`, then twice that and so on, never more than `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Result<Self, InvalidBackoff> {
        if base.is_zero() {
            return Err(InvalidBackoff::ZeroBase);
        }
        if cap.as_nanos() < base.as_nanos() {
            return Err(InvalidBackoff::CapBelowBase);
        }
        Ok(Self { base, cap })
    }

    /// The wait after `failures` failures in a row (0 and 1 wait the base), without jitter.
    pub fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// As [`Self::delay`], shortened by up to a half at random, so that many do not come at once.
    pub fn jittered(&self, failures: u32) -> Duration {
        self.delay(failures).mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10)).unwrap();
        let waits = [0, 1, 2, 3, 4, 5, u32::MAX].map(|failures| backoff.delay(failures).as_secs());
        assert_eq!(waits, [1, 1, 2, 4, 8, 10, 10]);
        for failures in 0..40 {
            let (wait, most) = (backoff.jittered(failures), backoff.delay(failures));
            assert!(wait <= most && wait >= most / 2);
        }
    }

    #[test]
    fn senseless_numbers_are_refused() {
        let second = Duration::from_secs(1);
        assert_eq!(
            Backoff::new(Duration::ZERO, second),
            Err(InvalidBackoff::ZeroBase)
        );
        assert_eq!(
            Backoff::new(second, second / 2),
            Err(InvalidBackoff::CapBelowBase)
        );
    }
}
