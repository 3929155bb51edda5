//! How commands fail: what people read, what programs read, what the shell is told.

use std::io;

use serde::Serialize;
use tod_client::Error as CallError;
use tod_client::store::StoreError;
use tod_proto::error::{ErrorBody, ErrorCode};
use tod_proto::selector::SelectorError;
use tod_proto::untrusted::plain;

/// The exit codes. `todctl help exit-codes` and `docs/cli.md` promise them.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// Anything not listed.
    pub const FAILURE: u8 = 1;
    /// A bad flag, selector or file.
    pub const USAGE: u8 = 2;
    /// Some targets did well and some did not.
    pub const PARTIAL: u8 = 3;
    /// Not signed in.
    pub const AUTH: u8 = 4;
    /// The role is too low, or the context is read-only.
    pub const FORBIDDEN: u8 = 5;
    /// No such thing.
    pub const NOT_FOUND: u8 = 6;
    /// It exists, is locked or stale.
    pub const CONFLICT: u8 = 7;
    /// Applied and waiting for confirmation, or still running.
    pub const PENDING: u8 = 8;
    /// The answer to a question is missing, or was no.
    pub const NEEDS_CONFIRMATION: u8 = 9;
    /// Time ran out.
    pub const TIMEOUT: u8 = 11;
    /// The server cannot be reached.
    pub const SERVER_UNREACHABLE: u8 = 12;
    /// The server failed.
    pub const SERVER_ERROR: u8 = 13;
    /// Too many requests.
    pub const RATE_LIMITED: u8 = 14;
    /// Stopped by a safety gate.
    pub const HALTED: u8 = 15;
    /// The change was undone.
    pub const REVERTED: u8 = 16;
    /// The device cannot be reached.
    pub const DEVICE_UNREACHABLE: u8 = 17;
    /// A version cannot do this.
    pub const INCOMPATIBLE: u8 = 18;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
    /// The reader of our output went away.
    pub const PIPE: u8 = 141;

    /// The table, for `todctl help exit-codes`.
    pub const TABLE: &[(u8, &str, &str)] = &[
        (OK, "ok", "done, including an empty list"),
        (FAILURE, "failure", "anything not listed"),
        (USAGE, "usage", "bad flag, bad selector, bad file"),
        (PARTIAL, "partial", "some targets did well and some did not"),
        (AUTH, "auth", "not signed in, or the session has ended"),
        (
            FORBIDDEN,
            "forbidden",
            "the role is too low, or the context is read-only",
        ),
        (
            NOT_FOUND,
            "not_found",
            "no such thing, or --fail-empty and nothing matched",
        ),
        (
            CONFLICT,
            "conflict",
            "it exists, is locked by another change, or is stale",
        ),
        (
            PENDING,
            "pending",
            "applied and waiting for confirmation, or still running with --no-wait",
        ),
        (
            NEEDS_CONFIRMATION,
            "needs_confirmation",
            "declined, or no terminal and the flag is missing",
        ),
        (
            10,
            "differs",
            "only with --exit-code: a difference was found",
        ),
        (TIMEOUT, "timeout", "--timeout ran out"),
        (
            SERVER_UNREACHABLE,
            "server_unreachable",
            "DNS, TCP or TLS to the server failed",
        ),
        (
            SERVER_ERROR,
            "server_error",
            "the server failed or answered nonsense",
        ),
        (
            RATE_LIMITED,
            "rate_limited",
            "still too many requests after the retries",
        ),
        (
            HALTED,
            "halted",
            "stopped by a gate before anything was done: --expect, a lock, a refusal",
        ),
        (REVERTED, "reverted", "the change was undone"),
        (
            DEVICE_UNREACHABLE,
            "device_unreachable",
            "the one device did not answer or refused to sign us in",
        ),
        (
            INCOMPATIBLE,
            "incompatible",
            "the server, client or RouterOS version cannot do this",
        ),
        (INTERRUPTED, "interrupted", "Ctrl-C"),
        (PIPE, "pipe", "the reader of the output went away"),
    ];
}

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

/// An error, ready to be told.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What it is called, for programs.
    pub code: String,
    /// The exit status.
    pub exit: u8,
    /// What happened.
    pub message: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What could help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Commands to try.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// Names the request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whether trying again may help.
    pub retryable: bool,
}

