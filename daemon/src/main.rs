//! The daemon.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    tod_daemon::run(&tod_daemon::args::Args::parse())
}
