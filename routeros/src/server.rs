//! The device's side: requests decoded, responses encoded.

use std::fmt;

use crate::error::{Category, ProtocolError};
use crate::row::Row;
use crate::sentence::{Decoder, Limits, Sentence};
use crate::text;

/// A command as a device sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The command word, such as `/ip/address/print`.
    pub path: String,
    /// The `=name=value` words, `.proplist` and `.id` among them.
    pub attributes: Row,
    /// The query words, in order, with their `?`.
    pub queries: Vec<Vec<u8>>,
    /// The tag, byte for byte; an empty one counts as none.
    pub tag: Option<Vec<u8>>,
}

impl Request {
    /// Reads a sentence.
    pub fn parse(sentence: &Sentence) -> Result<Self, ProtocolError> {
        let mut words = sentence.words();
        let path = words.next().filter(|word| word.starts_with(b"/"));
        let path = text::lossy(path.ok_or(ProtocolError::NotACommand)?).into_owned();
        let mut queries = Vec::new();
        let mut tag = None;
        for word in words {
            if word.starts_with(b"?") {
                queries.push(word.to_vec());
            } else if let Some(value) = word.strip_prefix(b".tag=") {
                tag = Some(value.to_vec()).filter(|value| !value.is_empty());
            }
        }
        Ok(Self {
            path,
            queries,
            tag,
            attributes: Row::from_sentence(sentence),
        })
    }

    /// The menu and the verb: `/ip/address` and `print`.
    pub fn menu_and_verb(&self) -> (&str, &str) {
        self.path.rsplit_once('/').unwrap_or(("", &self.path))
    }

    /// The names of `.proplist`, if there is one.
    pub fn proplist(&self) -> Option<Vec<String>> {
        let list = self.attributes.text(".proplist")?;
        let names = list.split(',').filter(|name| !name.is_empty());
        Some(names.map(str::to_owned).collect())
    }

    /// An answer to this request: it carries its tag.
    pub fn respond(&self, response: Response) -> Response {
        response.tagged(self.tag.as_deref())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &text::escape(&self.path))
            .field("attributes", &self.attributes)
            .field("queries", &self.queries.len())
            .field("tag", &self.tag.as_deref().map(text::lossy))
            .finish()
    }
}

/// Collects bytes into requests.
#[derive(Debug)]
pub struct Receiver {
    decoder: Decoder,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(Limits::STRANGER),
        }
    }
}

impl Receiver {
    /// A receiver for somebody who has not signed in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lifts the limits that hold before signing in.
    pub fn signed_in(&mut self) {
        self.decoder.set_limits(Limits::DEVICE);
    }

    /// Takes in bytes from the client.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// Returns the next request.
    pub fn poll(&mut self) -> Result<Option<Request>, ProtocolError> {
        let sentence = self.decoder.poll()?;
        sentence.as_ref().map(Request::parse).transpose()
    }
}

/// A sentence of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    kind: &'static str,
    words: Vec<Vec<u8>>,
    tag: Option<Vec<u8>>,
    is_tag_last: bool,
}

impl Response {
    fn new(kind: &'static str, words: Vec<Vec<u8>>) -> Self {
        Self {
            kind,
            words,
            tag: None,
            is_tag_last: false,
        }
    }

    /// `!re` with a record.
    pub fn row(row: &Row) -> Self {
        let words = row.iter().map(|(name, value)| attribute(name, value));
        Self::new("!re", words.collect())
    }

    /// `!done`.
    pub fn done() -> Self {
        Self::new("!done", Vec::new())
    }

    /// `!done` with a result.
    pub fn done_with(ret: impl AsRef<[u8]>) -> Self {
        Self::new("!done", vec![attribute("ret", ret.as_ref())])
    }

    /// `!trap`; `!done` has to follow.
    pub fn trap(category: Option<Category>, message: impl AsRef<[u8]>) -> Self {
        let category = category.map(|c| attribute("category", c.number().to_string().as_bytes()));
        let message = attribute("message", message.as_ref());
        Self::new("!trap", category.into_iter().chain([message]).collect())
    }

    /// `!fatal`; the connection has to be closed.
    pub fn fatal(reason: impl AsRef<[u8]>) -> Self {
        Self::new("!fatal", vec![reason.as_ref().to_vec()])
    }

    /// `!empty`; `!done` has to follow.
    pub fn empty() -> Self {
        Self::new("!empty", Vec::new())
    }

    /// Gives it a tag.
    #[must_use]
    pub fn tagged(mut self, tag: Option<&[u8]>) -> Self {
        self.tag = tag.map(<[u8]>::to_vec);
        self
    }

    /// Puts the tag behind all other words, where it means the same.
    #[must_use]
    pub fn tag_last(mut self) -> Self {
        self.is_tag_last = true;
        self
    }

    /// Appends the sentence to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut sentence = Sentence::default();
        sentence.push(self.kind.as_bytes());
        let tag = self.tag.as_deref().map(|tag| [b".tag=", tag].concat());
        let (first, last) = if self.is_tag_last {
            (None, tag)
        } else {
            (tag, None)
        };
        let words = self.words.iter();
        for word in first.iter().chain(words).chain(&last) {
            sentence.push(word);
        }
        sentence.encode(out);
    }
}

fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    [b"=", name.as_bytes(), b"=", value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    fn receive(command: &Command, tag: Option<u64>) -> Request {
        let mut bytes = Vec::new();
        command.encode(tag, &mut bytes);
        let mut receiver = Receiver::new();
        receiver.feed(&bytes);
        receiver.poll().unwrap().unwrap()
    }

    #[test]
    fn a_request_is_taken_apart() {
        let command = Command::print("/ip/address")
            .proplist(&[".id", "address"])
            .query("?dynamic=false")
            .query("?#!");

        let request = receive(&command, Some(9));

        assert_eq!(request.menu_and_verb(), ("/ip/address", "print"));
        assert_eq!(request.proplist().unwrap(), [".id", "address"]);
        assert_eq!(
            request.queries,
            [b"?dynamic=false".to_vec(), b"?#!".to_vec()]
        );
        assert_eq!(request.tag.as_deref(), Some(&b"9"[..]));
    }

    #[test]
    fn a_stranger_is_held_short() {
        let command = (0..20).fold(Command::new("/login"), |c, i| c.flag(&i.to_string()));
        let mut bytes = Vec::new();
        command.encode(None, &mut bytes);
        let mut receiver = Receiver::new();
        receiver.feed(&bytes);
        assert_eq!(receiver.poll(), Err(ProtocolError::TooManyWords(16)));
    }

    #[test]
    fn what_does_not_start_with_a_command_is_refused() {
        let sentence = [&b"=name=x"[..]].into_iter().collect();
        assert_eq!(Request::parse(&sentence), Err(ProtocolError::NotACommand));
    }
}
