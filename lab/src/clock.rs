//! The lab's time: one settable clock that moves counters, schedulers and uptimes alike.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use routeros::value::{Date, DateTime, Time, Value as _};
use routeros::version::Feature;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::profile::Release;

/// Time since the lab was started, as its devices live it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Tick(pub(crate) u64);

impl Tick {
    pub(crate) fn plus(self, d: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The clock all devices of a lab share.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    wall: Timestamp,
    ahead_ms: AtomicU64,
    moved: Notify,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the lab reads the time"
    )]
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
            wall: Timestamp::now(),
            ahead_ms: AtomicU64::new(0),
            moved: Notify::new(),
        }
    }

    pub(crate) fn now(&self) -> Tick {
        Tick(self.ahead_ms.load(Ordering::Relaxed)).plus(self.origin.elapsed())
    }

    pub(crate) fn wall(&self, at: Tick) -> Timestamp {
        let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
        self.wall
            .checked_add(SignedDuration::from_millis(ms))
            .unwrap_or(self.wall)
    }

    /// Lets `by` pass at once.
    pub(crate) fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    /// Waits until the clock shows `due`, however it gets there.
    pub(crate) async fn until(&self, due: Tick) {
        loop {
            let moved = self.moved.notified();
            let now = self.now();
            if now >= due {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(due.since(now)) => {}
                () = moved => {}
            }
        }
    }

    pub(crate) async fn sleep(&self, d: Duration) {
        self.until(self.now().plus(d)).await;
    }
}

/// A moment as a device of no particular zone sees it.
pub(crate) fn moment(at: Timestamp) -> DateTime {
    let z = at.to_zoned(TimeZone::UTC);
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    DateTime {
        date: Date {
            year: u16::try_from(z.year()).unwrap_or(1970),
            month: small(z.month()),
            day: small(z.day()),
        },
        time: Time {
            hour: small(z.hour()),
            minute: small(z.minute()),
            second: small(z.second()),
        },
    }
}

/// Spells a date as the release does.
pub(crate) fn spell_date(release: Release, at: Timestamp) -> String {
    let date = moment(at).date;
    if release.has(Feature::IsoDates) {
        date.to_string()
    } else {
        date.to_old_string()
    }
}

/// Spells date and time.
pub(crate) fn spell_moment(release: Release, at: Timestamp) -> String {
    format!("{} {}", spell_date(release, at), moment(at).time)
}

/// Reads a date and a time of day in either spelling.
pub(crate) fn read_moment(date: &str, time: &str) -> Option<Timestamp> {
    let DateTime { date: d, time: t } = DateTime::parse(format!("{date} {time}").as_bytes())?;
    let small = |n: u8| i8::try_from(n).unwrap_or(0);
    let civil = jiff::civil::DateTime::new(
        i16::try_from(d.year).ok()?,
        small(d.month),
        small(d.day),
        small(t.hour),
        small(t.minute),
        small(t.second),
        0,
    );
    Some(civil.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
