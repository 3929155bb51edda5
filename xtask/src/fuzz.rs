//! `cargo xtask fuzz`: every fuzz target for a minute, from a seed that is new each time.

use crate::args::Args;
use crate::setup::{self, Purpose};
use crate::{process, say};
use anyhow::{Context as _, Result};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a target runs unless it is said.
const SECONDS: u64 = 60;

/// Runs the targets whose names are given, or all.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let seconds = match args.value("--seconds")? {
        Some(text) => text.parse().context("`--seconds` needs a number")?,
        None => SECONDS,
    };
    let seed = match args.value("--seed")? {
        Some(text) => text.parse().context("`--seed` needs a number")?,
        None => new_seed(),
    };
    let targets = args.rest()?;
    setup::ensure(Purpose::Build)?;
    // Optimised, so that a minute is worth more; overflows still panic.
    let mut fuzz = process::cargo(&[
        "test",
        "--package",
        "routeros",
        "--profile",
        "demo",
        "--test",
        "it",
        "--quiet",
        "--",
        "--nocapture",
    ]);
    if targets.is_empty() {
        fuzz.arg("fuzz::");
    }
    fuzz.args(targets.iter().map(|target| format!("fuzz::{target}")));
    fuzz.env("TOD_FUZZ_SECONDS", seconds.to_string());
    fuzz.env("TOD_FUZZ_SEED", seed.to_string());
    say::step(&format!("each target for {seconds} s, from seed {seed}"));
    process::run(&mut fuzz)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a chore has no clock to be given"
)]
fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
