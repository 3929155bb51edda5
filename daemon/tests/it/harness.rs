//! A `todd` of our own, in a folder of its own, that leaves nothing behind.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What the slowest step may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A folder that the database's account can reach.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("todd")
        .tempdir_in("/tmp")
        .unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Writes a file that only its owner may read.
pub(crate) fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// `todd`, with nothing in its environment but the path.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_todd"));
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TOD_DATABASE__DURABLE", "false")
        .stdin(Stdio::null());
    command
}

/// `todd serve` on a free port.
pub(crate) fn serve(data: &Path) -> Command {
    command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
    ])
}

/// Runs it to its end, which must come soon.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        !output.status.success() || output.stderr.is_empty(),
        "{output:?}"
    );
    output
}

/// Runs it, expects it to fail, and returns what it said: its error, which is the last line.
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines().last().unwrap().to_owned()
}

/// A `todd` that serves.
pub(crate) struct Todd {
    child: Child,
    data: PathBuf,
    pub(crate) address: String,
    pub(crate) fingerprint: String,
}

impl Todd {
    /// Starts it and waits until it listens.
    pub(crate) fn start(data: &Path) -> Self {
        Self::spawn(serve(data), data)
    }

    pub(crate) fn spawn(mut command: Command, data: &Path) -> Self {
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut word = || {
            let line = lines.next().and_then(Result::ok);
            line.and_then(|line| line.rsplit(' ').next().map(str::to_owned))
                .unwrap_or_default()
        };
        let (url, fingerprint) = (word(), word());
        let address = url.strip_prefix("https://").map(str::to_owned);
        let address = address.unwrap_or_else(|| {
            let mut said = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("todd did not start: {said}")
        });
        Self {
            child,
            data: data.to_owned(),
            address,
            fingerprint,
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. Returns whether it ended well, and what it logged.
    pub(crate) fn end(mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (status.success(), said)
    }

    /// Stops it with SIGTERM, which must go well.
    pub(crate) fn stop(self) {
        self.signal(Signal::TERM);
        let (well, said) = self.end();
        assert!(well, "{said}");
    }

    /// Kills it with SIGKILL, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Todd {
    /// When a test fails, its processes go, too.
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.child.kill());
            for pid in postmasters(&self.data) {
                let ended = kill_process(Pid::from_raw(pid).unwrap(), Signal::QUIT);
                assert!(ended.is_ok() || !postmasters(&self.data).contains(&pid));
            }
        }
    }
}

/// The processes of the cluster in `data` that are no children of another of them.
pub(crate) fn postmasters(data: &Path) -> Vec<i32> {
    let home = data
        .canonicalize()
        .map(|data| data.join("postgres"))
        .unwrap_or_default();
    let inside =
        |pid: &i32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|it| it == home);
    let all: Vec<i32> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(inside)
        .collect();
    let parent = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(')')
            .next()?
            .split_whitespace()
            .nth(1)?
            .parse::<i32>()
            .ok()
    };
    // A child that ended since it was listed has no parent any more, and is none of them.
    all.iter()
        .copied()
        .filter(|pid| parent(*pid).is_some_and(|it| !all.contains(&it)))
        .collect()
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}
