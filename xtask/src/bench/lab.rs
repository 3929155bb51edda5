//! `cargo xtask bench lab`: what 10,000 simulated devices take, and how soon one of them answers.

use super::engine::{Goal, Wanted, figure, print};
use super::lines;
use crate::setup::{self, Purpose};
use crate::{process, say};
use anyhow::Result;

/// Measures all of it; fails when a goal is not met.
pub(super) fn run() -> Result<()> {
    setup::ensure(Purpose::Measure)?;
    say::step("measuring a lab of 10,000 devices: about half a minute");
    let args = [
        "bench",
        "--quiet",
        "--profile",
        "demo",
        "-p",
        "tod-lab",
        "--bench",
        "fleet",
    ];
    let mut bench = process::cargo(&args);
    bench.env("TOD_TEST_PYTHON", setup::python());
    let measured = lines(&process::output(&mut bench)?)?;
    let of = |who: &str, name: &str| figure(&measured, who, name);
    let (fleet, among) = ("10,000 devices", "librouteros, among 10,000");
    let goal = |what, measured, reference, wanted, unit| Goal {
        name: "",
        what,
        measured,
        reference,
        wanted,
        unit,
    };
    let most = || Wanted::AtMost(1.0);
    let (ready, idle) = (of(fleet, "ready_ms")?, of(fleet, "idle_bytes")?);
    let touched = of(fleet, "touched_bytes")?;
    let (answer, worst) = (of(among, "ms")?, of(among, "worst_ms")?);
    let alone = of("librouteros, alone", "ms")?;
    let kib = 20.0 * 1024.0;
    print(&[
        goal("ready / 10 s", ready, 10_000.0, most(), "ms"),
        goal(
            "a device nobody touched / 20 KiB",
            idle,
            kib,
            most(),
            "bytes",
        ),
        goal(
            "a device that was touched / 20 KiB",
            touched,
            kib,
            most(),
            "bytes",
        ),
        goal("a random one answers / 50 ms", worst, 50.0, most(), "ms"),
        goal(
            "the median / that of a lab of one",
            answer,
            alone,
            Wanted::Told,
            "ms",
        ),
    ])
}
