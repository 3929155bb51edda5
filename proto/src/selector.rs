//! The language that picks devices: `site=berlin cpu.gt=80 not tag=lab`.
//!
//! ```text
//! selector := and { "or" and }
//! and      := not { ["and"] not }
//! not      := ["not"] atom
//! atom     := "(" selector ")" | FIELD OP VALUES | "all" | NAME
//! OP       := "=" "!=" "~" "!~" "^=" "<" "<=" ">" ">="
//!           | ".lt=" ".le=" ".gt=" ".ge=" ".re=" ".in=" ".has="      (need no quotes in a shell)
//! VALUES   := VALUE { "," VALUE } | VALUE ".." VALUE
//! ```
//!
//! A bare word is a device's exact name, else the start of its identifier, else its address; with
//! `*` or `?` it is a pattern for names. It is never a fuzzy match.

mod field;
mod lex;
mod matching;
mod parse;
mod version;

#[cfg(test)]
mod tests;

pub use field::{Field, Kind};
pub use matching::glob;
pub use version::{VersionKey, version_key};

use std::fmt;

/// The longest selector, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// How deep parentheses and `not` may nest.
pub const MAX_DEPTH: usize = 32;

/// A parsed selector.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// Every device.
    All,
    /// All of these hold.
    And(Vec<Selector>),
    /// One of these holds.
    Or(Vec<Selector>),
    /// This does not hold.
    Not(Box<Selector>),
    /// A bare word.
    Name(String),
    /// A comparison.
    Term(Term),
}

/// A comparison of a field with values.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The field.
    pub field: Field,
    /// The comparison.
    pub op: Op,
    /// What to compare with; any of them suffices. At least one.
    pub values: Vec<Value>,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal to one of the values, or matching it when it has `*` or `?`, or within the range.
    Eq,
    /// Not [`Op::Eq`].
    Ne,
    /// Contains, without case.
    Contains,
    /// Not [`Op::Contains`].
    NotContains,
    /// Starts with, without case.
    Prefix,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Matches the regular expression.
    Regex,
}

/// A value, as the kind of its field says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// Text with `*` (any characters) or `?` (one).
    Glob(String),
    /// A regular expression.
    Regex(String),
    /// A number: percent, degrees, volts.
    Number(f64),
    /// From and to, both included.
    NumberRange(f64, f64),
    /// Seconds.
    Seconds(f64),
    /// From and to seconds, both included.
    SecondsRange(f64, f64),
    /// A RouterOS version.
    Version(VersionKey),
    /// From and to, both included.
    VersionRange(VersionKey, VersionKey),
    /// Yes or no.
    Bool(bool),
}

/// Why text is not a selector, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// The text.
    pub text: String,
    /// The byte at which it goes wrong.
    pub at: usize,
    /// How many bytes are wrong; at least one.
    pub len: usize,
    /// What is wrong.
    pub message: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl SelectorError {
    /// The text with the wrong part marked under it, on two lines.
    pub fn marked(&self) -> String {
        let before = self.text.get(..self.at).unwrap_or(&self.text);
        let indent: String = before.chars().map(|_| ' ').collect();
        let wrong = self.text.get(self.at..self.at + self.len);
        let marks = wrong.map_or(1, |text| text.chars().count().max(1));
        format!(
            "{}\n{indent}{}",
            crate::untrusted::plain(&self.text),
            "^".repeat(marks)
        )
    }
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        parse::parse(text)
    }
}

impl Selector {
    /// Joins the arguments of a command line: all of them must hold. No argument is an error of
    /// the caller's, not "all".
    pub fn from_arguments<S: AsRef<str>>(arguments: &[S]) -> Result<Self, SelectorError> {
        let parts: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        match parts.as_slice() {
            [one] => one.parse(),
            many => {
                for part in many {
                    part.parse::<Self>()?;
                }
                many.iter()
                    .map(|part| format!("({part})"))
                    .collect::<Vec<_>>()
                    .join(" ")
                    .parse()
            }
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Contains => "~",
            Self::NotContains => "!~",
            Self::Prefix => "^=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Regex => ".re=",
        })
    }
}
