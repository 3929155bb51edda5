//! Conditions of `find` and `where`, and which rows they hold for.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::net::IpAddr;

use regex::bytes::{Regex, RegexBuilder};

use crate::row::Row;
use crate::value::{self, Value as _};

/// A condition on a row. In a tree its values are expressions, when run they are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition<V = Vec<u8>> {
    /// All of them hold; none at all holds always.
    All(Vec<Condition<V>>),
    /// One of them holds.
    Any(Vec<Condition<V>>),
    /// It does not hold.
    Not(Box<Condition<V>>),
    /// A property is set, and is not `no`.
    Is(String),
    /// A property compares so with a value.
    Compare(String, Relation, V),
}

/// How a property compares with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `~`
    Matches,
    /// `in`
    In,
}

impl<V> Condition<V> {
    /// Replaces the values.
    pub fn try_map<W, E>(
        &self,
        map: &mut impl FnMut(&V) -> Result<W, E>,
    ) -> Result<Condition<W>, E> {
        let mut each = |list: &[Self]| -> Result<Vec<Condition<W>>, E> {
            list.iter().map(|c| c.try_map(map)).collect()
        };
        Ok(match self {
            Self::All(list) => Condition::All(each(list)?),
            Self::Any(list) => Condition::Any(each(list)?),
            Self::Not(inner) => Condition::Not(Box::new(inner.try_map(map)?)),
            Self::Is(property) => Condition::Is(property.clone()),
            Self::Compare(property, relation, value) => {
                Condition::Compare(property.clone(), *relation, map(value)?)
            }
        })
    }
}

impl Condition {
    /// Whether it holds for a row. A flag that is absent is off.
    pub fn holds(&self, row: &Row) -> bool {
        match self {
            Self::All(list) => list.iter().all(|c| c.holds(row)),
            Self::Any(list) => list.iter().any(|c| c.holds(row)),
            Self::Not(inner) => !inner.holds(row),
            Self::Is(property) => row
                .raw(property)
                .is_some_and(|v| !v.is_empty() && bool::parse(v) != Some(false)),
            Self::Compare(property, relation, wanted) => {
                compare(row.raw(property).unwrap_or_default(), *relation, wanted)
            }
        }
    }

    /// The names of the properties that it looks at.
    pub fn properties(&self) -> Vec<&str> {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().flat_map(Self::properties).collect(),
            Self::Not(inner) => inner.properties(),
            Self::Is(property) | Self::Compare(property, ..) => vec![property],
        }
    }
}

/// Compares a property's value, empty if it is not set, with another.
pub(super) fn compare(value: &[u8], relation: Relation, wanted: &[u8]) -> bool {
    let order = || value::compare(value, wanted);
    match relation {
        Relation::Equal => equal(value, wanted),
        Relation::NotEqual => !equal(value, wanted),
        Relation::Less => order() == Ordering::Less,
        Relation::Greater => order() == Ordering::Greater,
        Relation::AtMost => order() != Ordering::Greater,
        Relation::AtLeast => order() != Ordering::Less,
        Relation::Matches => matches(value, wanted),
        Relation::In => is_in(value, wanted).unwrap_or(false),
    }
}

fn equal(value: &[u8], wanted: &[u8]) -> bool {
    let is_off = value.is_empty() && bool::parse(wanted) == Some(false);
    is_off || value::same(value, wanted)
}

/// Whether a pattern is found. A device's patterns are POSIX extended ones; the difference does not
/// show in practice.
fn matches(value: &[u8], pattern: &[u8]) -> bool {
    thread_local! {
        // One pattern is asked of many rows.
        static LAST: RefCell<(Vec<u8>, Option<Regex>)> = RefCell::default();
    }
    LAST.with_borrow_mut(|(text, regex)| {
        if regex.is_none() || text != pattern {
            *regex = compile(pattern);
            pattern.clone_into(text);
        }
        regex.as_ref().is_some_and(|regex| regex.is_match(value))
    })
}

fn compile(pattern: &[u8]) -> Option<Regex> {
    RegexBuilder::new(std::str::from_utf8(pattern).ok()?)
        .unicode(false)
        .size_limit(1 << 18)
        .build()
        .ok()
}

/// Whether an address, with or without a length, lies in a network.
fn is_in(address: &[u8], network: &[u8]) -> Option<bool> {
    let address = address.split(|&b| b == b'/').next()?;
    let network = std::str::from_utf8(network).ok()?;
    let (network, length) = network.split_once('/').unwrap_or((network, "128"));
    let length: u32 = length.parse().ok()?;
    let keep = |bits: u32| length.min(bits);
    match (IpAddr::parse(address)?, network.parse().ok()?) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let shift = 32 - keep(32);
            Some(a.to_bits().checked_shr(shift) == n.to_bits().checked_shr(shift))
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let shift = 128 - keep(128);
            Some(a.to_bits().checked_shr(shift) == n.to_bits().checked_shr(shift))
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_as_what_they_are() {
        for (value, relation, wanted) in [
            ("true", Relation::Equal, "yes"),
            ("", Relation::Equal, "no"),
            ("1500", Relation::Greater, "900"),
            ("ether10", Relation::Matches, "^ether[0-9]+$"),
            ("10.1.2.3/24", Relation::In, "10.1.0.0/16"),
            ("10.1.2.3", Relation::In, "0.0.0.0/0"),
            ("fe80::1", Relation::In, "fe80::/10"),
            ("a", Relation::NotEqual, "b"),
        ] {
            assert!(
                compare(value.as_bytes(), relation, wanted.as_bytes()),
                "{value} {wanted}"
            );
        }
        for (value, relation, wanted) in [
            ("10.2.2.3", Relation::In, "10.1.0.0/16"),
            ("x", Relation::Matches, "("),
            ("x", Relation::In, "10.0.0.0/8"),
        ] {
            assert!(
                !compare(value.as_bytes(), relation, wanted.as_bytes()),
                "{value} {wanted}"
            );
        }
    }
}
