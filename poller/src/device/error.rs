//! Why a device cannot be talked to.

use std::io;

use routeros::error::{ProtocolError, TrapKind};
use routeros::login::LoginError;
use routeros::session::Failure;
use routeros::text;
use tod_proto::bus::sample::FailureKind;

use super::ssh::SshError;
use super::trust::Mismatch;

/// Why a device cannot be talked to. What the device said is escaped.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address is not one that the zone allows.
    #[error("{0}")]
    AddressRefused(String),
    /// No TCP connection.
    #[error("no connection: {0}")]
    Unreachable(#[source] io::Error),
    /// No TCP connection in time.
    #[error("no connection in time")]
    DialTimeout,
    /// TLS did not come about.
    #[error("no TLS session: {0}")]
    Tls(String),
    /// TLS without a certificate did not come about.
    #[error("no anonymous TLS session: {0}")]
    Anonymous(String),
    /// SSH did not come about, or not as far as the API.
    #[error("no API over SSH: {0}")]
    Ssh(String, Option<&'static str>),
    /// The SSH host key is not the trusted one. No password was sent.
    #[error("the SSH host key has changed: pinned is {pinned}, offered was {offered}")]
    HostKey {
        /// The fingerprint that is trusted.
        pinned: String,
        /// The one that was offered.
        offered: String,
    },
    /// The certificate is not the trusted one. No password was sent.
    #[error("{0}")]
    Trust(Mismatch),
    /// The account or password was refused.
    #[error("login refused: {0}")]
    LoginRefused(String),
    /// The device wants a login that is not allowed.
    #[error("the device only knows the login of versions before 6.43, which is not allowed for it")]
    OldLogin,
    /// No answer to the login.
    #[error("no answer to the login in time")]
    LoginTimeout,
    /// What it says is not the protocol.
    #[error("not the RouterOS API: {0}")]
    Protocol(#[from] ProtocolError),
    /// The answer goes beyond its limits, or its login is nonsense.
    #[error("{0}")]
    Excess(String),
    /// No answer in time.
    #[error("{0}")]
    Timeout(Failure),
    /// The connection is gone.
    #[error("the device closed the session{}", because(.0))]
    Closed(String),
}

fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {}", text::escape(reason)),
    }
}

impl LinkError {
    /// The kind, for programs.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::AddressRefused(_) => FailureKind::AddressRefused,
            Self::Unreachable(_) | Self::DialTimeout => FailureKind::Unreachable,
            Self::Trust(_) | Self::HostKey { .. } => FailureKind::TrustMismatch,
            Self::LoginRefused(_) | Self::OldLogin => FailureKind::LoginRefused,
            Self::LoginTimeout | Self::Timeout(_) => FailureKind::Timeout,
            Self::Tls(_)
            | Self::Anonymous(_)
            | Self::Ssh(..)
            | Self::Protocol(_)
            | Self::Excess(_) => FailureKind::Protocol,
            Self::Closed(_) => FailureKind::Closed,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::AddressRefused(_) => Some("list the network in the zone of the poller"),
            Self::Trust(_) => Some(
                "if the certificate was replaced on purpose, forget the old one: \
                 todctl device set NAME forget_pins=true",
            ),
            Self::HostKey { .. } => Some(
                "if the key was replaced on purpose, forget the old one: \
                 todctl device set NAME forget_pins=true",
            ),
            Self::Ssh(_, hint) => *hint,
            Self::Anonymous(_) => Some(
                "a device whose api-ssl has a certificate is reached with --tls auto; \
                 one without may still refuse old suites",
            ),
            Self::LoginRefused(_) => {
                Some("check the account: todctl device set NAME --password-stdin")
            }
            Self::Tls(_) => Some(
                "api-ssl without a certificate offers no TLS that can be trusted: give it one, \
                 reach it inside SSH with --tls ssh, or accept that with --tls anonymous",
            ),
            _ => None,
        }
    }

    /// Whether the session was closed, so that a new one may do.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl From<SshError> for LinkError {
    fn from(error: SshError) -> Self {
        match error {
            SshError::Link(error) => error,
            SshError::HostKey { pinned, offered } => Self::HostKey { pinned, offered },
            SshError::Refused => Self::LoginRefused("over SSH".to_owned()),
            SshError::Late => Self::LoginTimeout,
            SshError::NotForwarded | SshError::NotOpened(_) | SshError::Ssh(_) => {
                Self::Ssh(error.to_string(), error.hint())
            }
        }
    }
}

impl From<LoginError> for LinkError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused(trap) => match trap.kind() {
                TrapKind::TimedOut => Self::LoginTimeout,
                _ => Self::LoginRefused(trap.to_string()),
            },
            LoginError::OldScheme => Self::OldLogin,
            LoginError::BadChallenge => Self::Excess("malformed login challenge".to_owned()),
            LoginError::Fatal(reason) => Self::Closed(reason),
            LoginError::TimedOut => Self::LoginTimeout,
        }
    }
}

impl From<Failure> for LinkError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoReply | Failure::Stalled | Failure::TooLong => Self::Timeout(failure),
            Failure::TooManyRows | Failure::TooManyBytes => Self::Excess(failure.to_string()),
            Failure::Closed => Self::Closed(String::new()),
        }
    }
}
