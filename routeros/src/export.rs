//! Exports: the text that a device gives of its configuration.
//!
//! [`lex`] takes it apart into headers and logical lines, [`wrap`] puts a line on paper as a device
//! does, [`normalise`](normalise::normalise) removes what changes without a change,
//! [`redact`](redact::redact) masks secrets, [`diff`](diff::diff) compares by menu.

pub mod diff;
pub mod lex;
pub mod normalise;
pub mod redact;
mod wrap;

pub use diff::diff;
pub use lex::{Header, Line, lines};
pub use normalise::{Incomplete, normalise};
pub use redact::redact;
pub use wrap::{Style, wrap};
