//! Why a call failed, in a form that tells what to do about it.

use std::time::Duration;

use tod_proto::error::{ErrorBody, ErrorCode};

use crate::store::StoreError;

/// A cause that this crate does not look into.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused.
    #[error("{}", .0.message)]
    Refused(Box<ErrorBody>),
    /// The server could not be reached, or went away in the middle.
    #[error("cannot reach the server")]
    Unreachable(#[source] Source),
    /// The server shows another certificate than the one that was pinned. Nothing was sent.
    #[error("the server's certificate has changed")]
    PinMismatch {
        /// The pinned SHA-256 fingerprint, in hex.
        expected: String,
        /// The fingerprint that the server showed.
        seen: String,
    },
    /// No authority that this machine trusts vouches for the server's certificate.
    #[error("the server's certificate is not trusted")]
    Untrusted {
        /// The fingerprint that the server showed, in hex, if it got that far.
        seen: Option<String>,
        /// Why it is not trusted.
        reason: String,
    },
    /// There was no answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Deadline(Duration),
    /// The server's answer makes no sense. It may be of another version.
    #[error("the server's answer makes no sense: {what}")]
    Garbled {
        /// What is wrong with it.
        what: String,
    },
    /// The server could not prove that it knows us: it is an impostor, or broken.
    #[error("the server could not prove who it is")]
    Impostor,
    /// The server asked for a weaker key derivation than we accept.
    #[error("the server asks for a weak key derivation: {0}")]
    WeakKdf(String),
    /// Nobody is signed in here.
    #[error("not signed in")]
    SignedOut,
    /// The sign-in has a second step, and there was nobody to ask for its code.
    #[error("this sign-in has a second step")]
    SecondStep,
    /// The session has ended: it expired, was revoked, or its token was used elsewhere.
    #[error("the session has ended")]
    SessionEnded,
    /// The secrets of this machine cannot be read or written.
    #[error("cannot use the store of secrets")]
    Store(#[from] StoreError),
    /// The server's address is not one.
    #[error("{0}")]
    BadServer(String),
    /// The request cannot be expressed. This is a bug.
    #[error("the request cannot be expressed: {0}")]
    Malformed(String),
}

impl Error {
    /// Makes an [`Error::Unreachable`].
    pub fn unreachable(source: impl Into<Source>) -> Self {
        Self::Unreachable(source.into())
    }

    pub(crate) fn garbled(error: impl std::fmt::Display) -> Self {
        Self::Garbled {
            what: error.to_string(),
        }
    }

    pub(crate) fn malformed(error: impl std::fmt::Display) -> Self {
        Self::Malformed(error.to_string())
    }

    /// What the server said, if it refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(body) => Some(body.code),
            _ => None,
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(body) => {
                matches!(body.code, ErrorCode::RateLimited | ErrorCode::Unavailable)
            }
            Self::Unreachable(_) => true,
            _ => false,
        }
    }
}

impl From<ErrorBody> for Error {
    fn from(body: ErrorBody) -> Self {
        Self::Refused(Box::new(body))
    }
}
