//! `cargo xtask bench sign-in`: whether strangers can be told from people by the clock, and what a
//! sign-in costs beyond its arithmetic.

use super::engine::{Goal, Wanted, figure, print};
use super::lines;
use crate::services::{Services, Stay};
use crate::setup::{self, Purpose};
use crate::{process, say};
use anyhow::Result;

/// What Welch's t may be at most: above it, a difference is taken to be there.
const T: f64 = 4.5;

/// Measures all of it; fails when a goal is not met. The server is optimised, as it is when shipped,
/// unless another profile is asked for.
pub(super) fn run(profile: Option<&str>) -> Result<()> {
    setup::ensure(Purpose::Up)?;
    let services = Services::start(Stay::WithUs)?;
    say::step("measuring sign-ins: about two minutes");
    let args = [
        "bench",
        "--quiet",
        "--profile",
        profile.unwrap_or("bench"),
        "-p",
        "tod-server",
        "--bench",
        "sign_in",
    ];
    let mut bench = process::cargo(&args);
    bench.envs(services.variables());
    let measured = lines(&process::output(&mut bench)?)?;
    drop(services);
    let of = |who: &str, name: &str| figure(&measured, who, name);
    let goal = |name, what, measured, reference, wanted, unit| Goal {
        name,
        what,
        measured,
        reference,
        wanted,
        unit,
    };
    let most = || Wanted::AtMost(1.0);
    let mut goals = vec![goal(
        "G14",
        "CPU of a sign-in / its bare exponentiations",
        of("sign-in", "cpu_us")?,
        of("sign-in", "bare_us")?,
        Wanted::AtMost(1.5),
        "µs",
    )];
    for (step, raw, cropped, times) in [
        (
            "first step",
            "|t| of the first step / 4.5",
            "the same without the slowest 5 %",
            "known / unknown, median",
        ),
        (
            "second step",
            "|t| of the second step / 4.5",
            "the same without the slowest 5 %",
            "known / unknown, median",
        ),
    ] {
        let t = |name| Ok::<_, anyhow::Error>(of(step, name)?.abs());
        goals.push(goal("D2", raw, t("t")?, T, most(), ""));
        goals.push(goal("D2", cropped, t("t_cropped")?, T, most(), ""));
        let (known, unknown) = (of(step, "known_us")?, of(step, "unknown_us")?);
        goals.push(goal("", times, known, unknown, Wanted::Told, "µs"));
    }
    print(&goals)
}
