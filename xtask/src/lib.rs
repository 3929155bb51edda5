//! Chores of this repository, run as `cargo xtask VERB`.
//!
//! A library so that whole-system tests can walk the same [`tour`] as the demo.
//!
//! **Invariant:** depends on no crate of ours and on two small ones, so that it compiles in
//! seconds on a machine that has Rust and nothing else.

mod args;
mod bench;
mod bins;
mod ci;
mod demo;
mod environment;
mod fuzz;
mod generate;
pub mod guarded;
pub mod lab;
mod lab_tables;
pub mod process;
pub mod say;
mod services;
mod setup;
mod sqlx;
mod test;
mod tidy;
pub mod tour;
mod up;

use args::Args;
use std::process::ExitCode;

const HELP: &str = "\
Chores of this repository.

Usage: cargo xtask VERB [flags]

  demo     build, start a server with 24 simulated routers, open the dashboard
           (without a terminal: run the tour and check it against the simulator)
             --profile NAME   build with this profile (default: demo)
             --tour           the tour, terminal or not
             --no-build       run what was built before
  test     install what tests need, start PostgreSQL and NATS, run every test
             -- ARGS          passed on to cargo nextest run
  ci       everything that must hold before a change lands
             STEP…            only these: fmt clippy tidy gen doc sqlx test tour
  tidy     arrows between crates, sizes, headers, words, licences, duplicates
  gen      man pages, completions and references from the built binaries
             --check          fail when a committed file is stale
             --no-build       ask the binaries that were built before
  lab-tables
           the lab's table of menus from the files in TOD_FIXTURES
  up       a throw-away PostgreSQL and NATS for one's own test runs
             --detach         leave them running; `cargo xtask down` stops them
  down     stop what `up --detach` started
  sqlx     migrate a scratch database and refresh .sqlx
             --check          fail when .sqlx is stale
  bench    the figures that are promised, as ratios
             engine           only what talking to devices costs
             lab              only what 10,000 simulated devices take
  fuzz     every fuzz target for a minute, from a new seed
             TARGET…          only these
             --seconds N      for so long each
             --seed N         as a run before
";

/// Does the chore that the command line names.
pub fn run() -> ExitCode {
    let mut args = Args::of_process();
    let outcome = match args.verb().as_deref() {
        None | Some("help" | "-h" | "--help") => {
            say::line(HELP);
            return ExitCode::SUCCESS;
        }
        Some("bench") => bench::run(args),
        Some("ci") => ci::run(args),
        Some("demo") => demo::run(args),
        Some("down") => up::down(args),
        Some("fuzz") => fuzz::run(args),
        Some("gen") => generate::run(args),
        Some("lab-tables") => lab_tables::run(args),
        Some("sqlx") => sqlx::run(args),
        Some("test") => test::run(args),
        Some("tidy") => tidy::run(args),
        Some("up") => up::up(args),
        Some(other) => Err(anyhow::anyhow!(
            "no chore named `{other}`; `cargo xtask help` lists them"
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            process::exit_code(&error)
        }
    }
}
