//! The certificate that a server shows: how long it can be used, and what to think of that.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// So long before its end it is time to renew a certificate.
pub const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A certificate that a server shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Certificate {
    /// SHA-256 of it, in lower-case hex.
    pub fingerprint: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// What to think of a certificate at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is valid, and for long.
    Good,
    /// It is valid, and ends [`SOON`].
    EndsSoon,
    /// It has ended.
    Ended,
    /// Its time has not begun.
    NotYet,
}

impl Certificate {
    /// What to think of it at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let left = self.not_after.duration_since(now);
        if now < self.not_before {
            Standing::NotYet
        } else if left.is_negative() {
            Standing::Ended
        } else if left < SOON {
            Standing::EndsSoon
        } else {
            Standing::Good
        }
    }

    /// The same in words, with the date: `ends in 12 days, on 2026-12-04 00:00 UTC`.
    pub fn describe(&self, now: Timestamp) -> String {
        let left = self.not_after.duration_since(now).abs();
        let (days, hours) = (left.as_hours() / 24, left.as_hours());
        let left = match (days, hours) {
            (2.., _) => format!("{days} days"),
            (_, 2..) => format!("{hours} hours"),
            _ => format!("{} minutes", left.as_mins()),
        };
        let at = |time: Timestamp| time.strftime("%F %H:%M UTC");
        let (from, until) = (at(self.not_before), at(self.not_after));
        match self.standing(now) {
            Standing::Good => format!("is valid until {until}, for {left}"),
            Standing::EndsSoon => format!("ends in {left}, on {until}"),
            Standing::Ended => format!("ended {left} ago, on {until}"),
            Standing::NotYet => format!("is not valid before {from}"),
        }
    }
}

/// A time in a certificate, in seconds since 1970. What is beyond all time means for ever, as
/// 9999-12-31 does.
pub fn time(seconds: i64) -> Timestamp {
    let beyond = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(seconds).unwrap_or(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_thirty_days_before_its_end() {
        let certificate = Certificate {
            fingerprint: "ab".repeat(32),
            not_before: "2030-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2030-06-30T12:00:00Z".parse().unwrap(),
        };
        for (now, standing, said) in [
            (
                "2029-12-31T23:59:59Z",
                Standing::NotYet,
                "is not valid before 2030-01-01 00:00 UTC",
            ),
            (
                "2030-01-01T00:00:00Z",
                Standing::Good,
                "is valid until 2030-06-30 12:00 UTC, for 180 days",
            ),
            (
                "2030-05-31T12:00:00Z",
                Standing::Good,
                "is valid until 2030-06-30 12:00 UTC, for 30 days",
            ),
            (
                "2030-05-31T12:00:01Z",
                Standing::EndsSoon,
                "ends in 29 days, on 2030-06-30 12:00 UTC",
            ),
            (
                "2030-06-30T01:00:00Z",
                Standing::EndsSoon,
                "ends in 11 hours, on 2030-06-30 12:00 UTC",
            ),
            (
                "2030-06-30T12:00:00Z",
                Standing::EndsSoon,
                "ends in 0 minutes, on 2030-06-30 12:00 UTC",
            ),
            (
                "2030-06-30T12:01:00Z",
                Standing::Ended,
                "ended 1 minutes ago, on 2030-06-30 12:00 UTC",
            ),
            (
                "2031-06-30T12:00:00Z",
                Standing::Ended,
                "ended 365 days ago, on 2030-06-30 12:00 UTC",
            ),
        ] {
            let now = now.parse().unwrap();
            assert_eq!(certificate.standing(now), standing, "{now}");
            assert_eq!(certificate.describe(now), said, "{now}");
        }
    }

    #[test]
    fn a_certificate_for_ever_ends_at_the_end_of_time() {
        assert_eq!(time(1_893_456_000).to_string(), "2030-01-01T00:00:00Z");
        // 9999-12-31 23:59:59, which RFC 5280 has for "no end".
        assert_eq!(time(253_402_300_799), Timestamp::MAX);
        assert_eq!(time(i64::MIN), Timestamp::MIN);
    }
}
