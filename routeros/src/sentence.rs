//! Sentences: lists of words, ended by an empty one.
//!
//! [`Scanner`] finds them in what was received and copies nothing but a sentence whose bytes come in
//! pieces; [`Decoder`] gathers bytes and hands out sentences of their own.

use crate::word;

mod scan;

pub use scan::{Decoder, Received, Scanner};

/// How large a sentence may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes in a word.
    pub word: u32,
    /// The most words in a sentence.
    pub words: usize,
    /// The most bytes in all of its words.
    pub bytes: usize,
}

impl Limits {
    /// What a client takes. The widest rows known have some hundred words; the longest words are
    /// file contents of 60 KiB and comments of 64 KiB.
    pub const CLIENT: Self = Self {
        word: 128 << 10,
        words: 4096,
        bytes: 256 << 10,
    };
    /// What a device takes from somebody who has signed in.
    pub const DEVICE: Self = Self {
        word: 1 << 20,
        words: 4096,
        bytes: 2 << 20,
    };
    /// What a device takes from somebody who has not signed in.
    pub const STRANGER: Self = Self {
        word: 64 << 10,
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
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied());
        spans.map(|(start, end)| self.bytes.get(start..end).unwrap_or_default())
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
