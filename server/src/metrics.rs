//! Values over time: written by ingest, rolled up, read back, dropped when old.

pub mod store;
