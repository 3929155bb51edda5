//! Words: length-prefixed byte strings.
//!
//! | length | prefix |
//! |---|---|
//! | up to `0x7F` | `len` |
//! | up to `0x3FFF` | `len \| 0x8000`, two bytes |
//! | up to `0x1F_FFFF` | `len \| 0xC0_0000`, three bytes |
//! | up to `0xFFF_FFFF` | `len \| 0xE000_0000`, four bytes |
//! | above | `0xF0`, then four bytes |
//!
//! **Invariant:** a length is checked before anything is allocated or awaited for it.

use crate::error::ProtocolError;

/// The longest word that we take. RouterOS allows more; a device that sends more than the largest
/// file chunk, log line or comment many times over is broken or hostile.
pub const MAX_WORD: usize = 1 << 20;

/// Appends a word to `out`.
pub fn encode(word: &[u8], out: &mut Vec<u8>) {
    encode_length(word.len() as u64, out);
    out.extend_from_slice(word);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each arm has checked the range"
)]
fn encode_length(n: u64, out: &mut Vec<u8>) {
    match n {
        0..0x80 => out.push(n as u8),
        0x80..0x4000 => out.extend_from_slice(&(n as u16 | 0x8000).to_be_bytes()),
        0x4000..0x20_0000 => out.extend_from_slice(&(n as u32 | 0xC0_0000).to_be_bytes()[1..]),
        0x20_0000..0x1000_0000 => out.extend_from_slice(&(n as u32 | 0xE000_0000).to_be_bytes()),
        _ => {
            out.push(0xF0);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
}

/// The length in front of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    /// How many bytes the word has.
    pub(crate) word: u32,
    /// How many bytes the length itself took.
    pub(crate) width: usize,
}

impl Length {
    /// Whether a shorter form would have done.
    pub(crate) fn is_padded(self) -> bool {
        let least = match self.word {
            0..0x80 => 1,
            0x80..0x4000 => 2,
            0x4000..0x20_0000 => 3,
            0x20_0000..0x1000_0000 => 4,
            _ => 5,
        };
        self.width > least
    }
}

/// Reads the length in front of a word, if all of it is there.
#[inline]
pub(crate) fn decode_length(input: &[u8]) -> Result<Option<Length>, ProtocolError> {
    match input.first() {
        None => Ok(None),
        Some(&first @ 0x00..0x80) => Ok(Some(Length {
            word: u32::from(first),
            width: 1,
        })),
        Some(&first) => decode_long(first, input),
    }
}

fn decode_long(first: u8, input: &[u8]) -> Result<Option<Length>, ProtocolError> {
    let (width, mask) = match first {
        0x00..0xC0 => (2, 0x3F),
        0xC0..0xE0 => (3, 0x1F),
        0xE0..0xF0 => (4, 0x0F),
        0xF0 => (5, 0x00),
        reserved => return Err(ProtocolError::ReservedByte(reserved)),
    };
    Ok(input.get(1..width).map(|rest| Length {
        word: rest
            .iter()
            .fold(u32::from(first & mask), |n, &b| n << 8 | u32::from(b)),
        width,
    }))
}

/// Takes the first word from `input`, if all of it is there.
///
/// Returns the word and how many bytes it took.
pub fn decode(input: &[u8]) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let Some(Length { word, width }) = decode_length(input)? else {
        return Ok(None);
    };
    let length = usize::try_from(word)
        .ok()
        .filter(|&length| length <= MAX_WORD)
        .ok_or(ProtocolError::WordTooLong(word))?;
    Ok(input
        .get(width..width + length)
        .map(|word| (word, width + length)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_decodes(word in proptest::collection::vec(any::<u8>(), 0..0x5000)) {
            let mut bytes = Vec::new();
            encode(&word, &mut bytes);
            prop_assert_eq!(decode(&bytes), Ok(Some((word.as_slice(), bytes.len()))));
        }

        #[test]
        fn a_part_of_a_word_is_not_an_error(
            word in proptest::collection::vec(any::<u8>(), 1..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            encode(&word, &mut bytes);
            prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), Ok(None));
        }

        #[test]
        fn no_input_panics_or_is_overrun(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let taken = decode(&bytes).ok().flatten().map_or(0, |(_, taken)| taken);
            prop_assert!(taken <= bytes.len());
        }
    }

    #[test]
    fn lengths_change_their_form_at_the_documented_borders() {
        for (length, prefix) in [
            (0_usize, &[0x00][..]),
            (0x7F, &[0x7F]),
            (0x80, &[0x80, 0x80]),
            (0x3FFF, &[0xBF, 0xFF]),
            (0x4000, &[0xC0, 0x40, 0x00]),
            (0x1F_FFFF, &[0xDF, 0xFF, 0xFF]),
            (0x20_0000, &[0xE0, 0x20, 0x00, 0x00]),
            (0x0FFF_FFFF, &[0xEF, 0xFF, 0xFF, 0xFF]),
            (0x1000_0000, &[0xF0, 0x10, 0x00, 0x00, 0x00]),
        ] {
            let mut bytes = Vec::new();
            encode_length(length as u64, &mut bytes);
            assert_eq!(bytes, prefix, "{length:#x}");
        }
    }

    #[test]
    fn a_longer_form_than_needed_is_understood() {
        assert_eq!(decode(&[0x80, 0x01, b'x']), Ok(Some((&b"x"[..], 3))));
    }

    #[test]
    fn a_word_may_not_be_huge() {
        assert_eq!(
            decode(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF]),
            Err(ProtocolError::WordTooLong(0xFFFF_FFFF))
        );
    }

    #[test]
    fn control_bytes_end_the_conversation() {
        for byte in 0xF1..=0xFF {
            assert_eq!(decode(&[byte]), Err(ProtocolError::ReservedByte(byte)));
        }
    }
}
