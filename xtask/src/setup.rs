//! What a chore needs from the machine, and how to get it on Debian.

use crate::{environment, process, say};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is going to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Build, and run what needs nothing else.
    Build,
    /// Measure ourselves against what others have written.
    Measure,
    /// Build and run the demo.
    Demo,
    /// Run throw-away services.
    Up,
    /// Build and run every test.
    Test,
}

/// A thing that must be there, and the Debian package that brings it.
struct Need {
    what: &'static str,
    package: &'static str,
    purposes: &'static [Purpose],
    is_there: fn() -> bool,
}

const BUILDING: &[Purpose] = &[
    Purpose::Build,
    Purpose::Measure,
    Purpose::Demo,
    Purpose::Test,
];
const EVERYTHING: &[Purpose] = &[Purpose::Demo, Purpose::Up, Purpose::Test];
const TESTING: &[Purpose] = &[Purpose::Test];

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler and linker",
        package: "gcc",
        purposes: BUILDING,
        is_there: || program("cc"),
    },
    Need {
        what: "the C library's headers",
        package: "libc6-dev",
        purposes: BUILDING,
        is_there: || Path::new("/usr/include/stdlib.h").is_file(),
    },
    Need {
        what: "the PostgreSQL server",
        package: "postgresql",
        purposes: EVERYTHING,
        is_there: || postgres_bin_dir().is_some(),
    },
    Need {
        what: "the NATS server",
        package: "nats-server",
        purposes: &[Purpose::Up, Purpose::Test],
        is_there: || program("nats-server"),
    },
    Need {
        what: "OpenSSH's client",
        package: "openssh-client",
        purposes: TESTING,
        is_there: || program("ssh"),
    },
    Need {
        what: "OpenSSH's server",
        package: "openssh-server",
        purposes: TESTING,
        is_there: || Path::new("/usr/sbin/sshd").is_file(),
    },
    Need {
        what: "nss_wrapper, which gives that server an account of its own",
        package: "libnss-wrapper",
        purposes: TESTING,
        is_there: has_nss_wrapper,
    },
    Need {
        what: "net-snmp's tools",
        package: "snmp",
        purposes: TESTING,
        is_there: || program("snmpwalk"),
    },
    Need {
        what: "OpenSSL's headers",
        package: "libssl-dev",
        purposes: BUILDING,
        is_there: || Path::new("/usr/include/openssl/ssl.h").is_file(),
    },
    Need {
        what: "pkg-config",
        package: "pkg-config",
        purposes: BUILDING,
        is_there: || program("pkg-config"),
    },
    Need {
        what: "sshpass",
        package: "sshpass",
        purposes: TESTING,
        is_there: || program("sshpass"),
    },
    Need {
        what: "zsh",
        package: "zsh",
        purposes: TESTING,
        is_there: || program("zsh"),
    },
    Need {
        what: "fish",
        package: "fish",
        purposes: TESTING,
        is_there: || program("fish"),
    },
    Need {
        what: "tmux",
        package: "tmux",
        purposes: TESTING,
        is_there: || program("tmux"),
    },
    Need {
        what: "Python's venv",
        package: "python3-venv",
        purposes: &[Purpose::Measure, Purpose::Test],
        is_there: || Path::new(&python()).is_file() || has_ensurepip(),
    },
];

/// Makes sure that everything `purpose` needs is there; installs it when it may.
pub(crate) fn ensure(purpose: Purpose) -> Result<()> {
    let missing: Vec<_> = NEEDS
        .iter()
        .filter(|need| need.purposes.contains(&purpose) && !(need.is_there)())
        .collect();
    if !missing.is_empty() {
        let whats: Vec<_> = missing.iter().map(|need| need.what).collect();
        let packages: BTreeSet<_> = missing.iter().map(|need| need.package).collect();
        install(&whats.join(", "), &packages.into_iter().collect::<Vec<_>>())?;
    }
    if purpose == Purpose::Test {
        ensure_nextest()?;
    }
    if matches!(purpose, Purpose::Measure | Purpose::Test) {
        ensure_python()?;
    }
    Ok(())
}

