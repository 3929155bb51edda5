//! What is told about an error: what happened, why, what could help, what to try.

use std::io;

use serde::Serialize;
use tod_client::Error as CallError;
use tod_client::store::StoreError;
use tod_proto::error::{ErrorBody, ErrorCode};
use tod_proto::selector::SelectorError;
use tod_proto::untrusted::plain;

use super::{CliError, exit};

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
    fn new(code: &str, exit: u8, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            exit,
            message: message.into(),
            why: None,
            hint: None,
            next: Vec::new(),
            request_id: None,
            retryable: false,
        }
    }

    fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
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
    /// What to tell.
    pub fn report(&self) -> Report {
        let say = |code: &str, status: u8| Report::new(code, status, self.to_string());
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
            Self::File { source, .. } => say("file", exit::USAGE).why(source.to_string()),
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => say("pipe", exit::PIPE),
            Self::Io(error) => say("output", exit::FAILURE).why(error.to_string()),
            Self::Interrupted => say("interrupted", exit::INTERRUPTED),
        }
    }
}

fn with(report: Report, hint: Option<&String>) -> Report {
    match hint {
        Some(hint) => report.hint(hint.as_str()),
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
    let report = Report::new("store", exit::FAILURE, error.to_string());
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
        StoreError::Io { source, .. } => {
            let report = report.why(source.to_string());
            match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => {
                    report.hint("nothing was changed; make room and run it again")
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => report.hint(
                    "use a directory that is yours: TODCTL_CONFIG_DIR and TODCTL_CACHE_DIR name it",
                ),
                _ => report,
            }
        }
        StoreError::NotOurs { path } => report.hint(format!(
            "links and files of other accounts are not used; look at it, then move it away: \
             ls -l {}",
            path.display()
        )),
        StoreError::WrongPassphrase { .. } | StoreError::Broken(_) => report,
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
            let report =
                say("certificate_untrusted", exit::SERVER_UNREACHABLE).why(reason.as_str());
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
        CallError::SecondStep => say("second_step", exit::AUTH).next("todctl login"),
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
