//! A running `todd demo`, and what it says about itself.

use crate::bins::Bins;
use crate::environment;
use crate::guarded::Guarded;
use crate::lab::{Lab, text};
use crate::process;
use crate::tour::Todctl;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Making a cluster, migrating, enrolling and adding a fleet, on a machine that is busy.
const READY_WITHIN: Duration = Duration::from_mins(3);
const STOPPED_WITHIN: Duration = Duration::from_secs(40);

/// The daemon, its folder and its note.
#[derive(Debug)]
pub(crate) struct Running {
    daemon: Guarded,
    dir: PathBuf,
    bins: Bins,
    note: Value,
}

impl Running {
    /// Starts it in a new folder and waits until it is ready.
    pub(crate) fn start(bins: &Bins) -> Result<Self> {
        let made = process::output(Command::new("mktemp").args(["-d", "/tmp/tod-demo.XXXXXX"]))?;
        let dir = PathBuf::from(made.trim());
        let log = environment::target().join("demo.log");
        std::fs::write(&log, "")?;
        let mut command = Command::new(bins.path("todd")?);
        command
            .arg("demo")
            .arg("--data-dir")
            .arg(&dir)
            .current_dir(&dir);
        let mut daemon = Guarded::spawn(&command, &log)?;
        let file = dir.join("demo.json");
        let read = || match std::fs::read_to_string(&file) {
            Ok(text) => Ok(serde_json::from_str(&text).ok()),
            Err(_) => Ok(None),
        };
        let note = daemon.wait_until("ready", READY_WITHIN, read)?;
        Ok(Self {
            daemon,
            dir,
            bins: bins.clone(),
            note,
        })
    }

    /// The client, in the demo's context.
    pub(crate) fn todctl(&self) -> Todctl {
        let variables = [
            ("TODCTL_CONFIG_DIR", self.noted("config_dir")),
            (
                "TODCTL_STORE_PASSPHRASE_FILE",
                self.noted("passphrase_file"),
            ),
        ];
        Todctl {
            path: self
                .bins
                .path("todctl")
                .unwrap_or_else(|_| PathBuf::from("todctl")),
            dir: self.dir.clone(),
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec(),
        }
    }

    /// Lines that make a shell use the demo's context.
    pub(crate) fn exports(&self) -> String {
        let todctl = self.todctl();
        let mut lines = format!("  export PATH={}:$PATH\n", self.bins.dir().display());
        for (name, value) in &todctl.variables {
            lines.extend(["  export ", name, "=", value, "\n"]);
        }
        lines
    }

    /// The lab behind the fleet.
    pub(crate) fn lab(&self) -> Lab {
        Lab::at(self.noted("lab_socket"))
    }

    /// The tenant that the operator is signed in to.
    pub(crate) fn tenant(&self) -> String {
        self.noted("tenant")
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        self.daemon.last_words()
    }

    /// Stops it and removes its folder; a process that stays is an error.
    pub(crate) fn stop(self) -> Result<()> {
        let stopped = self.daemon.stop(STOPPED_WITHIN);
        let left = processes_of(&self.dir)?;
        std::fs::remove_dir_all(&self.dir)
            .with_context(|| format!("cannot remove {}", self.dir.display()))?;
        let status = stopped?;
        ensure!(
            status.success(),
            "todd ended with {status} when it was asked to stop"
        );
        ensure!(
            left.is_empty(),
            "todd left processes behind: {}",
            left.join(", ")
        );
        Ok(())
    }

    fn noted(&self, key: &str) -> String {
        text(&self.note, key).to_owned()
    }
}

/// Processes that were started with something in `dir`.
fn processes_of(dir: &Path) -> Result<Vec<String>> {
    let dir = dir.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name == std::process::id().to_string();
        if ours || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // It may have ended since.
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&dir) {
            found.push(format!("{name} ({})", line.trim()));
        }
    }
    Ok(found)
}