impl Report {
    fn new(code: &str, exit: u8, message: impl ToString) -> Self {
        Self {
            code: code.to_owned(),
            exit,
            message: message.to_string(),
            why: None,
            hint: None,
            next: Vec::new(),
            request_id: None,
            retryable: false,
        }
    }

    fn why(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }

    fn hint(mut self, hint: impl ToString) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    fn next(mut self, next: impl ToString) -> Self {
        self.next.push(next.to_string());
        self
    }

    /// The lines for people: at most seven.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("error", self.message.clone())];
        lines.extend(self.why.iter().map(|why| ("why", why.clone())));
        lines.extend(self.hint.iter().map(|hint| ("hint", hint.clone())));
        lines.extend(self.next.iter().take(2).map(|next| ("next", next.clone())));
        let mut code = format!("{} (exit {})", self.code, self.exit);
        if let Some(id) = &self.request_id {
            code.push_str(&format!("  request {}", plain(id)));
        }
        lines.push(("code", code));
        lines
    }
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

    /// What to tell.
    pub fn report(&self) -> Report {
        let say = |code: &str, status: u8| Report::new(code, status, self);
        match self {
            Self::Call(error) => call(error),
            Self::Store(error) => store(error),
            Self::Selector(error) => selector(error),
            Self::Usage { hint, .. } => with(say("usage", exit::USAGE), hint.as_ref()),
            Self::NotFound { kind, like, .. } => {
                let report = say("not_found", exit::NOT_FOUND);
                let report = match like.as_slice() {
                    [] => report,
                    like => report.hint(format!("did you mean {}?", like.join(", "))),
                };
                report.next(format!("todctl {kind} list"))
            }
            Self::ReadOnly(name) => say("readonly_context", exit::FORBIDDEN).hint(format!(
                "use another context, or: todctl context set {name} readonly=false"
            )),
            Self::NoContext => say("no_context", exit::AUTH)
                .next("todctl login --server https://…")
                .next("todctl setup --server https://…"),
            Self::Declined(_) => say("declined", exit::NEEDS_CONFIRMATION),
            Self::NeedsAnswer { flag, .. } => say("needs_confirmation", exit::NEEDS_CONFIRMATION)
                .why("there is no terminal to ask on")
                .hint(format!("answer with {flag}")),
            Self::Halted { hint, .. } => with(say("halted", exit::HALTED), hint.as_ref()),
            Self::Outcome { status, .. } => say(outcome(*status), *status),
            Self::Remote(status) => say("remote", *status),
            Self::File { source, .. } => say("file", exit::USAGE).why(source),
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => say("pipe", exit::PIPE),
            Self::Io(error) => say("output", exit::FAILURE).why(error),
            Self::Interrupted => say("interrupted", exit::INTERRUPTED),
        }
    }
}

fn with(report: Report, hint: Option<&String>) -> Report {
    match hint {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

fn outcome(status: u8) -> &'static str {
    let row = exit::TABLE.iter().find(|(code, ..)| *code == status);
    row.map_or("failure", |(_, name, _)| name)
}

fn selector(error: &SelectorError) -> Report {
    let marked = error.marked().replace('\n', "\n        ");
    let message = format!("{error}\n        {marked}");
    let report = Report::new("selector", exit::USAGE, message);
    with(report, error.hint.as_ref()).next("todctl help selectors")
}

fn store(error: &StoreError) -> Report {
    let report = Report::new("store", exit::FAILURE, error);
    match error {
        StoreError::NoKeyring(_) => {
            report.hint("keep secrets in an encrypted file: todctl login --store file")
        }
        StoreError::TooOpen { path, .. } => report.next(format!("chmod 600 {}", path.display())),
        StoreError::NoPassphrase => report
            .hint("put it into a file of mode 0600 and name that in TODCTL_STORE_PASSPHRASE_FILE"),
        StoreError::Newer { .. } => report.hint("use the todctl that wrote it, or a newer one"),
        StoreError::Corrupt { path, .. } => report.hint(format!(
            "repair it, or move it away: mv {0} {0}.old",
            path.display()
        )),
        StoreError::Io { source, .. } => report.why(source),
        StoreError::NotOurs { .. } | StoreError::WrongPassphrase { .. } | StoreError::Broken(_) => {
            report
        }
    }
}

/// The causes of an error, joined.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = plain(&error.to_string());
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = error.source();
    }
    causes.join(": ")
}

