//! What can go wrong on the bus.

use serde::{Deserialize, Serialize};

use super::MAX_MESSAGE;

/// Why the bus did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The bus cannot be reached, or does not work.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    /// There was no answer before the deadline.
    #[error("no answer on `{0}` in time")]
    Timeout(String),
    /// Nobody serves that subject.
    #[error("nobody serves `{0}`")]
    NoResponder(String),
    /// Who serves the subject said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key exists.
    #[error("the key exists")]
    Exists,
    /// Somebody else has written the key meanwhile.
    #[error("the key was changed by somebody else")]
    WrongRevision,
    /// A message over the limit.
    #[error("the message has {bytes} bytes, the most is {MAX_MESSAGE}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A message that is not what it should be.
    #[error("unreadable message: {0}")]
    Malformed(String),
    /// No subject, or not one for this use.
    #[error("`{0}` is not a subject for this")]
    Subject(String),
    /// No stream covers the subject, so it cannot be published durably.
    #[error("no stream covers `{0}`")]
    NotDurable(String),
    /// The stream is not among those that this bus knows.
    #[error("the stream `{0}` is not declared")]
    UnknownStream(&'static str),
}

/// What a server of requests answers when it does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// For programs: `lower_case`.
    pub code: String,
    /// For people. Holds no secret.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

impl BusError {
    /// Whether the same may go well later, with nothing changed by the caller.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Timeout(_) | Self::NoResponder(_)
        )
    }

    pub(crate) fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }

    pub(crate) fn malformed(error: &serde_json::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}
