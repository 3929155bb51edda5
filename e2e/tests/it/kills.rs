//! SIGKILL at the worst moment: what is told afterwards is what the device is.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tod_e2e::{Daemon, World, eventually};
use tod_proto::id::PollerId;
use uuid::Uuid;

use crate::push::{Push, SCRIPT};

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

/// A step of a change in which the device keeps us waiting: it never answers this command.
#[derive(Clone, Copy)]
struct Held {
    state: &'static str,
    command: &'static str,
}

const APPLYING: Held = Held {
    state: "applying",
    command: "/ip/firewall/address-list/add",
};
/// Verifying signs in anew; every other step uses the session that there is.
const VERIFYING: Held = Held {
    state: "verifying",
    command: "/login",
};

/// The server that works on the change: it is the one that says so.
fn worker(world: &mut World) -> Result<&mut Daemon> {
    let mut found = None;
    for (at, server) in world.servers.iter().enumerate() {
        if server.log()?.contains("\"change moved\"") {
            ensure!(found.is_none(), "two servers work on one change");
            found = Some(at);
        }
    }
    let at = found.context("no server works on the change")?;
    world.servers.get_mut(at).context("the worker")
}

/// The poller that holds the device: the database knows whom the lease is of.
fn holder(world: &mut World) -> Result<&mut Daemon> {
    let id: Uuid = world
        .query("select poller_id from device_leases")?
        .parse()?;
    let id = PollerId(id);
    let mut found = None;
    for (at, poller) in world.pollers.iter().enumerate() {
        if poller.log()?.contains(&id.to_string()) {
            found = Some(at);
        }
    }
    let at = found.with_context(|| format!("no poller is {id}"))?;
    world.pollers.get_mut(at).context("the holder")
}

/// Kills a process that takes part in a change, in the middle of a step of it.
fn killed_in(
    step: Held,
    window: &str,
    pick: fn(&mut World) -> Result<&mut Daemon>,
    expected: &[&str],
) -> Result<()> {
    let mut world = World::split(2, 2, 1)?;
    let device = world.devices()?.remove(0);
    world.wait_until_online(&device)?;
    let before = world.lab.tree(&device)?;
    let fault = json!({"kind": "lose-reply-to", "command": step.command});
    world.lab.fault(&device, &fault)?;
    let mut apply = world.applying(&device, SCRIPT, window)?;
    let mut client = apply.arg("--auto-confirm").spawn()?;
    let state = format!("the change is {}", step.state);
    // Before it there is one that was planned only, to be shown.
    let newest = "select state || ' c-' || number from changes order by number desc limit 1";
    let number = eventually(&state, Duration::from_secs(30), || {
        let newest = world.query(newest)?;
        let (state, number) = newest.split_once(' ').unwrap_or_default();
        Ok((state == step.state).then(|| number.to_owned()))
    })?;

    pick(&mut world)?.kill()?;
    world.lab.clear_faults(&device)?;

    let push = Push {
        device,
        number,
        before,
    };
    push.ends_as_the_device(&world, expected)?;
    // Whoever waits is told, over whichever server is left.
    let told = client.wait()?.code();
    let code = match world.state_of(&push.number)?.as_str() {
        "confirmed" => 0,
        _ => 16,
    };
    ensure!(
        told == Some(code),
        "the client was told {told:?}, not {code}"
    );
    Ok(())
}

#[test]
fn the_working_server_is_killed_while_a_change_is_applied() {
    // The next server finds out only when the device lets go of the step, which may be too late.
    killed_in(APPLYING, "20s", worker, &["confirmed", "reverted"]).unwrap();
}

#[test]
fn the_holding_poller_is_killed_while_a_change_is_applied() {
    // Whether it was sent is not known, so the device's timer has the last word.
    killed_in(APPLYING, "20s", holder, &["reverted"]).unwrap();
}

#[test]
fn the_working_server_is_killed_while_a_change_is_verified() {
    killed_in(VERIFYING, "60s", worker, &["confirmed"]).unwrap();
}

#[test]
fn the_holding_poller_is_killed_while_a_change_is_verified() {
    killed_in(VERIFYING, "60s", holder, &["confirmed"]).unwrap();
}
