//! The headless server: API, sign-in, decisions, memory.
//!
//! | module | what it is |
//! |---|---|
//! | [`startup`] | configuration → [`api::App`], inert |
//! | [`serve`] | listens, and stops in order |
//! | [`db`] | the only way to the database |
//! | [`api`] | resources, each a folder: endpoints bound, handlers, SQL |
//! | [`auth`] | who is calling |
//! | [`setup`] | the first administrator's way in |
//! | [`kms`] | envelope encryption |
//! | [`lease`] | which poller has which device |
//! | [`ingest`], [`metrics`] | what pollers saw, and values over time |
//! | [`fleet`], [`together`] | followers of what changes; what many wait for is read once |
//! | [`push`] | guarded changes of devices' configuration |
//! | [`run`] | one command on many devices |
//! | [`relay`] | terminals into devices |
//! | [`ask`] | asks the poller that holds a device |
//! | [`background`], [`reconcile`] | what runs beside requests |
//! | [`quota`] | how much a tenant may have |
//! | [`people`] | who somebody is, and how they are forgotten |
//! | [`audit`], [`event`] | who did what, and what happened: in the transaction of the act |
//!
//! **Invariant:** the server never talks to a device; pollers do, over the bus.

pub mod api;
pub mod ask;
pub mod audit;
pub mod auth;
pub mod background;
pub mod db;
pub mod door;
pub mod event;
pub mod fleet;
pub mod ingest;
pub mod kms;
pub mod lease;
pub mod metrics;
pub mod people;
pub mod push;
pub mod quota;
pub mod reconcile;
pub mod relay;
pub mod run;
pub mod serve;
pub mod setup;
pub mod startup;
pub mod together;
