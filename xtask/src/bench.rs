//! `cargo xtask bench`: the figures that are promised, as ratios of what was measured.

use crate::args::Args;
use crate::bins::Bins;
use crate::demo::Running;
use crate::lab::{number, text};
use crate::setup::{self, Purpose};
use crate::{environment, process, say};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

mod engine;
mod lab;
mod server;
mod sign_in;

/// A promise and what was measured.
struct Figure {
    what: &'static str,
    measured: f64,
    at_most: f64,
    unit: &'static str,
}

/// Measures all of them; fails when a promise is not kept.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let asked = args.value("--profile")?;
    let profile = asked.clone().unwrap_or_else(|| "demo".to_owned());
    match args.rest()?.as_slice() {
        [] => {}
        [what] if what == "engine" => return engine::run(),
        [what] if what == "lab" => return lab::run(),
        [what] if what == "server" => return server::run(),
        [what] if what == "sign-in" => return sign_in::run(asked.as_deref()),
        _ => bail!("there is `bench`, and `bench engine`, `lab`, `server` and `sign-in`"),
    }
    setup::ensure(Purpose::Demo)?;
    let bins = Bins::build(&profile)?;
    let figures = [start()?, frame(&profile)?, round_trips(&bins)?];
    say::line(&format!(
        "\n{:<52} {:>10} {:>8} {:>7}",
        "", "measured", "promise", "ratio"
    ));
    let mut broken = 0;
    for Figure {
        what,
        measured,
        at_most,
        unit,
    } in figures
    {
        let ratio = measured / at_most;
        broken += u32::from(ratio > 1.0);
        say::line(&format!(
            "{what:<52} {measured:>7.2} {unit:<2} {at_most:>5.2} {unit:<2} {ratio:>6.2}"
        ));
    }
    if broken > 0 {
        bail!("{broken} promises are not kept");
    }
    Ok(())
}

/// The lines of JSON that a measurement prints.
fn lines(text: &str) -> Result<Vec<Value>> {
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).context("a figure is no JSON"))
        .collect()
}

/// How much longer `todctl --version` takes than a program that does nothing.
fn start() -> Result<Figure> {
    let bins = Bins::shipped_client()?;
    let (source, empty) = (
        environment::target().join("empty.rs"),
        environment::target().join("empty"),
    );
    std::fs::write(&source, "fn main() {}\n")?;
    process::run(
        Command::new("rustc")
            .args(["-O", "-o"])
            .arg(&empty)
            .arg(&source),
    )?;
    let todctl = bins.path("todctl")?;
    let (mut ours, mut nothing) = (Vec::new(), Vec::new());
    // In turns, so that a busy moment hits both.
    for _ in 0..300 {
        nothing.push(time(&empty, &[])?);
        ours.push(time(&todctl, &["--version"])?);
    }
    let ratio = median(&mut ours).as_secs_f64() / median(&mut nothing).as_secs_f64();
    Ok(Figure {
        what: "todctl --version / empty binary",
        measured: ratio,
        at_most: 1.5,
        unit: "×",
    })
}

fn time(program: &Path, args: &[&str]) -> Result<Duration> {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = Instant::now();
    process::run(&mut command)?;
    Ok(begun.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The slowest one of a hundred frames of a list of 10,000 devices.
fn frame(profile: &str) -> Result<Figure> {
    let args = [
        "bench",
        "--workspace",
        "--bench",
        "frame",
        "--profile",
        profile,
        "--quiet",
    ];
    let text = process::output(&mut process::cargo(&args))?;
    let line = text
        .lines()
        .find(|line| line.starts_with('{'))
        .context("no figure was printed")?;
    let p99 = number(&serde_json::from_str::<Value>(line)?, "p99_us");
    let measured = f64::from(u32::try_from(p99)?) / 1000.0;
    Ok(Figure {
        what: "device list, 10,000 rows, 200×60: p99 of a frame",
        measured,
        at_most: 2.0,
        unit: "ms",
    })
}

/// How many round trips a poll takes, counted by the lab.
fn round_trips(bins: &Bins) -> Result<Figure> {
    let demo = Running::start(bins)?;
    let measured = count_round_trips(&demo);
    demo.stop()?;
    Ok(Figure {
        what: "round trips of a poll on a live session",
        measured: measured?,
        at_most: 1.0,
        unit: "",
    })
}

/// Every poll asks for `/system/resource` once; what else comes in the same turn waits for nothing.
fn count_round_trips(demo: &Running) -> Result<f64> {
    let lab = demo.lab();
    let deadline = Instant::now() + Duration::from_mins(3);
    loop {
        let mut sessions: BTreeMap<(String, u64), (Vec<u64>, u32)> = BTreeMap::new();
        for entry in lab
            .log(0)?
            .iter()
            .filter(|entry| text(entry, "event") == "command")
        {
            let session = (text(entry, "device").to_owned(), number(entry, "session"));
            let (turns, polls) = sessions.entry(session).or_default();
            turns.push(number(entry, "turn"));
            *polls += u32::from(text(entry, "command") == "/system/resource/print");
        }
        // The first turns of a session sign in and look what the device can do.
        sessions.retain(|_, (_, polls)| *polls >= 4);
        if sessions.len() >= 20 {
            let (mut turns, mut polls) = (0, 0);
            for (seen, asked) in sessions.values_mut() {
                seen.sort_unstable();
                seen.dedup();
                turns += seen.len();
                polls += *asked;
            }
            say::note(&format!(
                "{polls} polls of {} sessions in {turns} turns",
                sessions.len()
            ));
            return Ok(f64::from(u32::try_from(turns)?) / f64::from(polls));
        }
        if Instant::now() > deadline {
            bail!(
                "only {} sessions were polled four times in three minutes",
                sessions.len()
            );
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