fn install(whats: &str, packages: &[&str]) -> Result<()> {
    let command = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    if !program("apt-get") {
        bail!(
            "missing: {whats}\n   why: this machine has no apt-get; install what Debian calls: {}",
            packages.join(" ")
        );
    }
    if !is_root() {
        bail!("missing: {whats}\n  next: sudo {command}");
    }
    say::step(&format!(
        "missing: {whats}; installing {}",
        packages.join(" ")
    ));
    if packages.contains(&"postgresql") {
        forbid_default_cluster()?;
    }
    process::run(Command::new("apt-get").args(["update", "-qq"]))?;
    process::run(Command::new("sh").args(["-c", &without_starting_services(&command)]))
        .with_context(|| format!("could not install what is missing: {whats}"))
}

/// Debian starts a server when it installs one; these we start ourselves, on our own ports.
fn without_starting_services(command: &str) -> String {
    format!(
        "policy=/usr/sbin/policy-rc.d
         if [ ! -e $policy ]; then
           trap 'rm -f $policy' EXIT; trap 'exit 1' INT TERM HUP
           printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy
         fi
         DEBIAN_FRONTEND=noninteractive {command}"
    )
}

/// Without this, installing PostgreSQL makes a cluster of its own on port 5432.
fn forbid_default_cluster() -> Result<()> {
    let dir = Path::new("/etc/postgresql-common");
    let file = dir.join("createcluster.conf");
    if !file.exists() {
        std::fs::create_dir_all(dir)?;
        std::fs::write(&file, "create_main_cluster = false\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn ensure_nextest() -> Result<()> {
    if process::output(&mut process::cargo(&["nextest", "--version"])).is_ok() {
        return Ok(());
    }
    // Without its updater and its probes, which take longer to build than all the rest.
    let args = [
        "install",
        "--locked",
        "--no-default-features",
        "cargo-nextest",
    ];
    say::step(&format!(
        "cargo-nextest is missing: cargo {} (some minutes)",
        args.join(" ")
    ));
    process::run(&mut process::cargo(&args))
}

/// Clients that we did not write, which the tests hold against our protocols.
const PYTHON_PACKAGES: &str = include_str!("../python.txt");

/// The interpreter of the virtual environment in `target/venv`.
pub(crate) fn python() -> PathBuf {
    environment::target().join("venv/bin/python")
}

fn ensure_python() -> Result<()> {
    let (python, wanted) = (python(), PYTHON_PACKAGES);
    let venv = environment::target().join("venv");
    let stamp = venv.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    say::step(&format!(
        "python packages for tests: {}",
        PYTHON_PACKAGES.replace('\n', " ").trim_end()
    ));
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    process::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "-q"])
            .args(PYTHON_PACKAGES.split_whitespace()),
    )?;
    std::fs::write(&stamp, wanted).context("cannot note what was installed")
}

fn has_ensurepip() -> bool {
    process::output(Command::new("python3").args(["-c", "import ensurepip"])).is_ok()
}

fn has_nss_wrapper() -> bool {
    let folders = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    folders
        .map(|folder| folder.path().join("libnss_wrapper.so"))
        .any(|library| library.is_file())
}

fn program(name: &str) -> bool {
    environment::find_program(name).is_some()
}

/// Whether we may do everything on this machine.
pub(crate) fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Where `initdb` and `postgres` lie: the newest of Debian's, or beside what `PATH` has.
pub(crate) fn postgres_bin_dir() -> Option<PathBuf> {
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            (version >= 15 && bin.join("initdb").is_file()).then_some((version, bin))
        })
        .collect();
    debian.sort();
    let newest = debian.pop().map(|(_, bin)| bin);
    newest.or_else(|| {
        environment::find_program("initdb")?
            .parent()
            .map(Path::to_path_buf)
    })
}
