//! Durations: `1w2d3h4m5s`, `9ms445us`, `00:10:00`, `1d02:03:04`, `never`.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Value, utf8};

/// Units and how many microseconds they have, the longest first.
const UNITS: [(&str, u64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        if rest.contains(':')
            && rest
                .bytes()
                .all(|b| b.is_ascii_digit() || b == b':' || b == b'.')
        {
            total = total.checked_add(clock(rest)?)?;
            break;
        }
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        // A bare number is seconds, as in `interval=60`.
        let unit = if unit.is_empty() && rest == text {
            "s"
        } else {
            unit
        };
        let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let number: u64 = number.parse().ok()?;
        total = total.checked_add(number.checked_mul(*micros)?)?;
        rest = after;
    }
    Some(Duration::from_micros(total))
}

/// Reads `hh:mm:ss`, `mm:ss` is not used.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let hours: u64 = parts.next()?.parse().ok()?;
    let minutes: u64 = parts.next()?.parse().ok().filter(|&n| n < 60)?;
    let seconds = parts.next()?;
    if parts.next().is_some() {
        return None;
    }
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let seconds: u64 = seconds.parse().ok().filter(|&n| n < 60)?;
    if fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
    hours
        .checked_mul(3600)?
        .checked_add(minutes * 60 + seconds)?
        .checked_mul(1_000_000)?
        .checked_add(micros)
}

/// Writes a duration as RouterOS does: `1w2d3h4m5s`, `9ms445us`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let mut out = String::new();
    for (unit, micros) in UNITS {
        let n = rest / micros;
        rest %= micros;
        if n > 0 {
            // Writing to a String cannot fail.
            write!(out, "{n}{unit}").unwrap_or_default();
        }
    }
    if out.is_empty() {
        out.push_str("0s");
    }
    out
}

/// How long ago something was, if ever: a duration or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elapsed {
    /// It never was.
    Never,
    /// It was this long ago.
    Since(Duration),
}

impl Value for Elapsed {
    const KIND: &'static str = "a duration or never";

    fn parse(bytes: &[u8]) -> Option<Self> {
        match utf8(bytes)? {
            "never" => Some(Self::Never),
            text => parse_duration(text).map(Self::Since),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_in_all_forms() {
        for (text, micros) in [
            ("1w2d3h4m5s", 788_645_000_000),
            ("9ms445us", 9_445),
            ("0s", 0),
            ("20s", 20_000_000),
            ("00:10:00", 600_000_000),
            ("1d02:03:04", 93_784_000_000),
            ("00:00:00.050", 50_000),
            ("60", 60_000_000),
        ] {
            let duration = parse_duration(text);
            assert_eq!(duration, Some(Duration::from_micros(micros)), "{text}");
        }
        for text in [
            "",
            "never",
            "5x",
            "1w2",
            "1:2",
            "00:61:00",
            "s",
            "99999999999999999999w",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(Elapsed::parse(b"never"), Some(Elapsed::Never));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in 0_u64..u64::MAX / 2) {
            let duration = Duration::from_micros(micros);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
    }
}
