//! Waiting for what must come, with a deadline.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Asks again and again until there is an answer; says what was waited for when none comes.
pub fn eventually<T>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        // What cannot be asked at the moment (a server that is away) may be asked later.
        let answer = ask();
        if let Ok(Some(answer)) = answer {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            let why = answer
                .err()
                .map(|error| format!(": {error:#}"))
                .unwrap_or_default();
            bail!("not in {} s: {what}{why}", within.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
