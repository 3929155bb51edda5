//! `cargo xtask bench engine`: what talking to devices costs us, against what it could cost.

use super::lines;
use crate::setup::{self, Purpose};
use crate::{process, say};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A goal, what was measured, and what it is held against in the same run.
pub(super) struct Goal {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) measured: f64,
    pub(super) reference: f64,
    pub(super) wanted: Wanted,
    pub(super) unit: &'static str,
}

/// What the ratio of measured to reference has to be.
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is promised: it tells where the limit is.
    Told,
}

/// Measures all of them; fails when a goal is not met.
pub(super) fn run() -> Result<()> {
    setup::ensure(Purpose::Measure)?;
    let mut goals = speed(&polls()?)?;
    goals.extend(size(&memory()?)?);
    goals.extend(exports(&texts()?)?);
    print(&goals)
}

/// Polls by CPU time of the client.
fn speed(polls: &[Value]) -> Result<Vec<Goal>> {
    let rate = |who: &str| figure(polls, who, "polls_per_cpu_second");
    let theirs = rate("librouteros lock-step")?;
    let (ours, bytes) = (rate("engine lock-step")?, rate("replay lock-step")?);
    let (ours_at_once, bytes_at_once) = (rate("engine pipelined")?, rate("replay pipelined")?);
    let goal = |name, what, measured, reference, wanted| Goal {
        name,
        what,
        measured,
        reference,
        wanted,
        unit: "polls/CPU-s",
    };
    let at_least = Wanted::AtLeast;
    let (by_one, at_once) = (
        "command by command / byte replay",
        "one write / byte replay",
    );
    let as_each = "a poll, as each does it / librouteros";
    let (by_one_too, limit) = (
        "command by command / librouteros",
        "byte replay of that, the limit / librouteros",
    );
    Ok(vec![
        goal("G1", by_one, ours, bytes, at_least(0.55)),
        goal("G1", at_once, ours_at_once, bytes_at_once, at_least(0.30)),
        goal("G2", as_each, ours_at_once, theirs, at_least(100.0)),
        goal("", by_one_too, ours, theirs, Wanted::Told),
        goal("", limit, bytes, theirs, Wanted::Told),
    ])
}

/// Memory of sessions that wait.
fn size(memory: &[Value]) -> Result<Vec<Goal>> {
    let goal = |what, who, kib: f64| -> Result<Goal> {
        Ok(Goal {
            name: "G6",
            what,
            measured: figure(memory, who, "bytes_per_session")?,
            reference: kib * 1024.0,
            wanted: Wanted::AtMost(1.0),
            unit: "bytes",
        })
    };
    Ok(vec![
        goal("idle plain session / 10 KiB", "idle plain session", 10.0)?,
        goal("idle TLS session / 32 KiB", "idle TLS session", 32.0)?,
    ])
}

/// What it takes to understand exports of 10,000 lines.
fn exports(texts: &[Value]) -> Result<Vec<Goal>> {
    let time = |who: &str| figure(texts, who, "us");
    let goal = |what, measured, reference| Goal {
        name: "G15",
        what,
        measured,
        reference,
        wanted: Wanted::AtMost(1.0),
        unit: "µs",
    };
    Ok(vec![
        goal(
            "export to tree, made normal / 10 ms",
            time("normal")?,
            10_000.0,
        ),
        goal(
            "two exports compared / git diff",
            time("diff")?,
            time("git")?,
        ),
    ])
}

fn texts() -> Result<Vec<Value>> {
    say::step("measuring exports");
    let args = ["bench", "--quiet", "-p", "routeros", "--bench", "text"];
    lines(&process::output(&mut process::cargo(&args))?)
}

fn polls() -> Result<Vec<Value>> {
    say::step("measuring polls: about half a minute");
    let mut bench = process::cargo(&["bench", "--quiet", "-p", "routeros", "--bench", "decode"]);
    bench.env("TOD_TEST_PYTHON", setup::python());
    lines(&process::output(&mut bench)?)
}

fn memory() -> Result<Vec<Value>> {
    say::step("measuring idle sessions");
    // How much memory a session takes does not depend on how fast the code is.
    let args = [
        "bench",
        "--quiet",
        "--profile",
        "dev",
        "-p",
        "tod-poller",
        "--bench",
        "memory",
    ];
    lines(&process::output(&mut process::cargo(&args))?)
}

pub(super) fn figure(lines: &[Value], who: &str, name: &str) -> Result<f64> {
    lines
        .iter()
        .find(|line| line["who"] == who)
        .and_then(|line| line[name].as_f64())
        .with_context(|| format!("`{who}` was not measured"))
}

pub(super) fn print(goals: &[Goal]) -> Result<()> {
    say::line(&format!(
        "\n{:<4} {:<46} {:>9} {:>9} {:<11} {:>8}  goal",
        "", "", "measured", "reference", "", "ratio"
    ));
    let mut missed = 0;
    for goal in goals {
        let ratio = goal.measured / goal.reference;
        let (is_met, wanted) = match goal.wanted {
            Wanted::AtLeast(least) => (ratio >= least, format!("≥ {least}")),
            Wanted::AtMost(most) => (ratio <= most, format!("≤ {most}")),
            Wanted::Told => (true, "–".to_owned()),
        };
        missed += u32::from(!is_met);
        let mark = if is_met { "" } else { "  missed" };
        say::line(&format!(
            "{:<4} {:<46} {:>9.0} {:>9.0} {:<11} {ratio:>8.2}  {wanted}{mark}",
            goal.name, goal.what, goal.measured, goal.reference, goal.unit
        ));
    }
    if missed > 0 {
        bail!("{missed} goals are missed");
    }
    Ok(())
}
