//! How fast connections may begin: after an outage, thousands of devices are due in one moment.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Hands out turns, evenly spaced. Each one is given once, whether it is used or not.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// So many turns a second.
    pub fn new(per_second: u32) -> Self {
        Self {
            gap: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::default(),
        }
    }

    /// When the one who asks now may begin.
    pub fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + self.gap);
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_has_more_turns_than_there_may_be(
            per_second in 1_u32..300,
            waits in proptest::collection::vec(0_u64..50, 1..400),
        ) {
            let (pace, mut now) = (Pace::new(per_second), Instant::now());
            let turns: Vec<Instant> = waits
                .into_iter()
                .map(|wait| {
                    now += Duration::from_millis(wait);
                    pace.turn(now)
                })
                .collect();

            for (at, first) in turns.iter().enumerate() {
                let end = *first + Duration::from_secs(1);
                let many = turns[at..].iter().take_while(|turn| **turn < end).count();
                // A gap is a whole number of nanoseconds, so one more may slip in at the end.
                prop_assert!(many <= per_second as usize + 1, "{many} in a second");
            }
        }
    }

    #[test]
    fn whoever_comes_after_a_quiet_time_does_not_wait() {
        let (pace, now) = (Pace::new(10), Instant::now());
        pace.turn(now);

        let later = now + Duration::from_secs(9);

        assert_eq!(pace.turn(later), later);
        assert_eq!(pace.turn(later), later + Duration::from_millis(100));
    }
}
