//! Numbers as people read them: those of the command line, and what only a dashboard needs.

use jiff::Timestamp;
use tod_proto::api::devices::Status;

pub use tod_client::view::units::{bps, bytes, clock, span};

/// How long ago something was.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    span(seconds.unsigned_abs())
}

/// A percentage without decimals.
pub fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}%"))
}

/// A glyph and a word of at most five characters.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Online => "● up",
        Status::Degraded => "▲ degr",
        Status::Offline => "✗ down",
        Status::Unknown => "◌ unkn",
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn as_float(value: u64) -> f64 {
    value as f64
}
