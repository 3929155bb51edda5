//! One command on many devices, carried out by the server.
//!
//! ```text
//! start ─► rows of all targets ─► worker: asked, answered, stored ─► finished
//!                                   └─ server gone: the reconciler ends what is left
//! ```
//!
//! **Invariant:** a device is marked as asked before it is, so that after a crash nobody is told
//! that a command was not sent when it was.

pub mod answer;
pub mod command;
pub mod execute;
pub mod recover;
pub mod store;
