//! From when on a timer counts.
//!
//! A device runs an entry at its start and whole intervals after it, by its own clock. If the start
//! were the moment of arming, a device that boots with a clock of long ago would wait for that
//! moment to come again. So the start lies as long ago as clocks go, and whole intervals before the
//! moment of arming: the first run is one interval after it, and at most one after any boot.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil;
use routeros::command::Command;
use routeros::row::Row;
use routeros::value::{Date, DateTime, Value as _};

use super::super::{Change, StepError, read};
use crate::device::link::Link;

/// What clocks show that have lost the time, or less.
const EPOCH: civil::DateTime = civil::datetime(1970, 1, 1, 0, 0, 0, 0);
/// So that the moment of arming is not itself on the grid, and the entry does not run at once.
const ASIDE: SignedDuration = SignedDuration::from_secs(1);
/// How much later than it should an entry may be said to run.
const SLACK: SignedDuration = SignedDuration::from_secs(30);

/// What the device's clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    now: civil::DateTime,
    is_iso: bool,
}

/// Reads the clock; nothing if it shows nothing that can be read.
pub(super) async fn clock(link: &mut Link, change: Change) -> Result<Option<Clock>, StepError> {
    let print = Command::print("/system/clock").proplist(&["date", "time"]);
    let answer = read::ask_one(link, print, change.deadline).await?;
    let row = answer.rows.first().map(|row| row.to_row());
    Ok(row.and_then(|row| Clock::read(&row)))
}

impl Clock {
    fn read(row: &Row) -> Option<Self> {
        let date = row.text("date")?;
        let text = format!("{date} {}", row.text("time")?);
        Some(Self {
            now: civil(DateTime::parse(text.as_bytes())?)?,
            is_iso: date.as_bytes().iter().all(|b| !b.is_ascii_alphabetic()),
        })
    }

    /// The date and the time that an entry with such an interval is to start at.
    pub(super) fn start(self, window: Duration) -> (String, String) {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        let aside = self.now.saturating_sub(ASIDE);
        let since = aside.duration_since(EPOCH).as_secs().max(0);
        let into = since % window.as_secs().max(1);
        let start = EPOCH.saturating_add(SignedDuration::from_secs(into));
        let small = |number: i8| u8::try_from(number).unwrap_or(1);
        let date = Date {
            year: u16::try_from(start.year()).unwrap_or(1970),
            month: small(start.month()),
            day: small(start.day()),
        };
        let date = if self.is_iso {
            date.to_string()
        } else {
            date.to_old_string()
        };
        (date, start.time().strftime("%H:%M:%S").to_string())
    }

    /// What is wrong with the time at which the device says that the entry runs.
    pub(super) fn lateness(self, next_run: &[u8], window: Duration) -> Option<String> {
        let next = civil(DateTime::parse(next_run)?)?;
        let window = SignedDuration::try_from(window).ok()?;
        let latest = self.now.saturating_add(window).saturating_add(SLACK);
        (next > latest).then(|| format!("it would run at {next}, and it is {}", self.now))
    }
}

fn civil(at: DateTime) -> Option<civil::DateTime> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(at.date.year).ok()?;
    let date = civil::Date::new(year, small(at.date.month)?, small(at.date.day)?).ok()?;
    let time = at.time;
    let time = civil::Time::new(
        small(time.hour)?,
        small(time.minute)?,
        small(time.second)?,
        0,
    );
    Some(date.to_datetime(time.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(90);

    fn clock(date: &str, time: &str) -> Clock {
        Clock::read(&Row::new().with("date", date).with("time", time)).unwrap()
    }

    /// When an entry runs next, as a device counts it.
    fn next(clock: Clock, now: civil::DateTime) -> civil::DateTime {
        let (date, time) = clock.start(WINDOW);
        let start = civil(DateTime::parse(format!("{date} {time}").as_bytes()).unwrap()).unwrap();
        assert!(start <= now, "{start} {now}");
        let past = now.duration_since(start).as_secs();
        now + SignedDuration::from_secs(90 - past % 90)
    }

    #[test]
    fn an_entry_runs_an_interval_after_it_is_armed() {
        for (date, time) in [
            ("2026-11-21", "19:30:29"),
            ("nov/21/2026", "00:00:00"),
            ("1970-01-02", "00:00:07"),
        ] {
            let clock = clock(date, time);

            let wait = next(clock, clock.now).duration_since(clock.now);

            assert_eq!(wait, SignedDuration::from_secs(89), "{date}");
        }
    }

    #[test]
    fn after_a_boot_without_the_time_it_runs_within_an_interval() {
        let clock = clock("2026-11-21", "19:30:29");
        let booted = civil::datetime(1970, 1, 2, 0, 0, 20, 0);

        let wait = next(clock, booted).duration_since(booted);

        assert!(wait <= SignedDuration::from_secs(90), "{wait:?}");
    }

    #[test]
    fn the_start_is_spelled_as_the_clock_is() {
        assert!(
            clock("nov/21/2026", "10:00:00")
                .start(WINDOW)
                .0
                .starts_with("jan/01/1970")
        );
        assert!(
            clock("2026-11-21", "10:00:00")
                .start(WINDOW)
                .0
                .starts_with("1970-01-01")
        );
    }

    #[test]
    fn a_run_that_is_far_away_is_a_defect() {
        let clock = clock("1970-01-02", "00:01:00");

        assert_eq!(clock.lateness(b"1970-01-02 00:02:30", WINDOW), None);
        assert!(clock.lateness(b"2026-11-21 15:00:00", WINDOW).is_some());
        assert_eq!(clock.lateness(b"soon", WINDOW), None);
    }
}
