//! Values as RouterOS writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::text;

mod date;
mod duration;
mod order;
mod quantity;

pub use date::{Date, DateTime, LogTime, Time};
pub use duration::{Elapsed, format_duration};
pub use order::{compare, same};
pub use quantity::Quantity;

/// Something that an attribute's bytes can be read as.
pub trait Value: Sized {
    /// What it is, with an article, for messages.
    const KIND: &'static str;

    /// Reads it; `None` if the bytes are something else.
    fn parse(bytes: &[u8]) -> Option<Self>;
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Reads a number that is nothing but digits: counters are most of what is ever read.
pub(crate) fn digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

macro_rules! parsed {
    ($kind:literal: $($type:ty),*) => {$(
        impl Value for $type {
            const KIND: &'static str = $kind;

            fn parse(bytes: &[u8]) -> Option<Self> {
                utf8(bytes)?.parse().ok()
            }
        }
    )*};
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl Value for $type {
            const KIND: &'static str = "a number";

            fn parse(bytes: &[u8]) -> Option<Self> {
                digits(bytes)?.try_into().ok()
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64);
parsed!("a number": i32, i64, f64);
parsed!("an IP address": IpAddr, Ipv4Addr, Ipv6Addr);

impl Value for bool {
    const KIND: &'static str = "a boolean";

    fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b"true" | b"yes" => Some(true),
            b"false" | b"no" => Some(false),
            _ => None,
        }
    }
}

impl Value for String {
    const KIND: &'static str = "text";

    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(text::lossy(bytes).into_owned())
    }
}

impl Value for Vec<u8> {
    const KIND: &'static str = "bytes";

    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl Value for Duration {
    const KIND: &'static str = "a duration";

    fn parse(bytes: &[u8]) -> Option<Self> {
        duration::parse_duration(utf8(bytes)?)
    }
}

/// An item's internal number, `*1A`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

impl Id {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Id {
    const KIND: &'static str = "an item id";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let digits = bytes.strip_prefix(b"*")?;
        let fits = (1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
        fits.then(|| utf8(bytes).map(|id| Self(id.to_owned())))?
    }
}

/// Two numbers, `a,b` or `a/b`: for registrations to the peer and from it, for queues up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<T> {
    /// The first.
    pub first: T,
    /// The second.
    pub second: T,
}

impl<T: Value> Value for Pair<T> {
    const KIND: &'static str = "a pair";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let at = bytes.iter().position(|b| matches!(b, b',' | b'/'))?;
        Some(Self {
            first: T::parse(bytes.get(..at)?)?,
            second: T::parse(bytes.get(at + 1..)?)?,
        })
    }
}

/// A list, `a,b,c`; empty when there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

impl Value for List {
    const KIND: &'static str = "a list";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = text::lossy(bytes);
        let items = text.split(',').filter(|item| !item.is_empty());
        Some(Self(items.map(str::to_owned).collect()))
    }
}

/// A signal in dBm: `-62`, `-62@1Mbps`, `-65dBm@1Mbps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dbm(pub i32);

impl Value for Dbm {
    const KIND: &'static str = "a signal strength";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = utf8(bytes)?;
        let signal = text.split_once('@').map_or(text, |(signal, _)| signal);
        let signal = signal.strip_suffix("dBm").unwrap_or(signal);
        signal.parse().ok().map(Self)
    }
}

/// Bits per second: `1Gbps`, `72.2Mbps-20MHz/1S/SGI`, `1000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(pub u64);

impl Value for BitRate {
    const KIND: &'static str = "a bit rate";

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number has no sign and the cast saturates"
    )]
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = utf8(bytes)?;
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        if unit.is_empty() {
            return number.parse().ok().map(Self);
        }
        let factor = match unit.split('-').next()? {
            "bps" => 1.0,
            "kbps" => 1e3,
            "Mbps" => 1e6,
            "Gbps" => 1e9,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        Some(Self((number * factor).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn booleans_have_four_spellings() {
        for (text, value) in [
            ("true", Some(true)),
            ("yes", Some(true)),
            ("no", Some(false)),
            ("false", Some(false)),
            ("", None),
            ("True", None),
        ] {
            assert_eq!(bool::parse(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn composite_values_are_taken_apart() {
        assert_eq!(
            Pair::<u64>::parse(b"17536671,2966351"),
            Some(Pair {
                first: 17_536_671,
                second: 2_966_351
            })
        );
        assert_eq!(
            Pair::<u64>::parse(b"1/2"),
            Some(Pair {
                first: 1,
                second: 2
            })
        );
        assert_eq!(Pair::<u64>::parse(b"1"), None);
        assert_eq!(
            List::parse(b"established,related").unwrap().0,
            ["established", "related"]
        );
        assert_eq!(List::parse(b"").unwrap().0, [""; 0]);
    }

    #[test]
    fn radio_values_are_read_with_and_without_units() {
        for text in ["-62", "-62@1Mbps", "-62dBm@1Mbps"] {
            assert_eq!(Dbm::parse(text.as_bytes()), Some(Dbm(-62)), "{text}");
        }
        assert_eq!(
            BitRate::parse(b"72.2Mbps-20MHz/1S/SGI"),
            Some(BitRate(72_200_000))
        );
        assert_eq!(BitRate::parse(b"1Gbps"), Some(BitRate(1_000_000_000)));
        assert_eq!(BitRate::parse(b"866700000"), Some(BitRate(866_700_000)));
        assert_eq!(BitRate::parse(b"fast"), None);
    }

    #[test]
    fn ids_are_hexadecimal() {
        assert_eq!(Id::parse(b"*1A").unwrap().as_str(), "*1A");
        assert_eq!(Id::parse(b"*FFFFFFFE").unwrap().as_str(), "*FFFFFFFE");
        assert_eq!(Id::parse(b"1A"), None);
        assert_eq!(Id::parse(b"*"), None);
        assert_eq!(Id::parse(b"*ether1"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _: Option<Duration> = Value::parse(&bytes);
            let _: Option<DateTime> = Value::parse(&bytes);
            let _: Option<LogTime> = Value::parse(&bytes);
            let _: Option<Pair<u64>> = Value::parse(&bytes);
            let _: Option<BitRate> = Value::parse(&bytes);
            let _: Option<Dbm> = Value::parse(&bytes);
            let _id: Option<Id> = Value::parse(&bytes);
        }
    }
}
