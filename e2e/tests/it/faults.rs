//! Devices that do what they must not: one clear state, nothing broken, everybody else served.

use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;
use tod_e2e::{World, eventually};
use xtask::lab::text;

/// A device with this fault goes offline with a reason, its neighbour stays online, and it comes
/// back when the fault is gone.
fn goes_and_comes_back(fault: &Value) -> Result<String> {
    let world = World::single(2)?;
    let names = world.devices()?;
    for name in &names {
        world.wait_until_online(name)?;
    }
    world.lab.fault(&names[0], fault)?;
    let reason = eventually("it is offline", Duration::from_mins(1), || {
        let shown = world.device(&names[0])?;
        let reason = text(&shown, "status_reason").to_owned();
        Ok((text(&shown, "status") == "offline").then_some(reason))
    })?;
    assert_eq!(text(&world.device(&names[1])?, "status"), "online");
    world.lab.clear_faults(&names[0])?;
    eventually("it is online again", Duration::from_mins(2), || {
        Ok((text(&world.device(&names[0])?, "status") == "online").then_some(()))
    })?;
    let log = world.servers[0].log()?;
    assert!(!log.contains("panicked"), "{log}");
    Ok(reason)
}

#[test]
fn a_device_that_hangs_is_offline_until_it_answers() {
    let reason = goes_and_comes_back(&json!({"kind": "silent"})).unwrap();
    assert!(!reason.is_empty());
}

#[test]
fn a_device_that_answers_garbage_is_offline_until_it_speaks_sense() {
    let reason = goes_and_comes_back(&json!({"kind": "garbage"})).unwrap();
    assert!(!reason.is_empty());
}

#[test]
fn a_word_of_four_gibibytes_is_refused_before_memory_is_taken() {
    let reason = goes_and_comes_back(&json!({"kind": "huge-word"})).unwrap();
    assert!(!reason.is_empty());
}

#[test]
fn names_with_escape_sequences_reach_no_terminal() {
    let world = World::single(1).unwrap();
    let name = &world.devices().unwrap()[0];
    world.wait_until_online(name).unwrap();
    let old = text(&world.device(name).unwrap(), "identity").to_owned();

    world
        .lab
        .fault(name, &json!({"kind": "evil-names"}))
        .unwrap();

    eventually("the evil identity arrived", Duration::from_secs(30), || {
        Ok((text(&world.device(name)?, "identity") != old).then_some(()))
    })
    .unwrap();
    for format in ["table", "wide", "json", "jsonl", "yaml", "csv", "tsv"] {
        let args = ["device", "show", name, "-o", format];
        let done = world.todctl.command(&args).output().unwrap();
        let bad = done
            .stdout
            .iter()
            .find(|byte| **byte < 0x20 && !b"\n\t".contains(byte));
        assert_eq!(
            bad,
            None,
            "-o {format}: {}",
            String::from_utf8_lossy(&done.stdout)
        );
        assert!(std::str::from_utf8(&done.stdout).is_ok(), "-o {format}");
    }
    let log = world.servers[0].log().unwrap();
    assert!(!log.contains('\u{1b}'), "{log}");
}

/// Two rows: the undo script has a line for each, and one that takes the timer away.
const TWO_ROWS: &str = "/ip firewall address-list add list=trusted address=198.51.100.7\n\
                        /ip firewall address-list add list=trusted address=198.51.100.8\n";

#[test]
fn an_undo_script_that_the_device_corrupts_ends_unknown_and_says_so() {
    let world = World::single(1).unwrap();
    let name = &world.devices().unwrap()[0];
    world.wait_until_online(name).unwrap();
    let before = world.lab.tree(name).unwrap();
    world
        .lab
        .fault(name, &json!({"kind": "corrupt-scheduler"}))
        .unwrap();

    let done = world.apply(name, TWO_ROWS, "15s").unwrap();

    assert_eq!(done.status.code(), Some(1), "it was told to be fine");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("STATE UNKNOWN"), "{said}");
    let change = xtask::tour::newest_change(&world.stage().unwrap(), name).unwrap();
    let change = world.change(&change).unwrap();
    assert_eq!(text(&change, "state"), "unknown", "{change}");
    let reason = text(&change, "reason");
    assert!(reason.contains("another undo script"), "{reason}");
    // It was seen before anything was sent, and nothing was.
    assert_eq!(world.lab.tree(name).unwrap(), before);
}

#[test]
fn whichever_line_of_an_armed_undo_script_is_corrupted_the_change_ends_unknown() {
    let world = World::single(6).unwrap();
    let mut names = world.devices().unwrap();
    names.truncate(3);
    let mut changes = Vec::new();
    for (line, name) in names.iter().enumerate() {
        world.wait_until_online(name).unwrap();
        let done = world.apply(name, TWO_ROWS, "20s").unwrap();
        assert_eq!(done.status.code(), Some(8), "{done:?}");
        let armed = &world.lab.rows(name, "/system/scheduler").unwrap()[0];
        let script = text(armed, "on-event");
        assert_eq!(script.lines().count(), names.len(), "{script}");
        let corrupted: Vec<String> = script
            .lines()
            .enumerate()
            .map(|(at, text)| {
                let altered = text.replacen("remove", "xremove", 1);
                assert_ne!(altered, text);
                if at == line { altered } else { text.to_owned() }
            })
            .collect();
        let values = json!({"on-event": corrupted.join("\n") + "\n"});
        world
            .lab
            .set(name, "/system/scheduler", Some(text(armed, ".id")), &values)
            .unwrap();
        changes.push(xtask::tour::newest_change(&world.stage().unwrap(), name).unwrap());
    }
    for change in changes {
        assert_eq!(world.end_of(&change).unwrap(), "unknown");
        let told = world.change(&change).unwrap();
        assert!(!text(&told, "reason").is_empty(), "{told}");
    }
}
