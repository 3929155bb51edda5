//! How commands fail: what people read, what programs read, what the shell is told.

pub mod exit;
mod report;

use std::io;

use tod_client::Error as CallError;
use tod_client::store::StoreError;
use tod_proto::selector::SelectorError;
use tod_proto::untrusted::plain;

pub use self::report::Report;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store of secrets or a file of ours failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A selector does not parse.
    #[error("{0}")]
    Selector(#[from] SelectorError),
    /// A flag or an argument is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is no such thing.
    #[error("no {kind} named \"{}\"", plain(name))]
    NotFound {
        /// What it would have been.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// Names like it.
        like: Vec<String>,
    },
    /// The context does not allow changes.
    #[error("context {0} is read-only")]
    ReadOnly(String),
    /// There is no context.
    #[error("no server is configured")]
    NoContext,
    /// A question was answered with no.
    #[error("{0}")]
    Declined(String),
    /// There is nobody to ask.
    #[error("{question}")]
    NeedsAnswer {
        /// What would have been asked.
        question: String,
        /// The flag that answers it.
        flag: String,
    },
    /// A gate stopped it before anything was done.
    #[error("{message}")]
    Halted {
        /// What stopped it.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It was done, and how it went is the exit status. What is to be said was said.
    #[error("{message}")]
    Outcome {
        /// The exit status.
        status: u8,
        /// One line, if it was not said yet.
        message: String,
    },
    /// A remote command ended like this.
    #[error("the remote command ended with status {0}")]
    Remote(u8),
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Writing the result failed.
    #[error("cannot write the result")]
    Io(#[from] io::Error),
    /// Interrupted by a person.
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// Makes a [`CliError::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// Makes a [`CliError::Outcome`] of which everything was said already.
    pub fn outcome(status: u8) -> Self {
        Self::Outcome {
            status,
            message: String::new(),
        }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        self.report().exit
    }

    /// Whether there is nothing to say.
    pub fn is_silent(&self) -> bool {
        match self {
            Self::Outcome { message, .. } => message.is_empty(),
            Self::Remote(_) => true,
            Self::Io(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }
}

/// Adds the name of a file to an error of reading or writing it.
pub fn file(path: &dyn std::fmt::Display) -> impl FnOnce(io::Error) -> CliError + use<> {
    let path = path.to_string();
    move |source| CliError::File { path, source }
}
