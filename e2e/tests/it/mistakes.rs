//! Mistakes of people and devices that are not there: one clear error, with the way on.

use serde_json::json;
use std::process::Output;
use std::time::Duration;
use tod_e2e::{World, eventually};
use xtask::lab::{number, text};

/// Exit status and what was said.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    (output.status.code(), text)
}

#[test]
fn a_device_that_is_there_already_is_not_added_twice() {
    let world = World::single(1).unwrap();
    let name = &world.devices().unwrap()[0];
    let truth = world.lab.device(name).unwrap();
    let port = number(&truth, "api_port").to_string();
    let add = |name: &str, address: &str| {
        let args = ["device", "add", address, "--name", name, "--port", &port];
        let more = ["--username", "x", "--tls", "plain", "--password-file"];
        let mut command = world.todctl.command(&[&args[..], &more[..]].concat());
        command.arg(world.dir().join("client/device-password"));
        said(&command.output().unwrap())
    };

    let (same_address, why) = add("another", text(&truth, "address"));
    assert_eq!(same_address, Some(7), "{why}");
    assert!(why.contains(&format!("is `{name}` already")), "{why}");
    let (same_name, why) = add(&name.to_uppercase(), "127.99.0.1");
    assert_eq!(same_name, Some(7), "{why}");
    assert!(why.contains("already named"), "{why}");
    assert_eq!(world.devices().unwrap(), std::slice::from_ref(name));
}

#[test]
fn a_mistake_in_a_selector_is_marked_where_it_is() {
    let world = World::single(1).unwrap();
    let selector = "site=berlin statsu=offline";
    for args in [["device", "list", selector], ["top", "--once", selector]] {
        let (status, why) = said(&world.todctl.command(&args).output().unwrap());
        assert_eq!(status, Some(2), "{why}");
        let lines: Vec<&str> = why.lines().collect();
        let at = lines.iter().position(|line| line.contains(selector));
        let at = at.unwrap();
        assert_eq!(
            lines[at].find("statsu"),
            lines[at + 1].find("^^^^^^"),
            "{why}"
        );
        assert!(why.contains("did you mean `status`?"), "{why}");
    }
}

#[test]
fn a_device_that_cannot_be_reached_is_offline_with_a_reason_and_others_are_served() {
    let world = World::single(4).unwrap();
    let names = world.devices().unwrap();
    let (gone, other) = (&names[0], &names[1]);
    for name in [gone, other] {
        world.wait_until_online(name).unwrap();
    }
    // The session that there is ends with the reboot, and no other is let in.
    let reboot = json!({"kind": "reboot-mid", "command": "/system/resource/print"});
    for fault in [json!({"kind": "refuse"}), reboot] {
        world.lab.fault(gone, &fault).unwrap();
    }

    eventually("it is offline", Duration::from_mins(1), || {
        Ok((text(&world.device(gone)?, "status") == "offline").then_some(()))
    })
    .unwrap();

    let reason = world.device(gone).unwrap();
    assert!(!text(&reason, "status_reason").is_empty(), "{reason}");
    let exec = ["exec", "all", "--", "/system/identity/print"];
    let done = world.todctl.command(&exec).output().unwrap();
    assert_eq!(said(&done).0, Some(3), "one of two: {done:?}");
    let rows = world.lab.rows(other, "/system/identity").unwrap();
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(printed.contains(text(&rows[0], "name")), "{printed}");
    let alone = ["exec", gone, "--", "/system/identity/print"];
    let (status, why) = said(&world.todctl.command(&alone).output().unwrap());
    assert!(matches!(status, Some(1 | 17)), "{status:?}: {why}");
    world.lab.clear_faults(gone).unwrap();
    world.wait_until_online(gone).unwrap();
}
