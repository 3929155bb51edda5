//! Sentences: lists of words, ended by an empty one.

use crate::error::ProtocolError;
use crate::word;

/// How large a sentence may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most words in a sentence.
    pub words: usize,
    /// The most bytes in all of its words.
    pub bytes: usize,
}

impl Limits {
    /// What a client takes. The widest rows known have some hundred words.
    pub const CLIENT: Self = Self {
        words: 4096,
        bytes: 2 << 20,
    };
    /// What a device takes from somebody who has not signed in.
    pub const STRANGER: Self = Self {
        words: 16,
        bytes: 64 << 10,
    };
}

/// A list of words, in one piece of memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sentence {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Sentence {
    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.spans()
            .map(|(start, end)| self.bytes.get(start..end).unwrap_or_default())
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends a word.
    pub fn push(&mut self, word: &[u8]) {
        self.bytes.extend_from_slice(word);
        self.ends.push(self.bytes.len());
    }

    /// Appends the sentence, framed, to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for word in self.words() {
            word::encode(word, out);
        }
        out.push(0);
    }

    /// How many bytes all the words have.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied())
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl std::fmt::Debug for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Words may be passwords.
        write!(
            f,
            "Sentence({} words, {} bytes)",
            self.len(),
            self.byte_len()
        )
    }
}

impl<'a> FromIterator<&'a [u8]> for Sentence {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(words: I) -> Self {
        let mut sentence = Self::default();
        for word in words {
            sentence.push(word);
        }
        sentence
    }
}

/// Collects bytes into sentences.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// How much of the buffer has been taken.
    taken: usize,
    sentence: Sentence,
    limits: Limits,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::CLIENT)
    }
}

impl Decoder {
    /// Makes a decoder that refuses larger sentences.
    pub fn new(limits: Limits) -> Self {
        Self {
            buffer: Vec::new(),
            taken: 0,
            sentence: Sentence::default(),
            limits,
        }
    }

    /// Changes the limits, from the next word on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes in bytes from the peer. Call [`Decoder::poll`] until it has no more before feeding
    /// again: then at most one word is ever buffered.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole sentence. Empty ones are skipped, as the protocol demands.
    pub fn poll(&mut self) -> Result<Option<Sentence>, ProtocolError> {
        loop {
            let input = self.buffer.get(self.taken..).unwrap_or_default();
            let Some((length, width)) = word::decode_length(input)? else {
                return Ok(None);
            };
            self.check(length)?;
            let Some(word) = input.get(width..width + length) else {
                return Ok(None);
            };
            self.taken += width + length;
            if length > 0 {
                self.sentence.push(word);
            } else if !self.sentence.is_empty() {
                return Ok(Some(std::mem::take(&mut self.sentence)));
            }
        }
    }

    fn check(&self, length: usize) -> Result<(), ProtocolError> {
        let Limits { words, bytes } = self.limits;
        if length > 0 && self.sentence.len() >= words {
            return Err(ProtocolError::TooManyWords(words));
        }
        if self.sentence.byte_len() + length > bytes {
            return Err(ProtocolError::SentenceTooLong(bytes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sentences_survive_any_cut_into_chunks(
            sentences in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 1..6),
                0..6,
            ),
            chunk in 1_usize..64,
        ) {
            let mut bytes = Vec::new();
            for words in &sentences {
                words.iter().map(Vec::as_slice).collect::<Sentence>().encode(&mut bytes);
            }

            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for chunk in bytes.chunks(chunk) {
                decoder.feed(chunk);
                while let Some(sentence) = decoder.poll().unwrap() {
                    seen.push(sentence.words().map(<[u8]>::to_vec).collect::<Vec<_>>());
                }
            }

            prop_assert_eq!(seen, sentences);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let mut decoder = Decoder::new(Limits { words: 8, bytes: 64 });
            decoder.feed(&bytes);
            while let Ok(Some(sentence)) = decoder.poll() {
                prop_assert!(sentence.len() <= 8 && sentence.byte_len() <= 64);
            }
        }
    }

    #[test]
    fn empty_sentences_are_nothing() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0, 0, 0, 3, b'!', b'r', b'e', 0, 0]);
        let sentence = decoder.poll().unwrap().unwrap();
        assert_eq!(sentence.words().collect::<Vec<_>>(), [b"!re"]);
        assert_eq!(decoder.poll(), Ok(None));
    }

    #[test]
    fn a_sentence_is_refused_before_its_bytes_arrive() {
        let mut decoder = Decoder::new(Limits {
            words: 2,
            bytes: 10,
        });
        decoder.feed(&[11]);
        assert_eq!(decoder.poll(), Err(ProtocolError::SentenceTooLong(10)));

        let mut decoder = Decoder::new(Limits {
            words: 2,
            bytes: 10,
        });
        decoder.feed(&[1, b'a', 1, b'b', 1]);
        assert_eq!(decoder.poll(), Err(ProtocolError::TooManyWords(2)));
    }
}
