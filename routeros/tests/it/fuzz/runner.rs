//! Runs a target on its corpus, then on what mutation makes of it, as long as there is time.
//!
//! There is no instrumentation: a target tells by a number what came of an input, and an input with
//! a number that is new is worth mutating further.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::mutate::mutate;

/// The most inputs that are kept for mutation.
const POOL: usize = 2000;
/// What one input may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is fuzzed: panics if something is wrong, and tells roughly what came of the input.
pub(crate) type Target = fn(&[u8]) -> u64;

#[expect(clippy::print_stdout, reason = "the chore shows how much was tried")]
/// Runs a target; panics with the smallest input found that makes it panic.
pub(crate) fn fuzz(name: &str, target: Target) {
    let seconds = number("TOD_FUZZ_SECONDS").unwrap_or(2);
    let seed = number("TOD_FUZZ_SEED").unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pool = corpus(name);
    let mut seen = BTreeSet::new();
    for input in &pool {
        seen.insert(attempt(name, seed, target, input));
    }
    let mut runs = pool.len();
    while Instant::now() < end {
        let mut input = pool[rng.random_range(0..pool.len())].clone();
        let other = &pool[rng.random_range(0..pool.len())];
        mutate(&mut rng, &mut input, other);
        if seen.insert(attempt(name, seed, target, &input)) && pool.len() < POOL {
            pool.push(input);
        }
        runs += 1;
    }
    println!(
        "{name}: {runs} inputs from seed {seed}, {} kept",
        pool.len()
    );
}

/// The committed inputs, and the empty one.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus/fuzz")
        .join(name);
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no corpus");
    let inputs = files.into_iter().map(|file| std::fs::read(file).unwrap());
    std::iter::once(Vec::new()).chain(inputs).collect()
}

fn attempt(name: &str, seed: u64, target: Target, input: &[u8]) -> u64 {
    let begun = ThreadTime::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    let took = begun.elapsed();
    if let Ok(shape) = outcome
        && took < PATIENCE
    {
        return shape;
    }
    let small = smallest(target, input);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}.bin"));
    std::fs::write(&path, &small).unwrap();
    panic!(
        "{name} fails from seed {seed} ({took:?}) on {} bytes, kept in {}: {:?}",
        small.len(),
        path.display(),
        String::from_utf8_lossy(&small)
    );
}

/// Takes pieces out for as long as it still panics.
fn smallest(target: Target, input: &[u8]) -> Vec<u8> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mut best = input.to_vec();
    let mut piece = best.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < best.len() {
            let mut fewer = best.clone();
            fewer.drain(at..(at + piece).min(best.len()));
            if catch_unwind(AssertUnwindSafe(|| target(&fewer))).is_err() {
                best = fewer;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    set_hook(hook);
    best
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to fuzz is for the chore to say"
)]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
