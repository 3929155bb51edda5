//! Sameness and order of values, whatever they are.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use super::Value;

/// Compares two values as numbers, durations or addresses if both are that, else as bytes.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    as_both::<i64>(a, b)
        .or_else(|| as_both::<u64>(a, b))
        .or_else(|| as_both::<Duration>(a, b))
        .or_else(|| as_both::<IpAddr>(a, b))
        .unwrap_or_else(|| a.cmp(b))
}

fn as_both<T: Value + Ord>(a: &[u8], b: &[u8]) -> Option<Ordering> {
    Some(T::parse(a)?.cmp(&T::parse(b)?))
}

/// Whether two spellings mean the same value: `yes` and `true`, `60s` and `00:01:00`.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    let is_number = |bytes: &[u8]| bytes.first().is_some_and(u8::is_ascii_digit);
    if is_number(a) != is_number(b) {
        return false;
    }
    if is_number(a) {
        // Addresses and networks have but one spelling; there are many of them.
        let is_address = |bytes: &[u8]| {
            let dots = bytes.iter().filter(|b| **b == b'.');
            bytes.contains(&b'/') || dots.take(2).count() > 1
        };
        if is_address(a) || is_address(b) {
            return false;
        }
        let durations = Duration::parse(a).zip(Duration::parse(b));
        return durations.is_some_and(|(a, b)| a == b);
    }
    let booleans = bool::parse(a).zip(bool::parse(b));
    booleans.is_some_and(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_the_same() {
        for (a, b) in [
            ("yes", "true"),
            ("no", "false"),
            ("60s", "00:01:00"),
            ("1m", "60s"),
        ] {
            assert!(same(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
        for (a, b) in [
            ("yes", "no"),
            ("1500", "1501"),
            ("a", "A"),
            ("", "no"),
            ("1", "true"),
        ] {
            assert!(!same(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
    }
}
