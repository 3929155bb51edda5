//! Dates and times in both grammars: `jul/21/2023` up to 7.9, `2023-07-21` since 7.10.
//!
//! They are what a device's clock says, which may be 1970 or in the future; nothing is ordered by
//! them, so there is no arithmetic here.

use std::fmt;

use super::{Value, utf8};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// A day and a time, in the device's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime {
    /// The day.
    pub date: Date,
    /// The time.
    pub time: Time,
}

/// The time of a log line, of which as much is written as differs from today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogTime {
    /// Today.
    Today(Time),
    /// This year, version 6: `jul/19 14:27:01`.
    ThisYear {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
        /// The time.
        time: Time,
    },
    /// All of it.
    Full(DateTime),
}

impl Date {
    /// As versions up to 7.9 write it: `jul/21/2023`.
    pub fn to_old_string(self) -> String {
        let month = MONTHS
            .get(usize::from(self.month).wrapping_sub(1))
            .unwrap_or(&"jan");
        format!("{month}/{:02}/{:04}", self.day, self.year)
    }

    fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
        is_day.then_some(Self { year, month, day })
    }
}

fn month(text: &str) -> Option<u8> {
    let at = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(text))?;
    u8::try_from(at + 1).ok()
}

impl Value for Date {
    const KIND: &'static str = "a date";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = utf8(bytes)?;
        if let Some((name, rest)) = text.split_once('/') {
            let (day, year) = rest.split_once('/')?;
            return Self::new(year.parse().ok()?, month(name)?, day.parse().ok()?);
        }
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }
}

impl Value for Time {
    const KIND: &'static str = "a time of day";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (hour, rest) = utf8(bytes)?.split_once(':')?;
        let (minute, second) = rest.split_once(':')?;
        Some(Self {
            hour: hour.parse().ok().filter(|&n| n < 24)?,
            minute: minute.parse().ok().filter(|&n| n < 60)?,
            second: second.parse().ok().filter(|&n| n < 60)?,
        })
    }
}

impl Value for DateTime {
    const KIND: &'static str = "a date with time";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (date, time) = utf8(bytes)?.split_once(' ')?;
        Some(Self {
            date: Date::parse(date.as_bytes())?,
            time: Time::parse(time.as_bytes())?,
        })
    }
}

impl Value for LogTime {
    const KIND: &'static str = "a log time";

    fn parse(bytes: &[u8]) -> Option<Self> {
        if let Some(full) = DateTime::parse(bytes) {
            return Some(Self::Full(full));
        }
        let Some((day, time)) = utf8(bytes)?.split_once(' ') else {
            return Time::parse(bytes).map(Self::Today);
        };
        let (name, day) = day.split_once('/')?;
        Some(Self::ThisYear {
            month: month(name)?,
            day: day.parse().ok().filter(|n| (1..=31).contains(n))?,
            time: Time::parse(time.as_bytes())?,
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.date, self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_grammars_are_read() {
        for text in [
            "jul/21/2023 09:38:39",
            "Jul/21/2023 09:38:39",
            "2023-07-21 09:38:39",
        ] {
            let when = DateTime::parse(text.as_bytes()).unwrap();
            assert_eq!(when.to_string(), "2023-07-21 09:38:39");
            assert_eq!(when.date.to_old_string(), "jul/21/2023");
        }
        for text in [
            "2023-13-01 00:00:00",
            "foo/21/2023 00:00:00",
            "2023-07-21",
            "2023-07-21 24:00:00",
        ] {
            assert_eq!(DateTime::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn log_lines_leave_out_what_is_today() {
        let time = Time::parse(b"14:27:01").unwrap();
        assert_eq!(LogTime::parse(b"14:27:01"), Some(LogTime::Today(time)));
        assert_eq!(
            LogTime::parse(b"jul/19 14:27:01"),
            Some(LogTime::ThisYear {
                month: 7,
                day: 19,
                time
            })
        );
        assert!(matches!(
            LogTime::parse(b"2024-07-31 09:33:47"),
            Some(LogTime::Full(_))
        ));
    }
}
