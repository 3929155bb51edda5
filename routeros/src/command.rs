//! Commands: building the sentences that a client sends.

use std::fmt;

use crate::sentence::Sentence;
use crate::word;

/// A command that is not yet sent, so has no tag.
///
/// ```
/// use routeros::command::Command;
///
/// let read = Command::print("/ip/address")
///     .proplist(&[".id", "address", "interface"])
///     .query("?dynamic=false");
/// assert_eq!(read.path(), "/ip/address/print");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    path: String,
    sentence: Sentence,
}

impl Command {
    /// A command by its whole path, such as `/system/identity/set`.
    pub fn new(path: impl Into<String>) -> Self {
        let path = path.into();
        let mut sentence = Sentence::default();
        sentence.push(path.as_bytes());
        Self { path, sentence }
    }

    /// Reads the rows of a menu.
    pub fn print(menu: &str) -> Self {
        Self::new(format!("{menu}/print"))
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Adds `=name=value`.
    #[must_use]
    pub fn attribute(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.word(&[b"=", name.as_bytes(), b"=", value.as_ref()].concat())
    }

    /// Adds each `=name=value`.
    #[must_use]
    pub fn attributes<N: AsRef<str>, V: AsRef<[u8]>>(
        self,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        attributes.into_iter().fold(self, |command, (name, value)| {
            command.attribute(name.as_ref(), value)
        })
    }

    /// Adds `=name=`, as flags such as `once` and `detail` are given.
    #[must_use]
    pub fn flag(self, name: &str) -> Self {
        self.attribute(name, "")
    }

    /// Asks for these properties only.
    ///
    /// Always do: without it a device fetches everything, even what is slow.
    #[must_use]
    pub fn proplist(self, names: &[&str]) -> Self {
        self.attribute(".proplist", names.join(","))
    }

    /// Adds a query word, such as `?type=ether` or `?#|`. Their order matters.
    #[must_use]
    pub fn query(self, word: &str) -> Self {
        self.word(word.as_bytes())
    }

    /// Asks for rows whose property has this value.
    #[must_use]
    pub fn equals(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.word(&[b"?", name.as_bytes(), b"=", value.as_ref()].concat())
    }

    /// Adds a word as it is.
    #[must_use]
    pub fn word(mut self, word: &[u8]) -> Self {
        self.sentence.push(word);
        self
    }

    /// The words, the path first.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.sentence.words()
    }

    /// Appends the sentence to `out`, with a tag if there is one.
    pub fn encode(&self, tag: Option<u64>, out: &mut Vec<u8>) {
        for word in self.words() {
            word::encode(word, out);
        }
        if let Some(tag) = tag {
            encode_tag(tag, out);
        }
        out.push(0);
    }
}

/// Appends the word `.tag=N`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "digits and their number are small"
)]
fn encode_tag(tag: u64, out: &mut Vec<u8>) {
    let digits = tag.checked_ilog10().unwrap_or(0) + 1;
    // At most 20 digits, so the length is one byte.
    out.push(b".tag=".len() as u8 + digits as u8);
    out.extend_from_slice(b".tag=");
    let mut unit = 10_u64.pow(digits - 1);
    while unit > 0 {
        out.push(b'0' + (tag / unit % 10) as u8);
        unit /= 10;
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets; names tell enough.
        write!(f, "{}", self.path)?;
        for word in self.words().skip(1) {
            let rest = word.get(1..).unwrap_or_default();
            let end = rest.iter().position(|&b| b == b'=').unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            write!(f, " {}", crate::text::escape(&crate::text::lossy(name)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_its_words() {
        let command = Command::print("/interface")
            .proplist(&["name", "type"])
            .equals("type", "ether")
            .flag("stats");

        let mut bytes = Vec::new();
        command.encode(Some(12), &mut bytes);

        let words = [
            "/interface/print",
            "=.proplist=name,type",
            "?type=ether",
            "=stats=",
            ".tag=12",
            "",
        ];
        let mut expected = Vec::new();
        for word in words {
            word::encode(word.as_bytes(), &mut expected);
        }
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_tag_is_written_as_a_number() {
        for tag in [0, 1, 9, 10, 99, 100, 1_234_567, u64::MAX] {
            let mut bytes = Vec::new();
            encode_tag(tag, &mut bytes);
            let mut expected = Vec::new();
            word::encode(format!(".tag={tag}").as_bytes(), &mut expected);
            assert_eq!(bytes, expected, "{tag}");
        }
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let command = Command::new("/user/add")
            .attribute("name", "x")
            .attribute("password", "y");
        assert_eq!(format!("{command:?}"), "/user/add name password");
    }
}
