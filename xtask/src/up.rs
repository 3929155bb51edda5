//! `cargo xtask up` and `down`: services for one's own test runs.

use crate::args::Args;
use crate::services::{Services, Stay};
use crate::setup::{self, Purpose};
use crate::{environment, process, say};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Starts the services, prints how to use them, and keeps them while it is wanted.
pub(crate) fn up(mut args: Args) -> Result<()> {
    let detach = args.switch("--detach");
    args.end()?;
    setup::ensure(Purpose::Up)?;
    if detach {
        return leave_running();
    }
    let services = Services::start(Stay::WithUs)?;
    say::line(&exports(&services));
    say::note("running until Ctrl-C or end of input");
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    Ok(())
}

fn leave_running() -> Result<()> {
    let note = note_file();
    if let Some((pid, _)) = read_note(&note)
        && Path::new(&format!("/proc/{pid}")).exists()
    {
        bail!("services are running already; `cargo xtask down` stops them");
    }
    let services = Services::start(Stay::Detached)?;
    std::fs::create_dir_all(environment::target())?;
    let text = format!("{}\n{}\n", services.guardian(), services.dir().display());
    std::fs::write(&note, text).with_context(|| format!("cannot write {}", note.display()))?;
    say::line(&exports(&services));
    say::note("running until `cargo xtask down`");
    Ok(())
}

/// Stops what `up --detach` started.
pub(crate) fn down(args: Args) -> Result<()> {
    args.end()?;
    let note = note_file();
    let Some((pid, dir)) = read_note(&note) else {
        say::note("nothing is running");
        return Ok(());
    };
    if dir.exists() {
        process::output(Command::new("kill").args(["-TERM", &pid.to_string()]))?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while dir.exists() {
            if Instant::now() > deadline {
                bail!("process {pid} did not stop within 30 s");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    std::fs::remove_file(&note).context("cannot remove the note of what runs")
}

fn exports(services: &Services) -> String {
    let lines = services
        .variables()
        .map(|(name, value)| format!("export {name}={value}\n"));
    lines.concat()
}

fn note_file() -> PathBuf {
    environment::target().join("tod-up")
}

fn read_note(file: &Path) -> Option<(u32, PathBuf)> {
    let text = std::fs::read_to_string(file).ok()?;
    let (pid, dir) = text.trim().split_once('\n')?;
    Some((pid.parse().ok()?, PathBuf::from(dir)))
}
