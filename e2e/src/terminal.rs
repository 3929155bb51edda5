//! A terminal that a person sits at: tmux, whose screen can be read.

use crate::eventually::eventually;
use anyhow::{Context as _, Result, ensure};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use xtask::tour::Todctl;

/// Says how a command ended, and keeps the terminal open. (tmux has an option for that, but now and
/// then it does not notice that a command has ended.)
const SESSION: &str = r#""$@"; printf '\n[exit %s]\n' "$?"; exec cat"#;

/// A terminal of 120 by 34 in which `todctl` runs.
#[derive(Debug)]
pub struct Terminal {
    server: String,
}

impl Terminal {
    /// Opens one and runs `todctl` in it with these arguments. When it has ended, its last words
    /// stay on the screen, and its exit status stands below.
    pub fn open(todctl: &Todctl, args: &[&str]) -> Result<Self> {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            server: format!("tod-e2e-{}-{number}", std::process::id()),
        };
        let mut tmux = terminal.tmux(&["new-session", "-d", "-x", "120", "-y", "34", "-c"]);
        tmux.arg(&todctl.dir);
        for (name, value) in &todctl.variables {
            tmux.args(["-e", &format!("{name}={value}")]);
        }
        tmux.args(["sh", "-c", SESSION, "sh"]).arg(&todctl.path);
        let done = tmux.args(args).output()?;
        ensure!(
            done.status.success(),
            "tmux: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(terminal)
    }

    /// Presses keys, by tmux's names.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        let done = self.tmux(&["send-keys"]).args(keys).output()?;
        ensure!(
            done.status.success(),
            "tmux: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    /// What is on the screen.
    pub fn screen(&self) -> Result<String> {
        let done = self.tmux(&["capture-pane", "-p"]).output()?;
        ensure!(
            done.status.success(),
            "tmux: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// Waits until this is on the screen; returns all that is.
    pub fn shows(&self, wanted: &str) -> Result<String> {
        let what = format!("`{wanted}` on the screen");
        eventually(&what, Duration::from_mins(1), || {
            let screen = self.screen()?;
            Ok(screen.contains(wanted).then_some(screen))
        })
        .with_context(|| self.screen().unwrap_or_default())
    }

    /// Types a line.
    pub fn types(&self, line: &str) -> Result<()> {
        self.press(&["-l", line])?;
        self.press(&["Enter"])
    }

    /// Waits until the command has ended with this status; returns what is on the screen.
    pub fn ends(&self, status: i32) -> Result<String> {
        self.shows(&format!("[exit {status}]"))
    }

    fn tmux(&self, args: &[&str]) -> Command {
        let mut tmux = Command::new("tmux");
        // With `-u` it believes that we read UTF-8, whatever the locale.
        tmux.args(["-u", "-f", "/dev/null", "-L", &self.server])
            .args(args)
            .env_remove("TMUX")
            // With these a person would not be asked anything.
            .env_remove("CI")
            .env_remove("TODCTL_NO_INPUT");
        tmux
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.tmux(&["kill-server"]).output());
    }
}
