//! Faults: each one is met by a client, and gone when it is cleared.

mod changes;
mod connections;
mod replies;
mod values;
