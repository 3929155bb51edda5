//! How handlers fail.
//!
//! **Invariant:** what a client is shown was written for it. The cause of an internal error is
//! logged, once, and never sent.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tod_proto::error::{ErrorBody, ErrorCode};

/// Why a request failed.
#[derive(Debug)]
pub struct Error {
    code: ErrorCode,
    status: Option<StatusCode>,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<anyhow::Error>,
}

impl Error {
    /// A refusal with any code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            status: None,
            message: message.into(),
            detail: None,
            hint: None,
            retry_after: None,
            cause: None,
        }
    }

    /// No such thing, or not the caller's: `Error::not_found("device")`.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("no such {what}"))
    }

    /// The change collides with another.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, message)
    }

    /// The request does not parse or makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// No valid credentials.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unauthenticated, message).hint("sign in: todctl login")
    }

    /// The role is too low.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    /// Too many requests.
    pub fn rate_limited(message: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(ErrorCode::RateLimited, message).retry_after(retry_after)
    }

    /// A safety gate refused before anything was changed.
    pub fn halted(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Halted, message)
    }

    /// A part of the server is away for the moment.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message).retry_after(Duration::from_secs(1))
    }

    /// A bug.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(ErrorCode::Internal, "the server has met a bug in itself").cause(cause)
    }

    /// Says it more exactly to HTTP than the code does.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Says why.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Keeps what happened for the log.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same for one more who waited for it. The cause stays with the first, which logs it.
    #[must_use]
    pub fn shared(&mut self) -> Self {
        Self {
            code: self.code,
            status: self.status,
            message: self.message.clone(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            retry_after: self.retry_after,
            cause: self.cause.take(),
        }
    }

    /// What went wrong, for programs.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    fn http_status(&self) -> StatusCode {
        if let Some(status) = self.status {
            return status;
        }
        match self.code {
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::Conflict => StatusCode::CONFLICT,
            ErrorCode::Invalid => StatusCode::BAD_REQUEST,
            ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Halted | ErrorCode::Incompatible => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::DeviceUnreachable => StatusCode::BAD_GATEWAY,
            ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal | ErrorCode::Other => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Writes the response, and logs what the client is not shown.
    pub fn respond(self, request_id: &str) -> Response {
        if let Some(cause) = &self.cause {
            let (code, error) = (self.code, format!("{cause:#}"));
            tracing::error!(request.id = request_id, ?code, error, "request failed");
        }
        let status = self.http_status();
        let body = ErrorBody {
            code: self.code,
            message: self.message,
            detail: self.detail,
            hint: self.hint,
            request_id: request_id.to_owned(),
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs().max(1);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| {
            let cause: &(dyn std::error::Error + 'static) = cause;
            cause
        })
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            return Self::unavailable("the database does not answer")
                .hint("try again in a moment; if it lasts, look at `todctl doctor` on the server")
                .cause(error);
        }
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        if code.as_deref() == Some("22021") {
            return Self::invalid("a text holds a NUL, which cannot be stored").cause(error);
        }
        Self::internal(error)
    }
}

/// Whether the database is away, as opposed to having been asked something wrong.
fn is_outage(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match error {
        E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => true,
        E::Database(error) => error.code().is_some_and(|code| {
            // Connection exceptions, lack of resources, and an operator at work.
            ["08", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
                || code == "25P03"
        }),
        _ => false,
    }
}

/// Turns a violated constraint into a client error.
pub trait OnConstraint<T> {
    /// Maps a violation of `constraint` to `error`.
    fn on_constraint(self, constraint: &str, error: impl FnOnce() -> Error) -> Result<T, Error>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint(self, constraint: &str, error: impl FnOnce() -> Error) -> Result<T, Error> {
        self.map_err(
            |e| match e.as_database_error().and_then(|e| e.constraint()) {
                Some(name) if name == constraint => error(),
                _ => e.into(),
            },
        )
    }
}
