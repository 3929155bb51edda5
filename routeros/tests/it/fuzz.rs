//! Inputs that nobody writes: the committed corpora, and what mutation makes of them.
//!
//! Each target runs for two seconds, always from the same seed. `cargo xtask fuzz` runs each for a
//! minute from a new one. An input that fails is made small, kept and shown; add it to the corpus
//! in `routeros/corpus/fuzz/TARGET` together with the fix.

use runner::fuzz;

mod mutate;
mod runner;
mod targets;
mod text;

#[test]
fn word() {
    fuzz("word", targets::word);
}

#[test]
fn sentence() {
    fuzz("sentence", targets::sentence);
}

#[test]
fn reply() {
    fuzz("reply", targets::reply);
}

#[test]
fn value() {
    fuzz("value", targets::value);
}

#[test]
fn export() {
    fuzz("export", text::export);
}

#[test]
fn script() {
    fuzz("script", text::script);
}
