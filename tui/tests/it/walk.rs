//! Every screen at every size, with every kind of fleet.

use tod_tui::event::{Event, Link};

use crate::world::{World, now};

const PATHS: &[&str] = &[
    "g d",
    "g v",
    "g v enter",
    "g v enter 2",
    "g l",
    "g c",
    "?",
    "ctrl-k",
    "ctrl-k 'ber",
    ":",
    ": 'nonsense enter",
    "g v / 'site=",
    "q",
];

#[test]
fn no_screen_panics_at_any_size() {
    for (width, height) in [
        (1, 1),
        (20, 5),
        (40, 10),
        (60, 15),
        (80, 24),
        (110, 32),
        (200, 60),
    ] {
        for devices in [0, 1, 300] {
            for path in PATHS {
                let mut world = World::with(devices, width, height);
                world.types(path);
                let first = world.screen();
                world.types("j j j G");
                let second = world.screen();
                assert!(
                    !first.contains('\u{1b}') && !second.contains('\u{1b}'),
                    "{path} at {width}x{height}"
                );
            }
        }
    }
}

#[test]
fn a_fleet_that_is_away_keeps_what_was_seen() {
    let mut world = World::with(30, 110, 32);

    world.happens(&Event::Link(Link::Lost {
        since: now(),
        reason: "connection refused".to_owned(),
    }));

    let screen = world.screen();
    assert!(screen.contains("✗ no server"), "{screen}");
    assert!(
        screen.contains("what is shown is old: connection refused"),
        "{screen}"
    );
    assert!(screen.contains("30 "), "{screen}");
}

#[test]
fn before_the_first_answer_nothing_is_called_empty() {
    let mut world = World::empty(110, 32);
    world.types("g v");

    assert!(world.screen().contains("asking the server"));
    world.happens(&Event::Devices(Vec::new()));
    assert!(world.screen().contains("No devices yet"));
}

#[test]
fn the_overview_at_its_ordinary_size() {
    let mut world = World::with(24, 110, 32);

    insta::assert_snapshot!("overview_110x32", world.screen());
}

#[test]
fn the_device_list_at_a_small_size() {
    let mut world = World::with(24, 80, 24);
    world.types("g v");

    insta::assert_snapshot!("devices_80x24", world.screen());
}
