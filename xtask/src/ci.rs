//! `cargo xtask ci`: everything that must hold before a change lands.

use crate::args::Args;
use crate::{demo, generate, process, say, sqlx, test, tidy};
use anyhow::{Result, bail};
use std::time::Instant;

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("fmt", || {
        process::run(&mut process::cargo(&["fmt", "--all", "--check"]))
    }),
    ("clippy", || {
        let args = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ];
        process::run(&mut process::cargo(&args))
    }),
    ("tidy", || tidy::run(Args::of::<String>([]))),
    ("gen", || generate::run(Args::of(["--check"]))),
    ("doc", || {
        let mut doc = process::cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
        process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    }),
    ("sqlx", || sqlx::run(Args::of(["--check"]))),
    ("test", || test::run(Args::of::<String>([]))),
    ("tour", || {
        demo::run(Args::of(["--profile", "dev", "--tour"]))
    }),
];

/// Runs the named steps, or all; goes on after a failure, so that one run shows them all.
pub(crate) fn run(args: Args) -> Result<()> {
    let wanted = args.rest()?;
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.0 == **name))
    {
        let known: Vec<_> = STEPS.iter().map(|step| step.0).collect();
        bail!("no step `{unknown}`; there are: {}", known.join(" "));
    }
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == name) {
            continue;
        }
        say::step(name);
        let begun = Instant::now();
        let outcome = step();
        let took = begun.elapsed().as_secs();
        match outcome {
            Ok(()) => say::note(&format!("{name}: ok ({took} s)")),
            Err(error) => {
                say::error(&error);
                say::note(&format!("{name}: FAILED ({took} s)"));
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}
