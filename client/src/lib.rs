//! Calls the server: requests, live feeds, terminals, and signing in.
//!
//! | module | what it does |
//! |---|---|
//! | [`Client`] | [`call`](Client::call), [`follow`](Client::follow) and [`pipe`](Client::pipe) |
//! | [`transport`] | the one seam: HTTPS, an in-process router, or canned answers |
//! | [`https`], [`tls`] | over the network, with a pinned or a verified certificate |
//! | [`auth`] | access tokens, refreshed once for all waiters |
//! | [`srp`], [`secret_key`], [`kit`] | signing in without telling the server the password |
//! | [`profile`], [`store`] | contexts on disk, and where secrets are kept |
//! | [`view`] | the columns of each type, shared by tables and the dashboard |
//!
//! **Invariant:** this crate never prints, and nothing it returns holds a secret in its `Debug`.
#![warn(missing_docs)]

pub mod auth;
mod backoff;
mod call;
pub mod clock;
pub mod error;
pub mod follow;
pub mod https;
pub mod kit;
pub mod pipe;
pub mod profile;
pub mod secret_key;
pub mod sign_in;
pub mod srp;
mod sse;
pub mod store;
pub mod stub;
pub mod tls;
pub mod totp;
pub mod transport;
pub mod view;

pub use call::Client;
pub use error::Error;
pub use follow::Update;
pub use https::Https;
pub use transport::Transport;
