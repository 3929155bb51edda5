//! The whole of tod, as processes, against the lab.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod canaries;
mod faults;
mod kills;
mod kits;
mod mistakes;
mod people;
mod push;
mod replicas;
mod sabotage;
mod second_step;
mod story;
mod tour;
mod trust;