fn call(error: &CallError) -> Report {
    let say = |code: &str, status: u8| Report::new(code, status, plain(&error.to_string()));
    match error {
        CallError::Refused(body) => refused(body),
        CallError::Unreachable(source) => {
            let mut report = say("server_unreachable", exit::SERVER_UNREACHABLE)
                .why(chain(&**source))
                .next("todctl doctor");
            report.retryable = true;
            report
        }
        CallError::PinMismatch { expected, seen } => say("pin_mismatch", exit::SERVER_UNREACHABLE)
            .why(format!("pinned {expected}, but the server shows {seen}"))
            .hint("if the certificate was renewed, ask its operator for the new fingerprint")
            .next("todctl login --trust-server SHA256"),
        CallError::Untrusted { seen, reason } => {
            let report = say("certificate_untrusted", exit::SERVER_UNREACHABLE).why(reason);
            match seen {
                Some(seen) => report
                    .hint("compare the fingerprint with the one that the server printed, then:")
                    .next(format!("todctl login --trust-server {seen}")),
                None => report,
            }
        }
        CallError::Deadline(_) => {
            let mut report =
                say("timeout", exit::TIMEOUT).hint("give it longer with --timeout 60s");
            report.retryable = true;
            report
        }
        CallError::Garbled { .. } => say("server_error", exit::SERVER_ERROR)
            .hint("the server may be of another version: todctl version --check"),
        CallError::Impostor => say("impostor", exit::AUTH)
            .why("it does not know the verifier that was enrolled")
            .hint("you may be talking to another server than you think; nothing secret was sent"),
        CallError::WeakKdf(_) => {
            say("weak_kdf", exit::AUTH).hint("do not sign in there; ask the server's operator")
        }
        CallError::SignedOut => say("not_signed_in", exit::AUTH).next("todctl login"),
        CallError::SessionEnded => say("session_ended", exit::AUTH)
            .why("it expired, was revoked, or its token was used twice")
            .next("todctl login"),
        CallError::Store(error) => store(error),
        CallError::BadServer(_) => say("usage", exit::USAGE),
        CallError::Malformed(_) => say("bug", exit::FAILURE),
    }
}

fn refused(body: &ErrorBody) -> Report {
    let (code, status) = match body.code {
        ErrorCode::NotFound => ("not_found", exit::NOT_FOUND),
        ErrorCode::Conflict => ("conflict", exit::CONFLICT),
        ErrorCode::Invalid => ("invalid", exit::USAGE),
        ErrorCode::Unauthenticated => ("unauthenticated", exit::AUTH),
        ErrorCode::Forbidden => ("forbidden", exit::FORBIDDEN),
        ErrorCode::RateLimited => ("rate_limited", exit::RATE_LIMITED),
        ErrorCode::Halted => ("halted", exit::HALTED),
        ErrorCode::DeviceUnreachable => ("device_unreachable", exit::DEVICE_UNREACHABLE),
        ErrorCode::Incompatible => ("incompatible", exit::INCOMPATIBLE),
        ErrorCode::Unavailable => ("unavailable", exit::SERVER_ERROR),
        ErrorCode::Internal => ("internal", exit::SERVER_ERROR),
        ErrorCode::Other => ("other", exit::FAILURE),
    };
    let mut report = Report::new(code, status, plain(&body.message));
    report.why = body.detail.as_deref().map(plain);
    report.hint = body.hint.as_deref().map(plain);
    report.retryable = matches!(body.code, ErrorCode::RateLimited | ErrorCode::Unavailable);
    report.request_id = (!body.request_id.is_empty()).then(|| body.request_id.clone());
    if body.code == ErrorCode::Unauthenticated {
        report.next.push("todctl login".to_owned());
    }
    report
}

/// Adds the name of a file to an error of reading or writing it.
pub fn file(path: impl ToString) -> impl FnOnce(io::Error) -> CliError {
    let path = path.to_string();
    move |source| CliError::File { path, source }
}
