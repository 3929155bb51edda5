//! Device text: `String`s that can hold any bytes a device can hold.
//!
//! **Invariant:** `encode(&decode(bytes)) == bytes` for every `bytes`; a byte that is not UTF-8 is
//! kept as a character of the private range U+F700.., as Python's `surrogateescape` does.

const BASE: u32 = 0xF700;

/// Makes text of device bytes, losing nothing.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_escape(c) {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    push_byte(&mut text, byte);
                }
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            push_byte(&mut text, *byte);
        }
    }
    text
}

/// Gives the bytes back.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(BASE)) {
            Ok(byte) if is_escape(c) => bytes.push(byte),
            _ => {
                let mut buffer = [0; 4];
                bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
    bytes
}

/// Returns how many bytes [`encode`] gives.
pub(crate) fn encoded_len(text: &str) -> usize {
    let length = |c: char| if is_escape(c) { 1 } else { c.len_utf8() };
    text.chars().map(length).sum()
}

fn is_escape(c: char) -> bool {
    (BASE + 0x80..=BASE + 0xFF).contains(&u32::from(c))
}

fn push_byte(text: &mut String, byte: u8) {
    if let Some(c) = char::from_u32(BASE + u32::from(byte)) {
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use proptest::prelude::{any, prop};

    proptest::proptest! {
        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            assert_eq!(encode(&decode(&bytes)), bytes);
            assert_eq!(super::encoded_len(&decode(&bytes)), bytes.len());
        }
    }

    #[test]
    fn the_private_range_itself_comes_back() {
        let bytes = "\u{F7C3}".as_bytes();

        assert_eq!(encode(&decode(bytes)), bytes);
    }
}
