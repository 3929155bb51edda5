//! The cluster's first process: starting it, adopting it, stopping it.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::account::Account;
use super::binaries::Binaries;
use super::init::tail;

/// After a crash it reads its log anew, which takes its time.
const START: Duration = Duration::from_mins(5);
const STOP: Duration = Duration::from_secs(30);
/// From this size on its log is begun anew at a start.
const LOG: u64 = 16 << 20;
const STEP: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    /// Ours to reap; nothing when it was adopted.
    child: Option<Mutex<Child>>,
}

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    pid: Pid,
    port: u16,
    ready: bool,
}

impl Postmaster {
    /// The one that runs in `home` and listens in `socket`.
    pub(super) async fn adopt(home: &Path, socket: &Path) -> anyhow::Result<Option<Self>> {
        let deadline = Instant::now() + START;
        // One that is starting or stopping is waited for; a file without a process is a remnant.
        while let Some(status) = Status::read(home) {
            if !is_alive(status.pid) || !works_in(status.pid, home) {
                forget_the_dead(status.pid, home)?;
                return Ok(None);
            }
            let door = socket.join(format!(".s.PGSQL.{}", status.port));
            if status.ready && UnixStream::connect(door).is_ok() {
                return Ok(Some(Self {
                    pid: status.pid,
                    child: None,
                }));
            }
            if Instant::now() > deadline {
                let pid = status.pid.as_raw_nonzero();
                bail!("the database (process {pid}) runs but does not answer; end it");
            }
            sleep(STEP).await;
        }
        Ok(None)
    }

    pub(super) async fn start(
        binaries: &Binaries,
        account: &Account,
        home: &Path,
    ) -> anyhow::Result<Self> {
        let log = home.join("postgres.log");
        let out = open_log(&log)?;
        let before = out.metadata()?.len();
        let mut command = Command::new(binaries.program("postgres"));
        command.arg("-D").arg(home);
        account.apply(&mut command);
        // A group of its own: what is typed at `todd`'s terminal must not end it early.
        command.current_dir(home).process_group(0);
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        let mut child = command.spawn().context("cannot run postgres")?;
        let pid = child
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let pid = pid.context("postgres ended at once")?;
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = child.try_wait()? {
                let said = fs::read(&log).unwrap_or_default();
                let before = usize::try_from(before).unwrap_or_default();
                let said = tail(said.get(before..).unwrap_or_default());
                bail!("the database does not start ({status}): {said}");
            }
            if Status::read(home).is_some_and(|status| status.ready && status.pid == pid) {
                return Ok(Self {
                    pid,
                    child: Some(Mutex::new(child)),
                });
            }
            if Instant::now() > deadline {
                bail!("the database is not ready after {} s", START.as_secs());
            }
            sleep(STEP).await;
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Ends when the process has.
    pub(super) async fn ended(&self) {
        if let Some(child) = &self.child {
            if let Err(error) = child.lock().await.wait().await {
                tracing::error!(%error, "the database cannot be watched");
            }
            return;
        }
        while is_alive(self.pid) {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks it to disconnect everybody and end; insists when that takes too long.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        for (signal, patience) in [(Signal::INT, STOP), (Signal::QUIT, STOP / 3)] {
            if let Err(error) = kill_process(self.pid, signal) {
                tracing::debug!(%error, "the database has ended by itself");
            }
            if timeout(patience, self.ended()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(pid = self.pid(), "the database does not stop");
        }
        bail!("the database (process {}) does not stop", self.pid())
    }
}

/// What the cluster says is kept, in two files of limited size.
fn open_log(log: &Path) -> anyhow::Result<File> {
    let open = || {
        if fs::metadata(log).is_ok_and(|found| found.len() > LOG) {
            fs::rename(log, log.with_extension("log.old"))?;
        }
        File::options().append(true).create(true).open(log)
    };
    open().with_context(|| format!("cannot write {}", log.display()))
}

impl Status {
    fn read(home: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(home.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let number: i32 = lines.next()?.trim().parse().ok()?;
        let pid = Pid::from_raw(number.max(0))?;
        let port = lines.nth(2)?.trim().parse().ok()?;
        let ready = lines.nth(3).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, port, ready })
    }
}

fn is_alive(pid: Pid) -> bool {
    // One that has ended and that nobody has reaped still takes signals.
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let ended = |stat: String| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    };
    let there = match test_kill_process(pid) {
        Ok(()) => true,
        Err(error) => error == rustix::io::Errno::PERM,
    };
    there && !stat.is_ok_and(ended)
}

/// Removes what an ended server left when nobody has reaped it: `PostgreSQL` takes such a process
/// for a living one and refuses to start.
fn forget_the_dead(pid: Pid, home: &Path) -> anyhow::Result<()> {
    if test_kill_process(pid).is_err() || is_alive(pid) {
        return Ok(());
    }
    let processes = fs::read_dir("/proc")
        .context("cannot list processes")?
        .flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut others = numbers.filter_map(|number: i32| Pid::from_raw(number.max(0)));
    if others.any(|other| works_in(other, home)) {
        bail!("processes of the database are left without their first; end them");
    }
    fs::remove_file(home.join("postmaster.pid")).context("cannot remove postmaster.pid")
}

/// Whether the process is a server of this cluster and not another that has its number now.
fn works_in(pid: Pid, home: &Path) -> bool {
    let cwd = format!("/proc/{}/cwd", pid.as_raw_nonzero());
    match fs::read_link(cwd) {
        Ok(cwd) => cwd == home,
        // Where there is no /proc, the socket alone decides.
        Err(_) => !Path::new("/proc/self").exists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_file_is_understood_at_each_stage() {
        let full = "4242\n/data/postgres\n1700000000\n5432\n/run/tod-1\n\n  12 34\nready   \n";
        let status = Status::parse(full).unwrap();
        assert_eq!(
            (status.pid.as_raw_nonzero().get(), status.port),
            (4242, 5432)
        );
        assert!(status.ready);
        assert!(
            !Status::parse(&full.replace("ready   ", "starting"))
                .unwrap()
                .ready
        );
        let early = full.lines().take(5).collect::<Vec<_>>().join(
            "
",
        );
        assert!(!Status::parse(&early).unwrap().ready);
        for broken in ["", "x\n", "-1\n/data\n", "0\n/d\n1\n5432\n/run\n"] {
            assert_eq!(Status::parse(broken), None, "{broken}");
        }
    }
}
