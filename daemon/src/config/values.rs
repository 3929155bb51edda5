//! Values that have a form of their own: times with units, lists, secrets that are not shown.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time: `"10s"`, `"5m"`, `"2h"`, `"7d"`, `"250ms"`; a bare number is seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

/// Nothing that is configured lasts longer than ten years.
const LONGEST: u64 = 10 * 366 * 24 * 3600;

impl Period {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time: write 30s, 5m, 2h, 7d or 250ms");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit {
            "ms" => return from_length(Duration::from_millis(number)),
            "" | "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(factor).ok_or_else(wrong)?;
        from_length(Duration::from_secs(seconds))
    }
}

fn from_length(length: Duration) -> Result<Period, String> {
    if length.is_zero() || length.as_secs() > LONGEST {
        return Err("must be more than nothing and less than ten years".to_owned());
    }
    Ok(Period(length))
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.as_millis());
        if self.0.subsec_nanos() != 0 {
            return write!(f, "{millis}ms");
        }
        let units = [(24 * 3600, "d"), (3600, "h"), (60, "m")];
        let whole = units.iter().find(|(factor, _)| seconds % factor == 0);
        match whole {
            Some((factor, unit)) => write!(f, "{}{unit}", seconds / factor),
            None => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time, as \"30s\" or \"5m\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Period, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Period, E> {
                let seconds = u64::try_from(seconds).unwrap_or(0);
                from_length(Duration::from_secs(seconds)).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A list, in TOML or as text with commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Display> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: FromStr<Err: fmt::Display>> Visitor<'de> for Read<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or text with commas")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<List<T>, E> {
                let text = text.trim();
                if text.starts_with('[') && text.ends_with(']') {
                    // A list in TOML or JSON, which is read as one.
                    return Err(E::custom("is read as a list"));
                }
                let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
                items.map(item).collect::<Result<_, _>>().map(List)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    items.push(item(&text)?);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

fn item<T: FromStr<Err: fmt::Display>, E: Error>(text: &str) -> Result<T, E> {
    text.parse()
        .map_err(|error: T::Err| E::custom(format!("`{text}`: {error}")))
}

/// Says of a secret whether there is one.
#[expect(clippy::ref_option, reason = "serde hands the field over like that")]
pub(super) fn secret<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret
        .as_ref()
        .map(|_| "set, not shown")
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units_and_bounds() {
        for (text, shown) in [
            ("30", "30s"),
            ("90s", "90s"),
            ("120s", "2m"),
            ("2h", "2h"),
            ("24h", "1d"),
            ("250ms", "250ms"),
        ] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "1w",
            "0",
            "0ms",
            "4000d",
            "99999999999999999999s",
            "1 s",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
