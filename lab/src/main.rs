//! `tod-lab`: the simulator alone.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tod_lab::args::Command;

fn main() -> ExitCode {
    let command = Command::parse();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    runtime
        .block_on(command.run())
        .unwrap_or_else(|error| report(&error))
}

fn report(error: &anyhow::Error) -> ExitCode {
    let written = writeln!(std::io::stderr(), "tod-lab: {error:#}");
    if written.is_err() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}
