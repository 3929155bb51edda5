//! The language that picks devices. Written in a moment.
