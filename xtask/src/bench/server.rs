//! `cargo xtask bench server`: what the API costs, against the least that it could cost.

use super::engine::{Goal, Wanted, figure, print};
use super::lines;
use crate::bins::Bins;
use crate::guarded::Guarded;
use crate::services::{Services, Stay};
use crate::setup::{self, Purpose};
use crate::{process, say};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long a server is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(20);

/// Measures all of it; fails when a goal is not met.
pub(super) fn run() -> Result<()> {
    setup::ensure(Purpose::Measure)?;
    setup::ensure(Purpose::Up)?;
    let build = ["bench", "--quiet", "-p", "tod-server", "--bench", "api"];
    say::step("building the server as it is shipped");
    process::run(process::cargo(&build).arg("--no-run"))?;
    say::step("measuring the API: about a minute");
    let measure = |services: Services, parts: &[&str]| {
        let mut bench = process::cargo(&build);
        bench.envs(services.variables()).arg("--").args(parts);
        lines(&process::output(&mut bench)?)
    };
    let measured = measure(Services::start_durable()?, &[])?;
    let unwritten = measure(Services::start(Stay::WithUs)?, &["acts"])?;
    let mut goals = lists(&measured)?;
    goals.push(idle()?);
    goals.extend(records(&measured, &unwritten)?);
    print(&goals)
}

/// Memory of a server that nobody asks for anything.
fn idle() -> Result<Goal> {
    let build = ["build", "--quiet", "--release", "-p", "tod-daemon"];
    say::step("building todd as it is shipped");
    process::run(&mut process::cargo(&build))?;
    let made = process::output(Command::new("mktemp").args(["-d", "/tmp/tod-idle.XXXXXX"]))?;
    let dir = PathBuf::from(made.trim());
    // The database runs as somebody else, who must be able to pass.
    std::fs::set_permissions(&dir, Permissions::from_mode(0o711))?;
    let log = dir.join("log");
    let mut serve = Command::new(Bins::built("release").path("todd")?);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    let mut todd = Guarded::spawn(serve.arg(dir.join("data")), &log)?;
    let is_up = || {
        // It may not have begun to write.
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Ok(said.contains("https://").then_some(()))
    };
    todd.wait_until("serving", Duration::from_mins(1), is_up)?;
    // Its first minute is the busiest: partitions, reconcilers, checkpoints.
    std::thread::sleep(IDLE);
    let status = std::fs::read_to_string(format!("/proc/{}/status", todd.pid()))?;
    todd.stop(Duration::from_secs(40))?;
    std::fs::remove_dir_all(&dir)?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .context("the system does not say how much memory todd has")?
        .parse()?;
    Ok(Goal {
        name: "G13",
        what: "todd, idle / 40 MB",
        measured: kib / 1024.0,
        reference: 40.0,
        wanted: Wanted::AtMost(1.0),
        unit: "MiB",
    })
}

/// Answers to requests, and streams.
fn lists(measured: &[Value]) -> Result<Vec<Goal>> {
    let rate = |who: &str| figure(measured, who, "per_second");
    let answers = |name, what, who: &str, wanted| -> Result<Goal> {
        Ok(Goal {
            name,
            what,
            measured: rate(&format!("a list, {who}"))?,
            reference: rate(&format!("bare axum, {who}"))?,
            wanted,
            unit: "answers/s",
        })
    };
    let followers = "1,000 followers, 50 events a second";
    Ok(vec![
        answers(
            "G13",
            "100 devices, 64 at once / bare axum",
            "64 at once",
            Wanted::AtLeast(0.30),
        )?,
        answers(
            "",
            "100 devices, one by one / bare axum",
            "one by one",
            Wanted::Told,
        )?,
        Goal {
            name: "G13",
            what: "500 lists a second, p99 / 10 ms",
            measured: figure(measured, "500 lists a second", "p99_ms")?,
            reference: 10.0,
            wanted: Wanted::AtMost(1.0),
            unit: "ms",
        },
        Goal {
            name: "D10",
            what: "p99 under 604 slow and hostile clients / without",
            measured: figure(measured, "attacked", "p99_ms")?,
            reference: figure(measured, "calm", "p99_ms")?,
            wanted: Wanted::AtMost(2.0),
            unit: "ms",
        },
        Goal {
            name: "G13",
            what: "1,000 followers of 50 events/s / a core",
            measured: figure(measured, followers, "cores")? * 100.0,
            reference: 100.0,
            wanted: Wanted::AtMost(1.0),
            unit: "% of a core",
        },
    ])
}

/// The audit log: as in production, and of acts also on a database that writes nothing through.
fn records(measured: &[Value], unwritten: &[Value]) -> Result<Vec<Goal>> {
    let rate = |who: &str| figure(measured, who, "per_second");
    let in_memory = rate("a chain in memory")?;
    let checked = |name, what, measured, reference, wanted| Goal {
        name,
        what,
        measured,
        reference,
        wanted,
        unit: "records/s",
    };
    Ok(vec![
        Goal {
            name: "G18",
            wanted: Wanted::AtMost(0.10),
            ..act(
                measured,
                "the record of an act / five kinds of acts",
                "an act",
            )?
        },
        act(
            measured,
            "the same / another note of a device",
            "another note",
        )?,
        act(
            measured,
            "the same / an invitation, the smallest",
            "an invitation",
        )?,
        act(
            unwritten,
            "the same / five kinds, nothing written through",
            "an act",
        )?,
        checked(
            "G18",
            "records checked in memory / 1,000,000",
            in_memory,
            1e6,
            Wanted::AtLeast(1.0),
        ),
        checked(
            "",
            "records checked in memory / bare SHA-256",
            in_memory,
            rate("its bare hashes")?,
            Wanted::Told,
        ),
        checked(
            "",
            "records checked in the database / in memory",
            rate("a chain in the database")?,
            in_memory,
            Wanted::Told,
        ),
    ])
}

/// What the record of an act adds to it, as a client sees it.
fn act(measured: &[Value], what: &'static str, who: &str) -> Result<Goal> {
    Ok(Goal {
        name: "",
        what,
        measured: figure(measured, "the record of an act", "us")?,
        reference: figure(measured, who, "us")?,
        wanted: Wanted::Told,
        unit: "µs",
    })
}
