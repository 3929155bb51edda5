//! One module for each screen.

pub mod changes;
pub mod device;
pub mod devices;
pub mod events;
pub mod overview;
