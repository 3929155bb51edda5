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

fn encode(value: u128) -> String {
    (0..26)
        .rev()
        .map(|place| {
            let digit = usize::try_from(value >> (place * 5) & 31).unwrap_or_default();
            char::from(DIGITS[digit & 31])
        })
        .collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 || !text.is_ascii() {
        return None;
    }
    text.bytes().try_fold(0_u128, |value, byte| {
        let byte = byte.to_ascii_lowercase();
        let digit = DIGITS.iter().position(|&digit| digit == byte)?;
        // 26 digits are 130 bits: the first may only hold three.
        value
            .checked_mul(32)?
            .checked_add(u128::try_from(digit).ok()?)
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
                write!(f, "{}_{}", $prefix, encode(self.0.as_u128()))
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
    fn text_of_more_than_128_bits_is_refused() {
        let text = format!("dv_{}", "z".repeat(26));

        assert!(text.parse::<DeviceId>().is_err());
    }
}
