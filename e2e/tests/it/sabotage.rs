//! Devices that go wrong in the middle of a change: how it ends is what the device is, and nothing
//! is told to be confirmed that is not.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tod_e2e::{World, eventually};
use xtask::lab::text;

use crate::push::SCRIPT;

const MENU: &str = "/ip/firewall/address-list";
const ADD: &str = "/ip/firewall/address-list/add";
const ARM: &str = "/system/scheduler/add";
const DISARM: &str = "/system/scheduler/remove";
/// Ten years.
const FAR: i64 = 10 * 365 * 86_400;

/// What is done with a change that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Confirm,
    Wait,
    /// The device loses power meanwhile, and nobody confirms.
    Reboot,
}

/// What goes wrong, what is done, and how it ends.
type Case = (Vec<Value>, Then, &'static str);

fn cases() -> Vec<Case> {
    let of = |kind: &str, command: &str| json!({"kind": kind, "command": command});
    let plain = |kind: &str| json!({"kind": kind});
    let jump = |seconds: i64| json!({"kind": "clock-jump", "seconds": seconds});
    vec![
        (vec![], Then::Confirm, "confirmed"),
        (vec![of("lose-reply-to", ADD)], Then::Wait, "reverted"),
        (vec![of("hang-mid", ADD)], Then::Wait, "reverted"),
        (vec![of("reboot-mid", ADD)], Then::Wait, "reverted"),
        (vec![of("lose-reply-to", ARM)], Then::Wait, "reverted"),
        (vec![of("hang-mid", DISARM)], Then::Confirm, "confirmed"),
        (vec![of("reboot-mid", DISARM)], Then::Confirm, "confirmed"),
        // In force, and nothing left that would undo it.
        (
            vec![of("reboot-mid", ADD), plain("forget-scheduler")],
            Then::Wait,
            "unknown",
        ),
        (vec![plain("forget-scheduler")], Then::Reboot, "unknown"),
        (vec![jump(FAR)], Then::Confirm, "confirmed"),
        (vec![jump(-FAR)], Then::Wait, "reverted"),
        // Neither files nor backups are needed to undo.
        (vec![plain("flash-full")], Then::Confirm, "confirmed"),
        (vec![plain("backup-fails")], Then::Wait, "reverted"),
        (vec![plain("safe-mode-held")], Then::Wait, "refused"),
    ]
}

/// A device with its case, and what it was before.
struct Scene {
    name: String,
    case: Case,
    before: Value,
}

#[test]
fn whatever_goes_wrong_in_the_middle_no_change_ends_as_what_it_is_not() {
    let cases = cases();
    // Three of six sites are ours.
    let world = World::single(36).unwrap();
    let mut names = world.devices().unwrap();
    names.retain(|name| has_timers(&world, name));
    assert!(names.len() >= cases.len(), "{}", names.len());
    let mut scenes = Vec::new();
    for (name, case) in names.into_iter().zip(cases) {
        world.wait_until_online(&name).unwrap();
        let before = world.lab.tree(&name).unwrap();
        for fault in &case.0 {
            world.lab.fault(&name, fault).unwrap();
        }
        scenes.push(Scene { name, case, before });
    }

    make_all(&world, &scenes).unwrap();

    let wrong: Vec<String> = scenes
        .iter()
        .filter_map(|scene| ends_as_the_device(&world, scene).err())
        .map(|error| format!("{error:#}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a device may guard itself: some are in a mode that forbids timers.
fn has_timers(world: &World, name: &str) -> bool {
    let mode = world.lab.rows(name, "/system/device-mode");
    let mode = mode.unwrap_or_default();
    let forbids = |row: &Value| ["no", "false"].contains(&text(row, "scheduler"));
    !mode.iter().any(forbids)
}

/// Begins all changes at the same time, and goes on with each as soon as it has gone as far as it
/// goes by itself.
fn make_all(world: &World, scenes: &[Scene]) -> Result<()> {
    let file = world.dir().join("sabotaged.rsc");
    std::fs::write(&file, SCRIPT)?;
    let file = file.display().to_string();
    let (mut applying, mut confirmations, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for scene in scenes {
        let args = [
            "config",
            "apply",
            &scene.name,
            "-f",
            &file,
            "--window",
            "30s",
            "--yes",
        ];
        let mut command = world.todctl.command(&args);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        applying.push((scene, command.stderr(Stdio::null()).spawn()?));
    }
    eventually("all were applied", Duration::from_mins(3), || {
        let is_done = |(_, child): &mut (_, Child)| matches!(child.try_wait(), Ok(Some(_)));
        for (scene, _) in applying.extract_if(.., is_done) {
            match go_on(world, scene) {
                Ok(confirming) => confirmations.extend(confirming),
                Err(error) => wrong.push(error),
            }
        }
        Ok(applying.is_empty().then_some(()))
    })?;
    for mut confirmation in confirmations {
        confirmation.wait()?;
    }
    wrong.into_iter().next().map_or(Ok(()), Err)
}

fn change_of(world: &World, scene: &Scene) -> Result<String> {
    xtask::tour::newest_change(&world.stage()?, &scene.name)
}

/// Does with a change that waits what is to be done. A confirmation takes its time, too.
fn go_on(world: &World, scene: &Scene) -> Result<Option<Child>> {
    let change = change_of(world, scene)?;
    let (faults, then, _) = &scene.case;
    match then {
        Then::Wait => {}
        Then::Confirm => {
            let state = world.state_of(&change)?;
            ensure!(state == "pending", "{faults:?}: it is `{state}`");
            // What it comes to is told by the change.
            let mut confirm = world.todctl.command(&["config", "confirm", &change]);
            confirm.stdin(Stdio::null()).stdout(Stdio::null());
            return Ok(Some(confirm.stderr(Stdio::null()).spawn()?));
        }
        Then::Reboot => world.lab.reboot(&scene.name)?,
    }
    Ok(None)
}

fn ends_as_the_device(world: &World, scene: &Scene) -> Result<()> {
    let change = change_of(world, scene)?;
    let (faults, then, expected) = &scene.case;
    let state = world.end_of(&change)?;
    let told = world.change(&change)?;
    let what = format!("{faults:?}, {then:?}, {}: {told}", scene.name);
    ensure!(
        state == *expected,
        "`{state}` instead of `{expected}`: {what}"
    );
    world.lab.clear_faults(&scene.name)?;
    let rows = eventually("the device answers", Duration::from_secs(20), || {
        Ok(world.lab.rows(&scene.name, MENU).ok())
    })?;
    let has_row = rows
        .iter()
        .any(|row| text(row, "address") == "198.51.100.7");
    let timers = world.lab.rows(&scene.name, "/system/scheduler")?;
    let is_ours = |row: &Value| text(row, "name").starts_with("tod-");
    ensure!(!timers.iter().any(is_ours), "a timer is left: {what}");
    match *expected {
        "confirmed" => ensure!(has_row, "it is not in force: {what}"),
        "unknown" => ensure!(
            !text(&told, "reason").is_empty(),
            "nobody is told why: {what}"
        ),
        _ => ensure!(
            world.lab.tree(&scene.name)? == scene.before,
            "something was left behind: {what}"
        ),
    }
    Ok(())
}
