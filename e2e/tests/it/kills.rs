//! SIGKILL at the worst moment: what is told afterwards is what the device is.

use anyhow::{Result, ensure};
use serde_json::Value;
use std::time::Duration;
use tod_e2e::{Daemon, World, eventually};
use xtask::lab::text;

const SCRIPT: &str = "/ip firewall address-list add list=trusted address=198.51.100.7\n";
const MENU: &str = "/ip/firewall/address-list";

/// A change under way: its timer is on the device.
struct Push {
    device: String,
    number: String,
    before: Value,
}

impl Push {
    fn begin(world: &World, device: &str) -> Result<Self> {
        world.wait_until_online(device)?;
        let before = world.lab.tree(device)?;
        let done = world.apply(device, SCRIPT, "20s")?;
        ensure!(
            done.status.code() == Some(8),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let number = xtask::tour::newest_change(&world.stage()?, device)?;
        Ok(Self {
            device: device.to_owned(),
            number,
            before,
        })
    }

    /// Waits for the end and holds it against the device.
    fn ends_as_the_device(&self, world: &World, expected: &[&str]) -> Result<()> {
        let state = world.end_of(&self.number)?;
        let rows = world.lab.rows(&self.device, MENU)?;
        let has_row = rows
            .iter()
            .any(|row| text(row, "address") == "198.51.100.7");
        let truth = if has_row { "confirmed" } else { "reverted" };
        ensure!(
            state == truth,
            "{} is told to be `{state}`, the device is `{truth}`",
            self.number
        );
        ensure!(
            expected.contains(&state.as_str()),
            "it is `{state}`, not one of {expected:?}"
        );
        if truth == "reverted" {
            ensure!(
                world.lab.tree(&self.device)? == self.before,
                "something was left behind"
            );
        }
        for row in world.lab.rows(&self.device, "/system/scheduler")? {
            ensure!(
                !text(&row, "name").starts_with("tod-"),
                "left behind: {row}"
            );
        }
        Ok(())
    }
}

/// Kills one process of a split world while a change is armed, and starts it again.
fn killed_while_armed(pick: fn(&mut World) -> &mut Daemon) -> Result<()> {
    let mut world = World::split(2, 2, 2)?;
    let device = world.devices()?.remove(0);
    let push = Push::begin(&world, &device)?;
    pick(&mut world).kill()?;
    push.ends_as_the_device(&world, &["reverted"])?;
    pick(&mut world).start()
}

#[test]
fn the_first_server_is_killed_while_a_change_is_armed() {
    killed_while_armed(|world| &mut world.servers[0]).unwrap();
}

#[test]
fn the_second_server_is_killed_while_a_change_is_armed() {
    killed_while_armed(|world| &mut world.servers[1]).unwrap();
}

#[test]
fn the_first_poller_is_killed_while_a_change_is_armed() {
    killed_while_armed(|world| &mut world.pollers[0]).unwrap();
}

#[test]
fn the_second_poller_is_killed_while_a_change_is_armed() {
    killed_while_armed(|world| &mut world.pollers[1]).unwrap();
}

#[test]
fn a_daemon_that_is_killed_while_a_change_is_armed_tells_the_truth_after_its_next_start() {
    let mut world = World::single(1).unwrap();
    let device = world.devices().unwrap().remove(0);
    let push = Push::begin(&world, &device).unwrap();
    world.servers[0].kill().unwrap();
    world.servers[0].start().unwrap();
    push.ends_as_the_device(&world, &["reverted"]).unwrap();
}

#[test]
fn a_daemon_that_is_killed_right_after_confirming_tells_the_truth_after_its_next_start() {
    let mut world = World::single(1).unwrap();
    let device = world.devices().unwrap().remove(0);
    let push = Push::begin(&world, &device).unwrap();
    let mut confirm = world
        .todctl
        .command(&["config", "confirm", &push.number])
        .spawn()
        .unwrap();
    eventually(
        "the confirmation is under way",
        Duration::from_secs(10),
        || {
            let state = world.state_of(&push.number)?;
            Ok(["confirming", "confirmed"]
                .contains(&state.as_str())
                .then_some(()))
        },
    )
    .unwrap();
    world.servers[0].kill().unwrap();
    drop(confirm.wait());
    world.servers[0].start().unwrap();
    push.ends_as_the_device(&world, &["confirmed", "reverted"])
        .unwrap();
}

#[test]
fn a_daemon_that_is_killed_in_mid_poll_loses_nothing_and_runs_one_postmaster() {
    let mut world = World::single(3).unwrap();
    let names = world.devices().unwrap();
    for name in &names {
        world.wait_until_online(name).unwrap();
    }
    let data = world.servers[0].data().to_owned();
    let events = world.todctl.items(&["events"]).unwrap();

    world.servers[0].kill().unwrap();
    assert_eq!(
        tod_e2e::postmasters(&data).unwrap().len(),
        1,
        "the postmaster lives on"
    );
    world.servers[0].start().unwrap();

    assert_eq!(tod_e2e::postmasters(&data).unwrap().len(), 1);
    assert_eq!(world.devices().unwrap(), names);
    let after = world.todctl.items(&["events"]).unwrap();
    for event in &events {
        assert!(after.contains(event), "lost: {event}");
    }
    let turns = |name: &str| {
        let device = world.lab.device(name).unwrap();
        device
            .pointer("/counts/turns")
            .and_then(Value::as_u64)
            .unwrap()
    };
    for name in &names {
        let then = turns(name);
        eventually("it is polled again", Duration::from_secs(40), || {
            Ok((turns(name) > then + 1).then_some(()))
        })
        .unwrap();
    }
}
