//! A child process that cannot outlive us.
//!
//! **Invariant:** its parent is a guardian shell that ends it when our end of a pipe closes,
//! which happens however this process ends.

use crate::process;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// `LOG PROGRAM ARGS…`: prints the process id of what it started, and ends as that ends.
const GUARDIAN: &str = r#"
log=$1; shift
exec 3<&0
"$@" </dev/null 3<&- >>"$log" 2>&1 & child=$!
echo "$child"
exec >/dev/null
{ read -r _ <&3; kill -TERM "$child"; } & reader=$!
wait "$child"; status=$?
kill "$reader" 2>/dev/null
exit "$status"
"#;

/// A running process.
#[derive(Debug)]
pub struct Guarded {
    what: String,
    guardian: Child,
    pid: u32,
    log: PathBuf,
}

impl Guarded {
    /// Starts `command`; what it prints is appended to `log`.
    pub fn spawn(command: &Command, log: &Path) -> Result<Self> {
        let what = process::shown(command);
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARDIAN, "guardian"]).arg(log);
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            shell.current_dir(dir);
        }
        shell
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut guardian = shell.spawn().context("cannot start a shell")?;
        let mut line = String::new();
        if let Some(stdout) = guardian.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let pid = line
            .trim()
            .parse()
            .with_context(|| format!("cannot start `{what}`"))?;
        Ok(Self {
            what,
            guardian,
            pid,
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.guardian.try_wait()?)
    }

    /// Waits until `ready` says something, while the process runs.
    pub fn wait_until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut ready: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(value) = ready()? {
                return Ok(value);
            }
            if let Some(status) = self.ended()? {
                bail!(
                    "`{}` ended before {what} ({status}):\n{}",
                    self.what,
                    self.last_words()
                );
            }
            if Instant::now() > deadline {
                let seconds = within.as_secs();
                bail!(
                    "`{}`: not {what} in {seconds} s:\n{}",
                    self.what,
                    self.last_words()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines
            .get(lines.len().saturating_sub(25)..)
            .unwrap_or_default()
            .join("\n")
    }

    /// Asks it to stop (SIGTERM) and waits; one that does not is killed, which is an error.
    pub fn stop(mut self, within: Duration) -> Result<ExitStatus> {
        drop(self.guardian.stdin.take());
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill()?;
        bail!("`{}` did not stop within {} s", self.what, within.as_secs());
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        let kill = format!("kill -KILL {}", self.pid);
        process::output(Command::new("sh").args(["-c", &kill]))?;
        self.guardian.wait()?;
        Ok(())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.guardian.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                drop(self.kill());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a process was ended by SIGKILL, seen directly or through a shell.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9) || status.code() == Some(137)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> (Guarded, PathBuf) {
        let log = process::output(&mut Command::new("mktemp")).unwrap();
        let log = PathBuf::from(log.trim());
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "trap 'echo told; exit 3' TERM; echo up; while :; do sleep 0.01; done",
        ]);
        let mut sleeper = Guarded::spawn(&command, &log).unwrap();
        let up = || Ok(std::fs::read_to_string(&log)?.contains("up").then_some(()));
        sleeper
            .wait_until("up", Duration::from_secs(10), up)
            .unwrap();
        (sleeper, log)
    }

    fn runs(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn it_is_asked_to_stop_and_its_status_is_ours() {
        let (sleeper, log) = sleeper();
        let pid = sleeper.pid();
        assert_eq!(
            sleeper.stop(Duration::from_secs(10)).unwrap().code(),
            Some(3)
        );
        assert!(!runs(pid));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "up\ntold\n");
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_killed_one_is_gone_and_told_apart() {
        let (mut sleeper, log) = sleeper();
        sleeper.kill().unwrap();
        assert!(!runs(sleeper.pid()));
        assert!(was_killed(sleeper.ended().unwrap().unwrap()));
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn one_that_ends_early_is_reported_with_its_last_words() {
        let log = process::output(&mut Command::new("mktemp")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no room left >&2; exit 1"]);
        let mut early = Guarded::spawn(&command, Path::new(log.trim())).unwrap();
        let never = || Ok(None::<()>);
        let error = early
            .wait_until("ready", Duration::from_secs(10), never)
            .unwrap_err();
        assert!(error.to_string().contains("no room left"), "{error}");
        std::fs::remove_file(log.trim()).unwrap();
    }
}
