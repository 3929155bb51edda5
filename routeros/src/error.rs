//! What can be wrong with a peer's bytes, and what a device's refusals mean.

use std::fmt;

use thiserror::Error;

use crate::text;

/// Why bytes are not a conversation in the API's protocol.
///
/// None of these can be recovered from: the connection has to be closed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// A word is longer than its limit.
    #[error("word of {0} bytes exceeds the limit")]
    WordTooLong(u32),
    /// A length is written in more bytes than it needs, which no device does.
    #[error("padded length of a word")]
    PaddedLength,
    /// A length starts with a reserved control byte, after which nothing can be framed.
    #[error("reserved control byte {0:#04x}")]
    ReservedByte(u8),
    /// A sentence has more words than its limit.
    #[error("sentence of more than {0} words")]
    TooManyWords(usize),
    /// A sentence has more bytes than its limit.
    #[error("sentence of more than {0} bytes")]
    SentenceTooLong(usize),
    /// A request does not start with a command word.
    #[error("sentence does not start with a command")]
    NotACommand,
}

/// The category that a device gives to a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// 0: missing item or command.
    Missing,
    /// 1: argument value failure.
    Argument,
    /// 2: execution of the command was interrupted.
    Interrupted,
    /// 3: scripting failure.
    Scripting,
    /// 4: general failure.
    General,
    /// 5: failure of the API itself.
    Api,
    /// 6: failure of the terminal.
    Terminal,
    /// 7: value generated with `:return`.
    Returned,
    /// A number that no manual lists.
    Unknown(u8),
}

impl Category {
    /// Reads the number of a category.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let number = std::str::from_utf8(value).ok()?.parse().ok()?;
        Some(match number {
            0 => Self::Missing,
            1 => Self::Argument,
            2 => Self::Interrupted,
            3 => Self::Scripting,
            4 => Self::General,
            5 => Self::Api,
            6 => Self::Terminal,
            7 => Self::Returned,
            other => Self::Unknown(other),
        })
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Argument => 1,
            Self::Interrupted => 2,
            Self::Scripting => 3,
            Self::General => 4,
            Self::Api => 5,
            Self::Terminal => 6,
            Self::Returned => 7,
            Self::Unknown(number) => number,
        }
    }
}

/// What a refusal means to a caller that has to decide something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrapKind {
    /// The menu or verb does not exist in this version or on this board.
    NoSuchCommand,
    /// The item is gone, or was never there.
    NoSuchItem,
    /// A parameter is not known in this version.
    UnknownParameter,
    /// A value does not parse or refers to nothing.
    BadValue,
    /// A required argument is missing.
    MissingValue,
    /// Something with this key is there already.
    AlreadyHave,
    /// `device-mode` forbids it.
    DeviceMode,
    /// The account's policy does not cover it.
    NoPermission,
    /// The name or password is wrong, or the account may not use the API.
    LoginRefused,
    /// The command was cancelled.
    Interrupted,
    /// The device gave up on itself.
    TimedOut,
    /// None of the above.
    Other,
}

/// Refusals by the text they contain, the more special ones first.
///
/// The `(N)` at the end and the `failure:` in front differ per version and menu, so texts are
/// found by what stays the same.
const KINDS: &[(&str, TrapKind)] = &[
    ("not allowed by device-mode", TrapKind::DeviceMode),
    ("not enough permissions", TrapKind::NoPermission),
    ("invalid user name or password", TrapKind::LoginRefused),
    ("cannot log in", TrapKind::LoginRefused),
    ("not logged in", TrapKind::LoginRefused),
    // The account may be a good one: its server was not asked.
    ("radius timeout", TrapKind::TimedOut),
    ("could not authenticate", TrapKind::LoginRefused),
    ("login failure", TrapKind::LoginRefused),
    ("no such command", TrapKind::NoSuchCommand),
    ("bad command name", TrapKind::NoSuchCommand),
    ("no such item", TrapKind::NoSuchItem),
    ("already have", TrapKind::AlreadyHave),
    ("already exists", TrapKind::AlreadyHave),
    ("unknown parameter", TrapKind::UnknownParameter),
    ("bad parameter", TrapKind::UnknownParameter),
    ("expected end of command", TrapKind::UnknownParameter),
    ("missing value", TrapKind::MissingValue),
    ("input does not match", TrapKind::BadValue),
    ("invalid value", TrapKind::BadValue),
    ("ambiguous value", TrapKind::BadValue),
    ("out of range", TrapKind::BadValue),
    ("interrupted", TrapKind::Interrupted),
    ("timeout", TrapKind::TimedOut),
    ("timed out", TrapKind::TimedOut),
];

impl TrapKind {
    /// Tells what the text of a refusal means.
    pub fn classify(message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        KINDS
            .iter()
            .find(|(text, _)| message.contains(text))
            .map_or(Self::Other, |&(_, kind)| kind)
    }
}

/// A command refused by the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The category, when the device gives one.
    pub category: Option<Category>,
    /// The device's own words. They are foreign text: escape them before a terminal or a log.
    pub message: String,
}

impl Trap {
    /// Makes a trap from the words of a reply.
    pub fn new(category: Option<Category>, message: &[u8]) -> Self {
        Self {
            category,
            message: text::lossy(message).into_owned(),
        }
    }

    /// What the refusal means.
    pub fn kind(&self) -> TrapKind {
        match TrapKind::classify(&self.message) {
            TrapKind::Other if self.category == Some(Category::Interrupted) => {
                TrapKind::Interrupted
            }
            kind => kind,
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::escape(&self.message))
    }
}

impl std::error::Error for Trap {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_known_whatever_stands_around_them() {
        for (text, kind) in [
            ("no such command prefix", TrapKind::NoSuchCommand),
            ("no such item (4)", TrapKind::NoSuchItem),
            ("failure: already have such address", TrapKind::AlreadyHave),
            ("failure: not allowed by device-mode", TrapKind::DeviceMode),
            ("not enough permissions (9)", TrapKind::NoPermission),
            ("invalid user name or password (6)", TrapKind::LoginRefused),
            ("cannot log in", TrapKind::LoginRefused),
            ("unknown parameter follow-only", TrapKind::UnknownParameter),
            ("invalid value for argument address", TrapKind::BadValue),
            ("std failure: timeout (13)", TrapKind::TimedOut),
            (
                "could not authenticate - radius timeout",
                TrapKind::TimedOut,
            ),
            ("interrupted", TrapKind::Interrupted),
            ("something new", TrapKind::Other),
        ] {
            assert_eq!(TrapKind::classify(text), kind, "{text}");
        }
    }
}
