//! Exports: the text that a device gives of its configuration.
//!
//! [`Export`] takes it apart and prints it again, byte for byte; [`normalise`] removes what changes
//! without a change, [`redact()`] masks secrets, [`wrap`] puts a line on paper as a device does. What
//! two exports differ in, [`config`](crate::config) tells.

mod header;
mod lex;
mod normalise;
mod note;
mod parse;
mod print;
pub mod redact;
mod tree;
mod wrap;

pub use header::Header;
pub use lex::LineEnd;
pub use normalise::{Incomplete, normalise};
pub use redact::redact;
pub use tree::{Command, Export, Layout, Line, Property, Value};
pub use wrap::{Style, wrap};
