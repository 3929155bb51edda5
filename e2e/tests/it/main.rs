//! The whole of tod, as processes, against the lab.

mod faults;
mod kills;
mod story;
mod tour;
