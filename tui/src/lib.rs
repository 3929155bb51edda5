//! The dashboard.
//!
//! ```text
//!  terminal ─┐                               ┌─> frame
//!   effects ─┼─> Event ─> App::update ─> App::view
//!     clock ─┘   (one bounded channel)  └──> Effect ─> effects (tokio) ─> Event
//! ```
//!
//! **Invariant:** `update` and `view` never wait and never touch the network; only `effects`
//! does, and it answers with an [`event::Event`].

pub mod action;
pub mod app;
pub mod effects;
pub mod event;
pub mod fleet;
pub mod keymap;
pub mod layers;
pub mod run;
pub mod screen;
pub mod screens;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod units;
pub mod widgets;
