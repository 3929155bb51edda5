//! Finding sentences in what was received.

use super::{Limits, Sentence};
use crate::error::ProtocolError;
use crate::word::{self, Length};

/// How much memory is kept from one broken sentence to the next.
const KEEP: usize = 1 << 10;
/// How many words are expected at first.
const WORDS: usize = 32;

/// Where a word lies in the bytes of its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A sentence where it was received.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    raw: &'a [u8],
    spans: &'a [Span],
    bytes: usize,
}

impl<'a> Received<'a> {
    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &'a [u8]> {
        let raw = self.raw;
        self.spans
            .iter()
            .map(|span| raw.get(span.range()).unwrap_or_default())
    }

    /// How many words there are: never none.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// How many bytes all the words have.
    pub fn byte_len(&self) -> usize {
        self.bytes
    }

    /// The bytes, with the lengths between the words.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Where the words lie in [`Received::raw`].
    pub(crate) fn spans(&self) -> &'a [Span] {
        self.spans
    }
}

impl std::fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Words may be passwords.
        write!(f, "Received({} words, {} bytes)", self.len(), self.bytes)
    }
}

impl Span {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Finds sentences in what was received, piece by piece.
///
/// **Invariant:** memory grows with what has come, never with what is claimed to come, and a limit
/// is checked before the first byte beyond it is taken.
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    takes_padding: bool,
    /// The beginning of a sentence whose end has not come.
    buffer: Vec<u8>,
    /// How much of the buffer, or of the input while it is empty, is whole words.
    scanned: usize,
    spans: Vec<Span>,
    bytes: usize,
    /// Whether the last sentence was handed out and can be forgotten.
    is_given: bool,
}

/// Where the sentence that was found lies.
enum Found {
    Input(usize, usize),
    Buffer,
}

impl Scanner {
    /// A scanner that refuses larger sentences.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            takes_padding: true,
            buffer: Vec::new(),
            scanned: 0,
            spans: Vec::new(),
            bytes: 0,
            is_given: false,
        }
    }

    /// Refuses lengths that are written in more bytes than they need. Devices understand them and
    /// never write them.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.takes_padding = false;
        self
    }

    /// Changes the limits, from the next word on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes the next whole sentence off `input`; when there is none, takes all of it. Empty
    /// sentences are skipped, as the protocol demands.
    ///
    /// After an error nothing can be framed any more.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Received<'a>>, ProtocolError> {
        if self.is_given {
            self.forget();
        }
        let whole = *input;
        let found = if self.buffer.is_empty() {
            self.scan(input)?
        } else {
            self.resume(input)?
        };
        let raw = match found {
            None => return Ok(None),
            Some(Found::Input(start, end)) => whole.get(start..end).unwrap_or_default(),
            Some(Found::Buffer) => &self.buffer,
        };
        self.is_given = true;
        Ok(Some(Received {
            raw,
            spans: &self.spans,
            bytes: self.bytes,
        }))
    }

    /// Whether the beginning of a sentence is kept.
    pub fn is_amid(&self) -> bool {
        !self.buffer.is_empty() && !self.is_given
    }

    fn forget(&mut self) {
        self.is_given = false;
        self.scanned = 0;
        self.bytes = 0;
        self.spans.clear();
        self.buffer.clear();
        // A large sentence is no reason to hold as much for ever.
        if self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        }
        if self.spans.capacity() > KEEP {
            self.spans = Vec::new();
        }
    }

    /// Looks for a sentence that lies in the input as a whole.
    fn scan(&mut self, input: &mut &[u8]) -> Result<Option<Found>, ProtocolError> {
        let data = *input;
        let (mut start, mut at) = (0, 0);
        if self.spans.capacity() == 0 {
            self.spans.reserve(WORDS);
        }
        while let Some(rest) = data.get(at..)
            && let Some(length) = word::decode_length(rest)?
        {
            if length.word == 0 {
                self.admit(length)?;
                at += length.width;
                if self.spans.is_empty() {
                    start = at;
                    continue;
                }
                *input = data.get(at..).unwrap_or_default();
                return Ok(Some(Found::Input(start, at)));
            }
            self.admit(length)?;
            let begin = at + length.width;
            let end = begin + length.word as usize;
            if end > data.len() {
                break;
            }
            self.note(begin - start, end - start);
            at = end;
        }
        self.scanned = at - start;
        self.buffer
            .extend_from_slice(data.get(start..).unwrap_or_default());
        *input = &[];
        Ok(None)
    }

    /// Goes on with a sentence that began in an earlier piece: takes what it needs and no more.
    fn resume(&mut self, input: &mut &[u8]) -> Result<Option<Found>, ProtocolError> {
        loop {
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            let there = rest.len();
            let Some(length) = word::decode_length(rest)? else {
                let Some((&byte, left)) = input.split_first() else {
                    return Ok(None);
                };
                self.buffer.push(byte);
                *input = left;
                continue;
            };
            self.admit(length)?;
            let size = length.width + length.word as usize;
            let wanted = size.saturating_sub(there);
            let (taken, left) = input.split_at_checked(wanted).unwrap_or((input, &[]));
            self.buffer.extend_from_slice(taken);
            *input = left;
            if taken.len() < wanted {
                return Ok(None);
            }
            let begin = self.scanned + length.width;
            self.scanned += size;
            if length.word > 0 {
                self.note(begin, self.scanned);
            } else if self.spans.is_empty() {
                // An empty sentence whose length came in pieces.
                self.forget();
                return self.scan(input);
            } else {
                return Ok(Some(Found::Buffer));
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a sentence is far below 4 GiB: its limits are checked first"
    )]
    fn note(&mut self, start: usize, end: usize) {
        self.bytes += end - start;
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
        });
    }

    #[inline]
    fn admit(&self, length: Length) -> Result<(), ProtocolError> {
        let Limits { word, words, bytes } = self.limits;
        if length.word > word {
            return Err(ProtocolError::WordTooLong(length.word));
        }
        if length.word > 0 && self.spans.len() >= words {
            return Err(ProtocolError::TooManyWords(words));
        }
        if self.bytes + length.word as usize > bytes {
            return Err(ProtocolError::SentenceTooLong(bytes));
        }
        if length.width > 1 && !self.takes_padding && length.is_padded() {
            return Err(ProtocolError::PaddedLength);
        }
        Ok(())
    }
}

/// Collects bytes into sentences.
#[derive(Debug)]
pub struct Decoder {
    scanner: Scanner,
    pending: Vec<u8>,
    taken: usize,
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
            scanner: Scanner::new(limits),
            pending: Vec::new(),
            taken: 0,
        }
    }

    /// Changes the limits, from the next word on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.scanner.set_limits(limits);
    }

    /// Takes in bytes from the peer. Call [`Decoder::poll`] until it has no more before feeding
    /// again: then at most one sentence is ever buffered.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Returns the next whole sentence. Empty ones are skipped, as the protocol demands.
    pub fn poll(&mut self) -> Result<Option<Sentence>, ProtocolError> {
        let mut input = self.pending.get(self.taken..).unwrap_or_default();
        let sentence = self.scanner.next(&mut input)?;
        let sentence = sentence.map(|sentence| sentence.words().collect());
        self.taken = self.pending.len() - input.len();
        if input.is_empty() {
            self.taken = 0;
            self.pending.clear();
            if self.pending.capacity() > KEEP {
                self.pending = Vec::new();
            }
        }
        Ok(sentence)
    }
}

#[cfg(test)]
mod tests;
