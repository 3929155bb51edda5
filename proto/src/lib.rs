//! Wire types shared by the server, the poller and every client.
//!
//! | module | what is said |
//! |---|---|
//! | [`endpoint`] | how one HTTP operation is declared: method, path, scope, least role, types |
//! | [`api`] | the operations, one module for each resource, and the list of all of them |
//! | [`bus`] | what servers and pollers tell each other |
//! | [`certificate`] | how long the certificate of a server can be used |
//! | [`chain`] | what holds the records of an audit log together |
//! | [`access`] | what keys for programs may be let into |
//! | [`selector`] | the language that picks devices |
//! | `openapi`, `schema` | the same as an OpenAPI document (feature `schema`) |
//! | [`id`], [`page`], [`error`], [`untrusted`] | identifiers, pages, error bodies, escaping |
//!
//! **Invariant:** this crate does no I/O and depends on no runtime.
#![warn(missing_docs)]

pub mod access;
pub mod api;
pub mod bus;
pub mod certificate;
pub mod chain;
pub mod endpoint;
pub mod error;
pub mod id;
pub mod lab;
#[cfg(feature = "schema")]
pub mod openapi;
pub mod page;
#[cfg(feature = "schema")]
pub mod schema;
pub mod selector;
pub mod untrusted;
