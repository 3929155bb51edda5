//! A terminal that a person sits at: tmux, whose screen can be read.

use anyhow::{Result, ensure};
use std::process::Command;
use xtask::tour::Todctl;

/// A terminal of 120 by 34 in which `todctl` runs.
#[derive(Debug)]
pub struct Terminal {
    server: String,
}

impl Terminal {
    /// Opens one and runs `todctl` in it with these arguments.
    pub fn open(todctl: &Todctl, args: &[&str]) -> Result<Self> {
        let terminal = Self {
            server: format!("tod-e2e-{}", std::process::id()),
        };
        let mut tmux = terminal.tmux(&["new-session", "-d", "-x", "120", "-y", "34", "-c"]);
        tmux.arg(&todctl.dir);
        for (name, value) in &todctl.variables {
            tmux.args(["-e", &format!("{name}={value}")]);
        }
        let done = tmux.arg(&todctl.path).args(args).output()?;
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

    fn tmux(&self, args: &[&str]) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-f", "/dev/null", "-L", &self.server])
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
