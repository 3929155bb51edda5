//! The part of BER that SNMP uses. Every length is checked before anything is taken.

/// An object's name.
pub(crate) type Oid = Vec<u32>;

/// The most parts that a name may have.
const PARTS: usize = 128;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// A value of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(i64),
    Octets(Vec<u8>),
    Null,
    Oid(Oid),
    Address([u8; 4]),
    Counter32(u32),
    Gauge32(u32),
    Ticks(u32),
    Counter64(u64),
    NoSuchObject,
    NoSuchInstance,
    EndOfView,
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next element: its tag and what is in it.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7F);
            if count == 0 || count > 4 {
                return None;
            }
            let (bytes, rest) = rest.split_at_checked(count)?;
            let length = bytes.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn tagged(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.any()?;
        (found == tag).then_some(content)
    }

    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.tagged(SEQUENCE).map(Self)
    }

    pub(super) fn octets(&mut self) -> Option<&'a [u8]> {
        self.tagged(OCTETS)
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        integer(self.tagged(INTEGER)?)
    }

    pub(super) fn oid(&mut self) -> Option<Oid> {
        oid(self.tagged(OID)?)
    }
}

fn integer(bytes: &[u8]) -> Option<i64> {
    let first = *bytes.first()?;
    if bytes.len() > 8 {
        return None;
    }
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(start, |n, b| n << 8 | i64::from(*b)))
}

fn oid(bytes: &[u8]) -> Option<Oid> {
    let (&first, rest) = bytes.split_first()?;
    let mut parts = vec![u32::from(first) / 40, u32::from(first) % 40];
    let mut part = 0_u32;
    for byte in rest {
        part = part.checked_mul(128)? | u32::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            parts.push(std::mem::take(&mut part));
            if parts.len() > PARTS {
                return None;
            }
        }
    }
    Some(parts)
}

/// Writes an element.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len();
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        Ok(long) => out.extend_from_slice(&[0x81, long]),
        Err(_) => {
            let [_, _, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
            out.extend_from_slice(&[0x82, c, d]);
        }
    }
    out.extend_from_slice(content);
}

pub(super) fn put_integer(out: &mut Vec<u8>, tag: u8, n: i64) {
    let bytes = n.to_be_bytes();
    let sign = if n < 0 { 0xFF } else { 0x00 };
    let mut start = 0;
    // The first byte can go while the next one says the same about the sign.
    while start < 7 && bytes.get(start) == Some(&sign) {
        let next = bytes.get(start + 1).copied().unwrap_or_default();
        if next & 0x80 != sign & 0x80 {
            break;
        }
        start += 1;
    }
    put(out, tag, bytes.get(start..).unwrap_or_default());
}

fn put_unsigned(out: &mut Vec<u8>, tag: u8, n: u64) {
    match i64::try_from(n) {
        Ok(n) => put_integer(out, tag, n),
        Err(_) => put(out, tag, &[&[0][..], &n.to_be_bytes()].concat()),
    }
}

pub(super) fn put_oid(out: &mut Vec<u8>, oid: &[u32]) {
    let mut content = Vec::new();
    let (first, second) = (oid.first().copied(), oid.get(1).copied());
    let head = first.unwrap_or(0).min(2) * 40 + second.unwrap_or(0).min(39);
    content.push(u8::try_from(head).unwrap_or(u8::MAX));
    for part in oid.iter().skip(2) {
        let mut groups = vec![part & 0x7F];
        let mut rest = part >> 7;
        while rest > 0 {
            groups.push(rest & 0x7F | 0x80);
            rest >>= 7;
        }
        let bytes = groups.iter().rev().filter_map(|g| u8::try_from(*g).ok());
        content.extend(bytes);
    }
    put(out, OID, &content);
}

pub(super) fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Integer(n) => put_integer(out, INTEGER, *n),
        Value::Octets(bytes) => put(out, OCTETS, bytes),
        Value::Null => put(out, NULL, &[]),
        Value::Oid(oid) => put_oid(out, oid),
        Value::Address(bytes) => put(out, 0x40, bytes),
        Value::Counter32(n) => put_unsigned(out, 0x41, u64::from(*n)),
        Value::Gauge32(n) => put_unsigned(out, 0x42, u64::from(*n)),
        Value::Ticks(n) => put_unsigned(out, 0x43, u64::from(*n)),
        Value::Counter64(n) => put_unsigned(out, 0x46, *n),
        Value::NoSuchObject => put(out, 0x80, &[]),
        Value::NoSuchInstance => put(out, 0x81, &[]),
        Value::EndOfView => put(out, 0x82, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn numbers_and_names_come_back(n: i64, tail in proptest::collection::vec(0_u32.., 0..20)) {
            let oid_in: Oid = [1, 3].into_iter().chain(tail).collect();
            let mut out = Vec::new();
            put_integer(&mut out, INTEGER, n);
            put_oid(&mut out, &oid_in);

            let mut reader = Reader::new(&out);
            assert_eq!(reader.integer(), Some(n));
            assert_eq!(reader.oid(), Some(oid_in));
            assert!(reader.is_empty());
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let mut reader = Reader::new(&bytes);
            while let Some((_, content)) = reader.any() {
                assert!(content.len() <= bytes.len());
                drop((integer(content), oid(content)));
            }
        }
    }
}
