//! One record where it lies: typed access by name, nothing copied.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use super::{FieldError, Row};
use crate::text;
use crate::value::Value;

/// Where a name and its value lie in the bytes of their row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(super) name: (u32, u32),
    pub(super) value: (u32, u32),
}

impl Span {
    /// Takes `=name=value`, a word at `start..end`, apart.
    #[inline]
    pub(crate) fn of_word(word: &[u8], start: u32, end: u32) -> Self {
        let name = start + 1;
        let middle = find_equals(word.get(1..).unwrap_or_default()).map_or(end, |at| name + at);
        Self {
            name: (name, middle),
            value: ((middle + 1).min(end), end),
        }
    }
}

/// Where the first `=` is. Names are short, so eight bytes at a time is faster than a search that
/// has to be set up.
#[inline]
fn find_equals(bytes: &[u8]) -> Option<u32> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const EQUALS: u64 = u64::from_ne_bytes([b'='; 8]);
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut before = 0;
    for chunk in chunks {
        let differs = u64::from_le_bytes(*chunk) ^ EQUALS;
        let zeros = differs.wrapping_sub(LOW) & !differs & HIGH;
        if zeros != 0 {
            return Some(before + zeros.trailing_zeros() / 8);
        }
        before += 8;
    }
    for &byte in rest {
        if byte == b'=' {
            return Some(before);
        }
        before += 1;
    }
    None
}

/// One record where it lies.
///
/// Looking for a name starts after the one that was found last: reading fields in the order in
/// which a device sends them costs one comparison each. Of equal names, which no device sends, any
/// may be found; a [`Row`] always finds the first.
#[derive(Clone)]
pub struct RowRef<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    next: Cell<usize>,
}

impl<'a> RowRef<'a> {
    pub(crate) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self {
            bytes,
            spans,
            next: Cell::new(0),
        }
    }

    pub(super) fn parts(&self) -> (&'a [u8], &'a [Span]) {
        (self.bytes, self.spans)
    }

    /// A copy that owns its bytes.
    pub fn to_row(&self) -> Row {
        Row::of_parts(self.bytes.to_vec(), self.spans.to_vec())
    }

    /// The attributes, in order. A name that is not UTF-8 reads as the empty string.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let Self { bytes, spans, .. } = *self;
        spans.iter().map(move |span| {
            let name = std::str::from_utf8(slice(bytes, span.name)).unwrap_or_default();
            (name, slice(bytes, span.value))
        })
    }

    /// The bytes of memory that it takes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + size_of_val(self.spans)
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes of an attribute.
    ///
    /// The name is first looked for as it is, then in any case: the DHCP flag of ARP entries is
    /// `DHCP` in version 6 and `dhcp` in version 7.
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        let at = self.position(name)?;
        self.spans.get(at).map(|span| slice(self.bytes, span.value))
    }

    /// An attribute as text, for people.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(text::lossy)
    }

    /// The item's `.id`.
    pub fn id(&self) -> Option<&'a str> {
        std::str::from_utf8(self.raw(".id")?).ok()
    }

    /// Which part of a stream it belongs to: commands that go on and on number their rounds.
    pub fn section(&self) -> Option<u64> {
        self.maybe(".section").ok().flatten()
    }

    /// Whether it tells that the item is gone, as `listen` does.
    pub fn is_dead(&self) -> bool {
        self.flag(".dead")
    }

    /// An attribute as a `T`; it is an error if it is missing.
    pub fn get<T: Value>(&self, name: &str) -> Result<T, FieldError> {
        self.maybe(name)?
            .ok_or_else(|| FieldError::Missing(name.to_owned()))
    }

    /// An attribute as a `T`, if it is there.
    pub fn maybe<T: Value>(&self, name: &str) -> Result<Option<T>, FieldError> {
        let Some(raw) = self.raw(name) else {
            return Ok(None);
        };
        T::parse(raw)
            .map(Some)
            .ok_or_else(|| FieldError::Malformed {
                field: name.to_owned(),
                kind: T::KIND,
            })
    }

    /// Whether an attribute is there and true. Flags that do not apply are often left out.
    pub fn flag(&self, name: &str) -> bool {
        self.raw(name).and_then(bool::parse) == Some(true)
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let name = name.as_bytes();
        let is_it = |at: &usize| {
            let span = self.spans.get(*at);
            span.is_some_and(|span| slice(self.bytes, span.name) == name)
        };
        let next = self.next.get();
        let found = (next..self.spans.len())
            .find(is_it)
            .or_else(|| (0..next).find(is_it))
            .or_else(|| self.position_in_any_case(name));
        if let Some(at) = found {
            self.next.set(at + 1);
        }
        found
    }

    #[cold]
    fn position_in_any_case(&self, name: &[u8]) -> Option<usize> {
        self.spans
            .iter()
            .position(|span| slice(self.bytes, span.name).eq_ignore_ascii_case(name))
    }
}

#[inline]
fn slice(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    bytes.get(start as usize..end as usize).unwrap_or_default()
}

impl PartialEq for RowRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for RowRef<'_> {}

impl fmt::Debug for RowRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            let value = if text::is_sensitive(name) {
                Cow::Borrowed("***")
            } else {
                text::lossy(value)
            };
            map.entry(&name, &value);
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_equals_sign_is_found(bytes in proptest::collection::vec(0x3b_u8..0x40, 0..30)) {
            let expected = bytes.iter().position(|&b| b == b'=');
            prop_assert_eq!(find_equals(&bytes).map(|at| at as usize), expected);
        }

        #[test]
        fn no_byte_is_taken_for_another(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let expected = bytes.iter().position(|&b| b == b'=');
            prop_assert_eq!(find_equals(&bytes).map(|at| at as usize), expected);
        }
    }

    #[test]
    fn fields_are_found_in_any_order() {
        let row = Row::new().with("a", "1").with("b", "2").with("C", "3");
        let row = row.view();
        for (name, value) in [("b", "2"), ("c", "3"), ("a", "1"), ("a", "1"), ("C", "3")] {
            assert_eq!(row.raw(name), Some(value.as_bytes()), "{name}");
        }
        assert_eq!(row.raw("d"), None);
    }

    #[test]
    fn rows_of_streams_tell_their_round_and_their_death() {
        let row = Row::new().with(".section", "12").with(".dead", "true");
        assert_eq!(row.view().section(), Some(12));
        assert!(row.view().is_dead());
        assert!(Row::new().with(".dead", "yes").view().is_dead());
        assert!(!Row::new().with(".id", "*1").view().is_dead());
    }
}
