//! Replies: what a device's sentences say.

use crate::error::ProtocolError;
use crate::row::{Row, RowRef, Span};
use crate::sentence::{Limits, Received, Scanner, Sentence};
use crate::value::digits;

/// Which reply it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `!re`: one record.
    Re,
    /// `!done`: the last reply of a command.
    Done,
    /// `!trap`: a refusal; `!done` still follows.
    Trap,
    /// `!fatal`: the connection ends.
    Fatal,
    /// `!empty`: there are no records (7.18 and later); `!done` still follows.
    Empty,
    /// A word that is not known.
    Other,
}

/// The tag of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyTag {
    /// There is none.
    Absent,
    /// A number, as our tags are.
    Number(u64),
    /// Something that we never send.
    Foreign,
}

/// One sentence of a device, where it was received.
#[derive(Clone, Debug)]
pub struct ReplyRef<'a> {
    /// Which reply it is.
    pub kind: Kind,
    /// Which command it belongs to.
    pub tag: ReplyTag,
    /// Its attributes.
    pub row: RowRef<'a>,
    /// The first word that is neither attribute nor tag: the reason of `!fatal`.
    pub bare: Option<&'a [u8]>,
}

/// One sentence of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which reply it is.
    pub kind: Kind,
    /// Which command it belongs to.
    pub tag: ReplyTag,
    /// Its attributes.
    pub row: Row,
    /// The first word that is neither attribute nor tag: the reason of `!fatal`.
    pub bare: Option<Vec<u8>>,
}

impl Reply {
    /// Reads a sentence. Nothing is refused: what is not known is kept.
    pub fn parse(sentence: &Sentence) -> Self {
        let mut head = Head::default();
        let mut words = sentence.words();
        let kind = words.next().map_or(Kind::Other, kind);
        words
            .filter(|word| !word.starts_with(b"="))
            .for_each(|word| head.take(word));
        Self {
            kind,
            tag: head.tag,
            bare: head.bare.map(<[u8]>::to_vec),
            row: Row::from_sentence(sentence),
        }
    }
}

/// What a reply has beside its attributes.
struct Head<'a> {
    tag: ReplyTag,
    bare: Option<&'a [u8]>,
}

impl Default for Head<'_> {
    fn default() -> Self {
        Self {
            tag: ReplyTag::Absent,
            bare: None,
        }
    }
}

impl<'a> Head<'a> {
    fn take(&mut self, word: &'a [u8]) {
        if let Some(value) = word.strip_prefix(b".tag=") {
            self.tag = parse_tag(value);
        } else if self.bare.is_none() {
            self.bare = Some(word);
        }
    }
}

/// Finds replies in what was received.
#[derive(Debug)]
pub(crate) struct Replies {
    scanner: Scanner,
    /// Where the attributes of the last reply lie.
    spans: Vec<Span>,
}

/// How many attributes of a reply are remembered to be expected of the next.
const KEEP: usize = 128;

impl Replies {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            scanner: Scanner::new(limits).strict(),
            spans: Vec::new(),
        }
    }

    /// One that stands where another was taken from for a moment.
    pub(crate) fn unused() -> Self {
        Self::new(Limits::CLIENT)
    }

    /// Takes the next reply off `input`; when there is none, takes all of it.
    pub(crate) fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<ReplyRef<'a>>, ProtocolError> {
        if self.spans.capacity() > KEEP {
            self.spans = Vec::new();
        }
        let sentence = self.scanner.next(input)?;
        Ok(sentence.map(|sentence| read(&sentence, &mut self.spans)))
    }
}

fn read<'a>(sentence: &Received<'a>, attributes: &'a mut Vec<Span>) -> ReplyRef<'a> {
    attributes.clear();
    attributes.reserve(sentence.len());
    let mut head = Head::default();
    let mut words = sentence.spans().iter().zip(sentence.words());
    let kind = words.next().map_or(Kind::Other, |(_, word)| kind(word));
    for (span, word) in words {
        if word.first() == Some(&b'=') {
            attributes.push(Span::of_word(word, span.start, span.end));
        } else {
            head.take(word);
        }
    }
    ReplyRef {
        kind,
        tag: head.tag,
        bare: head.bare,
        row: RowRef::new(sentence.raw(), attributes),
    }
}

fn kind(word: &[u8]) -> Kind {
    match word {
        b"!re" => Kind::Re,
        b"!done" => Kind::Done,
        b"!trap" => Kind::Trap,
        b"!fatal" => Kind::Fatal,
        b"!empty" => Kind::Empty,
        _ => Kind::Other,
    }
}

fn parse_tag(value: &[u8]) -> ReplyTag {
    if value.is_empty() {
        return ReplyTag::Absent;
    }
    digits(value).map_or(ReplyTag::Foreign, ReplyTag::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(words: &[&str]) -> Reply {
        Reply::parse(&words.iter().map(|word| word.as_bytes()).collect())
    }

    #[test]
    fn a_tag_may_stand_anywhere() {
        let row = Row::new().with("name", "a");
        for words in [["!re", ".tag=7", "=name=a"], ["!re", "=name=a", ".tag=7"]] {
            let reply = parse(&words);
            assert_eq!((reply.tag, reply.row), (ReplyTag::Number(7), row.clone()));
        }
        assert_eq!(parse(&["!done", ".tag=x7"]).tag, ReplyTag::Foreign);
        assert_eq!(parse(&["!done", ".tag="]).tag, ReplyTag::Absent);
    }

    #[test]
    fn the_reason_of_a_fatal_reply_is_a_bare_word() {
        let reply = parse(&["!fatal", "session terminated on request"]);
        assert_eq!(reply.kind, Kind::Fatal);
        assert_eq!(reply.bare.unwrap(), b"session terminated on request");
    }

    #[test]
    fn unknown_replies_are_told_from_known_ones() {
        assert_eq!(parse(&["!new"]).kind, Kind::Other);
    }

    proptest! {
        #[test]
        fn any_sentence_reads(
            words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8),
        ) {
            let sentence: Sentence = words.iter().map(Vec::as_slice).collect();
            let reply = Reply::parse(&sentence);
            prop_assert!(reply.row.iter().count() <= words.len());
            let mut bytes = Vec::new();
            sentence.encode(&mut bytes);
            if words.iter().all(|word| !word.is_empty()) && !words.is_empty() {
                let mut replies = Replies::new(Limits::CLIENT);
                let mut input = bytes.as_slice();
                let same = replies.next(&mut input).unwrap().unwrap();
                prop_assert_eq!(same.kind, reply.kind);
                prop_assert_eq!(same.tag, reply.tag);
                prop_assert_eq!(same.bare, reply.bare.as_deref());
                prop_assert_eq!(same.row.to_row(), reply.row);
            }
        }
    }
}
