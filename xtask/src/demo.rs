//! `cargo xtask demo`: everything, with simulated routers, within minutes of cloning.

mod running;

use crate::args::Args;
use crate::bins::Bins;
use crate::setup::{self, Purpose};
use crate::tour::{self, Stage};
use crate::{process, say};
use anyhow::{Context as _, Result};
pub(crate) use running::Running;
use std::io::IsTerminal as _;

/// Sets up, builds, starts; then the dashboard on a terminal, the tour without one.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let profile = args
        .value("--profile")?
        .unwrap_or_else(|| "demo".to_owned());
    let (tour, no_build) = (args.switch("--tour"), args.switch("--no-build"));
    args.end()?;
    setup::ensure(Purpose::Demo)?;
    let bins = if no_build {
        Bins::built(&profile)
    } else {
        Bins::build(&profile)?
    };
    say::step("todd demo: server, poller, private PostgreSQL and 24 simulated routers");
    let demo = Running::start(&bins)?;
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let outcome = if is_terminal && !tour {
        dashboard(&demo)
    } else {
        walk(&demo)
    };
    let log = outcome.is_err().then(|| demo.last_words());
    let stopped = demo.stop();
    if let Some(log) = log {
        say::note(&format!("the daemon's log ends:\n{log}"));
    }
    outcome.and(stopped)
}

fn dashboard(demo: &Running) -> Result<()> {
    say::line(&format!(
        "In another terminal, `todctl` with this fleet:\n\n{}\nThe dashboard opens; `q` `q` leaves it.",
        demo.exports()
    ));
    let mut command = demo.todctl().command(&["tui"]);
    command
        .stdin(std::process::Stdio::inherit())
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS");
    process::run(&mut command)
}

fn walk(demo: &Running) -> Result<()> {
    let stage = Stage {
        todctl: demo.todctl(),
        lab: demo.lab(),
        tenant: demo.tenant(),
    };
    tour::walk(&stage).context("the tour did not hold")?;
    say::line("\nThe tour holds.");
    Ok(())
}
