//! Things to draw with, which know nothing of devices.

pub mod bar;
pub mod graph;
pub mod input;
pub mod pane;
pub mod window;
