//! Replies: what a device's sentences say.

use crate::row::Row;
use crate::sentence::Sentence;

/// Which reply it is.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A word that is not known, as it came.
    Other(Vec<u8>),
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
    pub fn parse(sentence: Sentence) -> Self {
        let mut tag = ReplyTag::Absent;
        let mut bare = None;
        let mut words = sentence.words();
        let kind = words.next().map_or(Kind::Other(Vec::new()), kind);
        for word in words {
            if let Some(value) = word.strip_prefix(b".tag=") {
                tag = parse_tag(value);
            } else if !word.starts_with(b"=") && bare.is_none() {
                bare = Some(word.to_vec());
            }
        }
        Self {
            kind,
            tag,
            bare,
            row: Row::from_sentence(sentence),
        }
    }
}

fn kind(word: &[u8]) -> Kind {
    match word {
        b"!re" => Kind::Re,
        b"!done" => Kind::Done,
        b"!trap" => Kind::Trap,
        b"!fatal" => Kind::Fatal,
        b"!empty" => Kind::Empty,
        other => Kind::Other(other.to_vec()),
    }
}

fn parse_tag(value: &[u8]) -> ReplyTag {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    match std::str::from_utf8(value) {
        Ok("") => ReplyTag::Absent,
        Ok(text) if is_number => text.parse().map_or(ReplyTag::Foreign, ReplyTag::Number),
        _ => ReplyTag::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(words: &[&str]) -> Reply {
        Reply::parse(words.iter().map(|word| word.as_bytes()).collect())
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
    fn unknown_replies_are_kept() {
        assert_eq!(parse(&["!new"]).kind, Kind::Other(b"!new".to_vec()));
    }

    proptest! {
        #[test]
        fn any_sentence_reads(
            words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8),
        ) {
            let reply = Reply::parse(words.iter().map(Vec::as_slice).collect());
            prop_assert!(reply.row.iter().count() <= words.len());
        }
    }
}
