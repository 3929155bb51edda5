//! Typed identifiers.
//!
//! An identifier is a UUID of version 7, so that newer ones sort last. It is written as a prefix
//! that names its kind and 26 digits of Crockford's base 32: `dv_01kbr3e9x2f7h8j9kmnpqrstvw`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Crockford's base 32: no i, l, o, u.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an identifier like `{prefix}_01kbr3e9x2f7h8j9kmnpqrstvw`")]
pub struct ParseIdError {
    prefix: &'static str,
    text: String,
}

/// What each byte is worth as a digit, in either case; 255 for what is none.
const WORTH: [u8; 256] = {
    let mut worth = [u8::MAX; 256];
    let (mut at, mut digit) = (0, 0);
    while at < DIGITS.len() {
        worth[DIGITS[at] as usize] = digit;
        worth[DIGITS[at].to_ascii_uppercase() as usize] = digit;
        at += 1;
        digit += 1;
    }
    worth
};

fn encode(value: u128) -> [u8; 26] {
    let mut text = [0; 26];
    let mut rest = value;
    for place in text.iter_mut().rev() {
        let digit = usize::try_from(rest & 31).unwrap_or_default();
        *place = DIGITS[digit & 31];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 {
        return None;
    }
    let mut bytes = text.bytes().map(|byte| WORTH[usize::from(byte)]);
    // 26 digits are 130 bits: the first may only hold three.
    let first = bytes.next().filter(|first| *first < 8)?;
    bytes.try_fold(u128::from(first), |value, digit| {
        (digit < 32).then_some(value << 5 | u128::from(digit))
    })
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What its text starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a new, time-ordered identifier.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digits = encode(self.0.as_u128());
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(|value| Self(Uuid::from_u128(value)))
                    .ok_or_else(|| ParseIdError {
                        prefix: $prefix,
                        text: text.chars().take(64).collect(),
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": concat!($($doc),*).trim(),
                    "type": "string",
                    // 26 digits are 130 bits: the first holds three.
                    "pattern": concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
                    "examples": [concat!($prefix, "_01kbr3e9x2f7h8j9kmnpqrstvw")],
                })
            }
        }
    )+};
}

ids! {
    /// Identifies a tenant: the unit of isolation.
    TenantId = "tn",
    /// Identifies a person.
    UserId = "us",
    /// Identifies a device.
    DeviceId = "dv",
    /// Identifies a sign-in session: one family of refresh tokens.
    SessionId = "ss",
    /// Identifies a key for programs.
    ApiKeyId = "ak",
    /// Identifies a key that access tokens are signed with.
    SigningKeyId = "sk",
    /// Identifies a change of a device's configuration; people see its number, `c-17`.
    ChangeId = "ch",
    /// Identifies a command run on many devices; people see its number, `r-8`.
    RunId = "rn",
    /// Identifies a terminal or tunnel into a device.
    RelayId = "rl",
    /// Identifies a poller process for as long as it lives.
    PollerId = "pl",
    /// Identifies one request.
    RequestId = "rq",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_survives_its_text() {
        let id = DeviceId::generate();

        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 29);
    }

    #[test]
    fn an_identifier_of_another_kind_is_refused() {
        let id = UserId::generate().to_string();

        assert!(id.parse::<DeviceId>().is_err());
    }

    #[test]
    fn every_digit_counts_and_what_is_none_is_refused() {
        for bits in [
            0,
            1,
            u128::MAX,
            u128::MAX / 3,
            1 << 127,
            0x0123_4567_89ab_cdef << 61,
        ] {
            let id = DeviceId(Uuid::from_u128(bits));
            assert_eq!(id.to_string().parse(), Ok(id));
            let shouted = format!("dv_{}", &id.to_string()[3..].to_ascii_uppercase());
            assert_eq!(shouted.parse(), Ok(id));
        }
        let known = "dv_01kbr3e9x2f7h8j9kmnpqrstvw";
        let id: DeviceId = known.parse().unwrap();
        assert_eq!(id.to_string(), known);
        for wrong in ["u", "l", "i", "o", "-", " ", "é"] {
            let text = format!("dv_01kbr3e9x2f7h8j9kmnpqrst{wrong}w");
            assert!(text.parse::<DeviceId>().is_err(), "{text}");
        }
    }

    #[test]
    fn text_of_more_than_128_bits_is_refused() {
        let text = format!("dv_{}", "z".repeat(26));

        assert!(text.parse::<DeviceId>().is_err());
    }
}
