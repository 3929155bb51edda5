//! routeros.
