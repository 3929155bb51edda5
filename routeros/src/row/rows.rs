//! Many records in one piece of memory.

use super::{Row, RowRef, Span, offset};

/// Records, in order, in one piece of memory: what a device answers to a `print`.
#[derive(Clone, Default)]
pub struct Rows {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    ends: Vec<End>,
}

/// Where a record ends in bytes and spans.
#[derive(Clone, Copy, Default)]
struct End {
    bytes: u32,
    spans: u32,
}

impl Rows {
    /// No records.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            spans: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// No records, and memory for so many bytes of them.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            // Attributes have some 16 bytes, records some 16 attributes.
            spans: Vec::with_capacity(bytes / 16),
            ends: Vec::with_capacity(bytes / 256),
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of memory that the records take.
    pub fn size(&self) -> usize {
        self.bytes.len() + size_of_val(self.spans.as_slice()) + size_of_val(self.ends.as_slice())
    }

    /// Appends a record.
    pub fn push(&mut self, row: &RowRef<'_>) {
        let (bytes, spans) = row.parts();
        self.bytes.extend_from_slice(bytes);
        self.spans.extend_from_slice(spans);
        self.ends.push(End {
            bytes: offset(self.bytes.len()),
            spans: offset(self.spans.len()),
        });
    }

    /// Appends all records of another.
    pub fn append(&mut self, mut other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let base = End {
            bytes: offset(self.bytes.len()),
            spans: offset(self.spans.len()),
        };
        self.bytes.append(&mut other.bytes);
        self.spans.append(&mut other.spans);
        self.ends.extend(other.ends.iter().map(|end| End {
            bytes: end.bytes.saturating_add(base.bytes),
            spans: end.spans.saturating_add(base.spans),
        }));
    }

    /// The record at a place.
    pub fn get(&self, at: usize) -> Option<RowRef<'_>> {
        let end = *self.ends.get(at)?;
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => End::default(),
        };
        Some(RowRef::new(
            self.bytes.get(start.bytes as usize..end.bytes as usize)?,
            self.spans.get(start.spans as usize..end.spans as usize)?,
        ))
    }

    /// The first record.
    pub fn first(&self) -> Option<RowRef<'_>> {
        self.get(0)
    }

    /// The records, in order.
    pub fn iter(&self) -> impl Iterator<Item = RowRef<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// The records, each on its own.
    pub fn to_vec(&self) -> Vec<Row> {
        self.iter().map(|row| row.to_row()).collect()
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Rows {}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(all: I) -> Self {
        let mut rows = Self::new();
        for row in all {
            rows.push(&row.view());
        }
        rows
    }
}

impl From<Vec<Row>> for Rows {
    fn from(all: Vec<Row>) -> Self {
        all.into_iter().collect()
    }
}

impl<const N: usize> From<[Row; N]> for Rows {
    fn from(all: [Row; N]) -> Self {
        all.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        Row::new().with("name", name).with("mtu", "1500")
    }

    #[test]
    fn records_are_kept_in_order_and_apart() {
        let mut edited = row("b");
        edited.set("name", "bb");
        edited.unset("mtu");
        let mut rows = Rows::from([row("a"), edited.clone(), Row::new()]);
        rows.append(Rows::new());
        rows.append(Rows::from([row("c")]));

        assert_eq!(rows.to_vec(), [row("a"), edited, Row::new(), row("c")]);
        assert_eq!(rows.get(1).unwrap().raw("name"), Some(&b"bb"[..]));
        assert_eq!((rows.len(), rows.get(4)), (4, None));
        assert!(rows.size() > 4 * "namea".len());
    }

    #[test]
    fn appending_to_nothing_takes_the_other() {
        let mut rows = Rows::new();
        rows.append(Rows::from([row("a")]));
        assert_eq!(rows, Rows::from([row("a")]));
        assert!(Rows::new().first().is_none());
    }
}
