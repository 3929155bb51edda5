//! The tour: the main job from one end to the other, each command and its output printed, and
//! then held against what the lab says.
//!
//! **Invariant:** nothing that tod says is believed; [`claims`] reads the lab.

mod cast;
mod claims;
mod todctl;

pub use cast::Cast;
pub use todctl::Todctl;

use crate::lab::{Lab, number, text};
use crate::say;
use anyhow::{Context as _, Result, bail, ensure};
use claims::Before;
use std::time::{Duration, Instant};

/// Seconds that a device waits for confirmation when the tour cuts its path. Long enough for the
/// poller to have given up, short enough to wait for.
const CUT_WINDOW: u64 = 15;
/// The longest that a change may take to end after its window.
const END_WITHIN: Duration = Duration::from_secs(90);

/// `config apply` ends with this when the change is in force and waits for confirmation.
const PENDING: i32 = 8;
/// And with this when the change was undone.
const REVERTED: i32 = 16;

/// Lets one more address in: what a change looks like that is kept.
const GOOD_CHANGE: &str =
    "/ip firewall address-list add list=trusted address=198.51.100.9 comment=tour\n";
/// Switches off the address that the device is managed at: what a mistake looks like.
const CUTTING_CHANGE: &str = "/ip address disable [find comment=management]\n";

/// Where the tour is walked.
#[derive(Debug)]
pub struct Stage {
    /// The client, signed in.
    pub todctl: Todctl,
    /// The lab behind the fleet.
    pub lab: Lab,
    /// The tenant that the client is signed in to, as the lab calls it.
    pub tenant: String,
}

/// Walks all of it. An error says which claim did not hold.
pub fn walk(stage: &Stage) -> Result<()> {
    let cast = Cast::of(stage)?;
    wait_for_fleet(stage, &cast)?;
    let before = Before::read(stage)?;
    look_around(stage, &cast)?;
    keep_a_change(stage, &cast)?;
    lose_a_change(stage, &cast)?;
    open_a_terminal(stage, &cast)?;
    say::line("\n# What the lab says\n");
    claims::hold(stage, &cast, &before)
}

/// A fleet that was just added is polled within seconds.
fn wait_for_fleet(stage: &Stage, cast: &Cast) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let online = stage.todctl.items(&["device", "list", "status=online"])?;
        let names: Vec<&str> = online.iter().map(|device| text(device, "name")).collect();
        let missing: Vec<_> = cast
            .fleet
            .iter()
            .filter(|name| !names.contains(&name.as_str()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "not online after 2 minutes: {missing:?}"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn look_around(stage: &Stage, cast: &Cast) -> Result<()> {
    let todctl = &stage.todctl;
    say::line("# Sign in\n");
    todctl.show(&["whoami"], &[0])?;
    say::line("# The fleet\n");
    todctl.show(&["device", "list"], &[0])?;
    say::line("# One device\n");
    todctl.show(&["device", "show", &cast.changed], &[0])?;
    say::line("# One command on many devices\n");
    todctl.show(&["exec", &cast.selector, "--", "/ip/address/print"], &[0])?;
    Ok(())
}

fn keep_a_change(stage: &Stage, cast: &Cast) -> Result<()> {
    say::line("# A change that is kept\n");
    let file = script(stage, "good.rsc", GOOD_CHANGE)?;
    let todctl = &stage.todctl;
    let args = [
        "config",
        "apply",
        &cast.changed,
        "-f",
        &file,
        "--window",
        "60s",
        "--yes",
        "--no-wait",
    ];
    todctl.show(&args, &[PENDING])?;
    let change = newest_change(stage, &cast.changed)?;
    todctl.show(&["config", "pending"], &[0])?;
    todctl.show(&["config", "confirm", &change], &[0])?;
    wait_for_end(stage, &change, "confirmed")?;
    todctl.show(&["config", "show", &change], &[0])?;
    Ok(())
}

fn lose_a_change(stage: &Stage, cast: &Cast) -> Result<()> {
    say::line("# A change that cuts the path it came on\n");
    let file = script(stage, "cut.rsc", CUTTING_CHANGE)?;
    let window = format!("{CUT_WINDOW}s");
    let args = [
        "config", "apply", &cast.cut, "-f", &file, "--window", &window, "--yes",
    ];
    stage.todctl.show(&args, &[PENDING, REVERTED])?;
    let change = newest_change(stage, &cast.cut)?;
    wait_for_end(stage, &change, "reverted")?;
    stage.todctl.show(&["config", "show", &change], &[0])?;
    Ok(())
}

fn open_a_terminal(stage: &Stage, cast: &Cast) -> Result<()> {
    say::line("# A command over SSH\n");
    let output = stage
        .todctl
        .show(&["ssh", &cast.shell, "--", "/system/identity/print"], &[0])?;
    let rows = stage.lab.rows(&cast.shell, "/system/identity")?;
    let identity = rows
        .first()
        .map(|row| text(row, "name"))
        .unwrap_or_default();
    ensure!(
        !identity.is_empty() && output.contains(identity),
        "`{}` calls itself {identity:?}, which SSH did not print",
        cast.shell
    );
    Ok(())
}

fn script(stage: &Stage, name: &str, text: &str) -> Result<String> {
    let path = stage.todctl.dir.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say::line(&format!("$ cat {name}\n{text}"));
    Ok(name.to_owned())
}

/// What people call the newest change of a device: `c-17`.
pub fn newest_change(stage: &Stage, device: &str) -> Result<String> {
    let changes = stage.todctl.items(&["config", "history", device])?;
    let newest = changes.iter().map(|change| number(change, "number")).max();
    Ok(format!(
        "c-{}",
        newest.with_context(|| format!("`{device}` has no change"))?
    ))
}

/// Waits until a change has ended, and insists on how.
pub fn wait_for_end(stage: &Stage, change: &str, expected: &str) -> Result<()> {
    let deadline = Instant::now() + END_WITHIN;
    loop {
        let shown = stage.todctl.json(&["config", "show", change])?;
        let shown = shown
            .get("items")
            .and_then(|items| items.get(0))
            .unwrap_or(&shown);
        let state = text(shown, "state");
        if state == expected {
            return Ok(());
        }
        let is_final = ["confirmed", "reverted", "refused", "unknown", "planned"].contains(&state);
        if is_final || Instant::now() > deadline {
            bail!(
                "{change} is `{state}` and not `{expected}`: {}",
                text(shown, "reason")
            );
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}
