//! Changing a device's configuration so that a mistake undoes itself.
//!
//! ```text
//! request ─► row + lock + audit ─► worker: ask poller ─► transition (one transaction) ─┐
//!                                    ▲                                                  │
//!                                    └────────────── what is next, from the row ◄───────┘
//! ```
//!
//! A worker has nothing in memory that the row has not: when its server dies, another takes the row
//! up, and asks for the step that was being done once more.
//!
//! **Invariant:** every transition is one transaction with its time line, event, audit and lock.

pub mod effects;
pub mod machine;
pub mod model;
pub mod recover;
pub mod shade;
pub mod store;
pub mod transition;
