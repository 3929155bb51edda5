//! A throw-away PostgreSQL and NATS, for tests and development.
//!
//! **Invariant:** both are children of a guardian shell that stops them and removes their files
//! when its standard input closes, so nothing outlives this process, however it ends.

use crate::{environment, process, say, setup};
use anyhow::{Context as _, Result, bail};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy building.
const READY_WITHIN: Duration = Duration::from_mins(1);

const GUARDIAN: &str = include_str!("services/guardian.sh");

/// Roles every test may log in as, besides the superuser `tod_super`.
const ROLES: &str = "
    create role tod_owner login createdb;
    create role tod_app login;
    create role tod_system login;
";

/// How long the services stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Until the [`Services`] are dropped or this process ends.
    WithUs,
    /// Until the guardian is told to stop.
    Detached,
}

/// Running services.
#[derive(Debug)]
pub(crate) struct Services {
    dir: PathBuf,
    nats: String,
    guardian: Child,
    stay: Stay,
}

impl Services {
    /// Starts both, and returns when both answer. Nothing is written through to the disk.
    pub(crate) fn start(stay: Stay) -> Result<Self> {
        Self::start_with(stay, "fast")
    }

    /// The same with a database that would survive a power cut, as in production: for measuring.
    pub(crate) fn start_durable() -> Result<Self> {
        Self::start_with(Stay::WithUs, "durable")
    }

    fn start_with(stay: Stay, durability: &str) -> Result<Self> {
        let bin = setup::postgres_bin_dir().context("PostgreSQL's programs are not installed")?;
        let nats = environment::find_program("nats-server").context("no nats-server in PATH")?;
        // A socket's path has at most 107 bytes, so this is not under the workspace.
        let made = process::output(Command::new("mktemp").args(["-d", "/tmp/tod-up.XXXXXX"]))?;
        let dir = PathBuf::from(made.trim());
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&dir)
            .arg(&bin)
            .arg(&nats);
        command.arg(if stay == Stay::Detached {
            "detached"
        } else {
            "held"
        });
        command
            .arg(durability)
            .current_dir(&dir)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.stdin(if stay == Stay::Detached {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        if setup::is_root() {
            // PostgreSQL refuses to run as root.
            let (user, group) = account("postgres")?;
            std::os::unix::fs::chown(&dir, Some(user), Some(group))?;
            command.uid(user).gid(group);
        }
        let guardian = command.spawn().context("cannot start a shell")?;
        let mut services = Self {
            dir,
            nats: String::new(),
            guardian,
            stay,
        };
        services.nats = services.wait_until_ready()?;
        process::output(
            Command::new("psql")
                .args([
                    "-X",
                    "-q",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-U",
                    "tod_super",
                    "-d",
                    "postgres",
                ])
                .arg("-h")
                .arg(&services.dir)
                .args(["-c", ROLES]),
        )
        .context("cannot create the roles")?;
        Ok(services)
    }

    /// What a test needs to know to use them.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("TOD_TEST_PG", self.dir.display().to_string()),
            ("TOD_TEST_NATS", self.nats.clone()),
        ]
    }

    /// The process to stop, when they were started detached.
    pub(crate) fn guardian(&self) -> u32 {
        self.guardian.id()
    }

    /// The folder that holds the socket and everything else.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn wait_until_ready(&mut self) -> Result<String> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let (true, Some(nats)) = (postgres_is_ready(&self.dir), nats_address(&self.dir)) {
                return Ok(nats);
            }
            if self.guardian.try_wait()?.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let last = lines
                    .get(lines.len().saturating_sub(20)..)
                    .unwrap_or_default();
                bail!(
                    "PostgreSQL and NATS did not start; their log ends:\n{}",
                    last.join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if self.stay == Stay::WithUs {
            drop(self.guardian.stdin.take());
            if let Err(error) = self.guardian.wait() {
                say::note(&format!("the services did not end: {error}"));
            }
        }
    }
}

/// PostgreSQL writes `ready` on the eighth line of its pid file.
fn postgres_is_ready(dir: &Path) -> bool {
    std::fs::read_to_string(dir.join("pg/postmaster.pid")).is_ok_and(|text| {
        text.lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
    })
}

/// NATS chose a port and wrote it down.
fn nats_address(dir: &Path) -> Option<String> {
    let entries = std::fs::read_dir(dir.join("nats")).ok()?;
    let file = entries
        .flatten()
        .find(|entry| entry.path().extension().is_some_and(|e| e == "ports"))?;
    let text = std::fs::read_to_string(file.path()).ok()?;
    let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(ports.get("nats")?.get(0)?.as_str()?.to_owned())
}

/// The numbers of an account.
fn account(name: &str) -> Result<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let mut fields = passwd
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .with_context(|| format!("no account `{name}` to run PostgreSQL as"))?
        .split(':')
        .skip(1)
        .map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok((user, group)),
        _ => bail!("the line of `{name}` in /etc/passwd is damaged"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_the_services_leaves_nothing_behind() {
        let services = Services::start(Stay::WithUs).unwrap();
        let (dir, guardian) = (services.dir().to_owned(), services.guardian());
        let [(_, socket), (_, nats)] = services.variables();
        assert!(Path::new(&socket).join(".s.PGSQL.5432").exists());
        let port = nats
            .strip_prefix("nats://127.0.0.1:")
            .unwrap()
            .parse()
            .unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let roles = process::output(Command::new("psql").args([
            "-XAt",
            "-h",
            &socket,
            "-U",
            "tod_app",
            "-d",
            "postgres",
            "-c",
            "select count(*) from pg_roles where rolname like 'tod\\_%' and not rolbypassrls",
        ]));
        assert_eq!(roles.unwrap().trim(), "3");
        drop(services);
        assert!(!dir.exists());
        assert!(!Path::new(&format!("/proc/{guardian}")).exists());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
