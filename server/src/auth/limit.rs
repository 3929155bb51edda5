//! How often something may be tried. Counted in this process, before the database is asked anything:
//! more servers allow more tries. [`super::tries`] counts failed sign-ins for all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::api::error::Error;

/// The most keys that are counted; when it is full, what has run out goes.
const CAPACITY: usize = 100_000;

/// Allows so many tries in a window of time, for each key.
#[derive(Debug)]
pub struct Limit {
    what: &'static str,
    most: u32,
    window: Duration,
    counts: Mutex<HashMap<String, (Timestamp, u32)>>,
}

impl Limit {
    /// `what` names what there is too much of, for the message.
    pub fn new(what: &'static str, most: u32, window: Duration) -> Self {
        Self {
            what,
            most,
            window,
            counts: Mutex::default(),
        }
    }

    /// Refuses when the key has used up its tries.
    pub fn check(&self, key: &str, now: Timestamp) -> Result<(), Error> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((since, count)) = counts.get(key) else {
            return Ok(());
        };
        let until = *since + self.window;
        if *count < self.most || until <= now {
            return Ok(());
        }
        let wait = Duration::try_from(until.duration_since(now)).unwrap_or(self.window);
        let message = format!("too many {}", self.what);
        let hint = format!("try again in {} seconds", wait.as_secs().max(1));
        Err(Error::rate_limited(message, wait).hint(hint))
    }

    /// Counts a try.
    pub fn count(&self, key: &str, now: Timestamp) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY {
            let window = self.window;
            counts.retain(|_, (since, _)| *since + window > now);
            if counts.len() >= CAPACITY {
                counts.clear();
            }
        }
        let entry = counts.entry(key.to_owned()).or_insert((now, 0));
        if entry.0 + self.window <= now {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    /// Checks and counts.
    pub fn take(&self, key: &str, now: Timestamp) -> Result<(), Error> {
        self.check(key, now)?;
        self.count(key, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_tries_in_a_window() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let limit = Limit::new("tries", 2, Duration::from_mins(1));

        assert!(limit.take("a", now).is_ok());
        assert!(limit.take("a", now).is_ok());
        assert!(limit.take("a", now).is_err());
        assert!(limit.take("b", now).is_ok());
        assert!(limit.take("a", now + Duration::from_mins(1)).is_ok());
    }
}
