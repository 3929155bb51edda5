//! `cargo xtask test`: the whole suite, with everything it needs.

use crate::args::Args;
use crate::services::{Services, Stay};
use crate::setup::{self, Purpose};
use crate::{environment, process, say};
use anyhow::Result;
use std::process::Command;

/// Tests that need files which may not be handed on live in modules of this name; the default
/// profile of nextest leaves them out.
const FIXTURES: &str = "test(/(^|::)fixtures::/)";

/// Installs, starts, runs, stops, and tells what was not run.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let passed_on = args.passed_on();
    args.end()?;
    setup::ensure(Purpose::Test)?;
    say::step("starting PostgreSQL and NATS for the tests");
    let services = Services::start(Stay::WithUs)?;
    let have_fixtures = environment::var("TOD_FIXTURES").is_some();
    let outcome = suite(&services, &passed_on, have_fixtures);
    drop(services);
    if !have_fixtures {
        say::line(&format!(
            "{} fixture tests not run: set TOD_FIXTURES",
            count_fixture_tests()?
        ));
    }
    outcome
}

fn suite(services: &Services, passed_on: &[String], have_fixtures: bool) -> Result<()> {
    let profile = if have_fixtures { "fixtures" } else { "default" };
    let mut nextest = process::cargo(&["nextest", "run", "--workspace", "--profile", profile]);
    nextest.args(passed_on);
    with_variables(&mut nextest, services);
    say::step(&process::shown(&nextest));
    let nextest = process::run(&mut nextest);
    if nextest.is_err() || !passed_on.is_empty() {
        return nextest;
    }
    let mut doctests = process::cargo(&["test", "--doc", "--workspace", "--quiet"]);
    with_variables(&mut doctests, services);
    say::step(&process::shown(&doctests));
    process::run(&mut doctests)
}

fn with_variables(command: &mut Command, services: &Services) {
    command
        .envs(services.variables())
        .env("TOD_TEST_PYTHON", setup::python());
    command.env("INSTA_UPDATE", "no");
}

fn count_fixture_tests() -> Result<usize> {
    let mut list = process::cargo(&[
        "nextest",
        "list",
        "--workspace",
        "-T",
        "oneline",
        "-E",
        FIXTURES,
    ]);
    Ok(process::output(&mut list)?
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count())
}
