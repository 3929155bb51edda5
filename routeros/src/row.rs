//! Rows: a record's attributes, in order and byte for byte, with typed access.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::sentence::Sentence;
use crate::value::Value;

mod rows;
mod view;

pub use rows::Rows;
pub use view::RowRef;
pub(crate) use view::Span;

/// The attributes of one record.
///
/// Values are bytes, because devices store what a terminal or WinBox happened to send. They live
/// in one piece of memory together with their names.
#[derive(Clone, Default)]
pub struct Row {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// Why a field has no value of the type that was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FieldError {
    /// The row does not have it.
    #[error("field {0} is missing")]
    Missing(String),
    /// It does not read as what it should be.
    #[error("field {field} is not {kind}")]
    Malformed {
        /// Its name.
        field: String,
        /// What it should be.
        kind: &'static str,
    },
}

impl Row {
    /// Makes an empty row.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the `=name=value` words of a sentence, which come after its first word.
    pub(crate) fn from_sentence(sentence: &Sentence) -> Self {
        let mut row = Self::new();
        for word in sentence
            .words()
            .skip(1)
            .filter(|word| word.starts_with(b"="))
        {
            let start = row.bytes.len();
            row.bytes.extend_from_slice(word);
            let span = Span::of_word(word, offset(start), offset(row.bytes.len()));
            row.spans.push(span);
        }
        row
    }

    fn of_parts(bytes: Vec<u8>, spans: Vec<Span>) -> Self {
        Self { bytes, spans }
    }

    /// The row where it lies.
    pub fn view(&self) -> RowRef<'_> {
        RowRef::new(&self.bytes, &self.spans)
    }

    /// Appends an attribute.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let start = offset(self.bytes.len());
        self.bytes.extend_from_slice(name.as_bytes());
        let middle = offset(self.bytes.len());
        self.bytes.extend_from_slice(value.as_ref());
        self.spans.push(Span {
            name: (start, middle),
            value: (middle, offset(self.bytes.len())),
        });
    }

    /// Appends an attribute, and returns the row.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.push(name, value);
        self
    }

    /// Gives an attribute a value, in its place if it is there, at the end otherwise.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let Some(at) = self.view().position(name) else {
            return self.push(name, value);
        };
        let start = offset(self.bytes.len());
        self.bytes.extend_from_slice(value.as_ref());
        let end = offset(self.bytes.len());
        if let Some(span) = self.spans.get_mut(at) {
            span.value = (start, end);
        }
    }

    /// Removes an attribute. Returns whether it was there.
    pub fn unset(&mut self, name: &str) -> bool {
        let at = self.view().position(name);
        at.map(|at| self.spans.remove(at)).is_some()
    }

    /// The attributes, in order. A name that is not UTF-8 reads as the empty string.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.view().iter()
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes of an attribute; see [`RowRef::raw`].
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.view().raw(name)
    }

    /// An attribute as text, for people.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.view().text(name)
    }

    /// The item's `.id`.
    pub fn id(&self) -> Option<&str> {
        self.view().id()
    }

    /// An attribute as a `T`; it is an error if it is missing.
    pub fn get<T: Value>(&self, name: &str) -> Result<T, FieldError> {
        self.view().get(name)
    }

    /// An attribute as a `T`, if it is there.
    pub fn maybe<T: Value>(&self, name: &str) -> Result<Option<T>, FieldError> {
        self.view().maybe(name)
    }

    /// Whether an attribute is there and true. Flags that do not apply are often left out.
    pub fn flag(&self, name: &str) -> bool {
        self.view().flag(name)
    }
}

/// A place in a row. Rows are far smaller than 4 GiB: sentences have limits, and so have ours.
fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Eq for Row {}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Row {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        let mut row = Self::new();
        for (name, value) in attributes {
            row.push(name.as_ref(), value);
        }
        row
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Extend<(N, V)> for Row {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, attributes: I) {
        for (name, value) in attributes {
            self.push(name.as_ref(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(words: &[&str]) -> Row {
        Row::from_sentence(&words.iter().map(|word| word.as_bytes()).collect())
    }

    #[test]
    fn values_may_hold_anything() {
        let row = row(&[
            "!re",
            ".tag=3",
            "=.id=*1A",
            "=comment=a=b",
            "=once=",
            "=odd",
        ]);
        assert_eq!(row.id(), Some("*1A"));
        assert_eq!(row.raw("comment"), Some(&b"a=b"[..]));
        assert_eq!(row.raw("once"), Some(&b""[..]));
        assert_eq!(row.raw("odd"), Some(&b""[..]));
        assert_eq!(row.len(), 4);
    }

    #[test]
    fn a_wrong_field_is_named_and_the_rest_is_kept() {
        let row = row(&[
            "!re",
            "=mtu=1.5MiB",
            "=rx-byte=18446744073709551615",
            "=DHCP=true",
        ]);
        assert_eq!(row.get::<u64>("rx-byte"), Ok(u64::MAX));
        assert_eq!(
            row.get::<u64>("mtu").map_err(|e| e.to_string()),
            Err("field mtu is not a number".to_owned())
        );
        assert_eq!(
            row.get::<u64>("x"),
            Err(FieldError::Missing("x".to_owned()))
        );
        assert_eq!(row.maybe::<u64>("x"), Ok(None));
        assert!(row.flag("dhcp"));
    }

    #[test]
    fn rows_can_be_edited() {
        let mut row = Row::new().with("name", "a").with("mtu", "1500");
        row.set("name", "b");
        row.set("comment", "c");
        assert!(row.unset("mtu"));
        assert_eq!(row, Row::new().with("name", "b").with("comment", "c"));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let row = Row::new().with("name", "u").with("password", "hunter2");
        assert_eq!(format!("{row:?}"), r#"{"name": "u", "password": "***"}"#);
    }
}
