//! The first minutes of a user, with real processes and a private PostgreSQL.

use std::time::Duration;
use tod_e2e::{Terminal, World, eventually};
use xtask::lab::text;

#[test]
fn a_device_that_was_added_is_polled_and_shown() {
    let world = World::single(2).unwrap();
    let me = world.todctl.json(&["whoami"]).unwrap().to_string();
    assert!(me.contains("ana@example.org"), "{me}");

    let devices = world.devices().unwrap();
    let name = devices.first().unwrap();
    let shown = eventually("the device is online", Duration::from_secs(30), || {
        let shown = world.device(name)?;
        Ok((text(&shown, "status") == "online").then_some(shown))
    })
    .unwrap();
    let truth = world.lab.device(name).unwrap();
    assert_eq!(text(&shown, "version"), text(&truth, "version"));
    assert_eq!(text(&shown, "serial"), text(&truth, "serial"));
}

#[test]
fn a_value_that_changed_on_the_device_is_shown_within_one_poll() {
    let world = World::single(1).unwrap();
    let name = &world.devices().unwrap()[0];
    world.wait_until_online(name).unwrap();

    let values = serde_json::json!({"name": "renamed-by-hand"});
    world
        .lab
        .set(name, "/system/identity", None, &values)
        .unwrap();

    eventually("the new identity is shown", Duration::from_secs(15), || {
        Ok((text(&world.device(name)?, "identity") == "renamed-by-hand").then_some(()))
    })
    .unwrap();
}

#[test]
fn a_daemon_that_is_asked_to_stop_leaves_nothing_running() {
    let mut world = World::single(1).unwrap();
    let data = world.servers[0].data().to_owned();
    assert_eq!(tod_e2e::postmasters(&data).unwrap().len(), 1);

    assert!(world.servers[0].stop().unwrap().success());

    assert_eq!(tod_e2e::postmasters(&data).unwrap(), Vec::<u32>::new());
}

#[test]
fn the_dashboard_shows_what_changed_on_the_device_within_one_poll() {
    let world = World::single(1).unwrap();
    let name = &world.devices().unwrap()[0];
    world.wait_until_online(name).unwrap();
    let terminal = Terminal::open(&world.todctl, &["tui"]).unwrap();
    let shows = |text: &str| {
        eventually(
            &format!("`{text}` on the screen"),
            Duration::from_secs(20),
            || {
                let screen = terminal.screen()?;
                anyhow::ensure!(screen.contains(text), "the screen is:\n{screen}");
                Ok(Some(()))
            },
        )
        .unwrap();
    };
    shows("1 up");
    terminal.press(&["g", "v"]).unwrap();
    shows(name);
    terminal.press(&["Enter"]).unwrap();
    shows("identity");

    let values = serde_json::json!({"name": "renamed-by-hand"});
    world
        .lab
        .set(name, "/system/identity", None, &values)
        .unwrap();

    shows("renamed-by-hand");
}
