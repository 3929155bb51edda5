//! What a person does, key by key.

use tod_proto::api::devices::{FleetUpdate, Status};
use tod_tui::event::{Effect, Event, Link, Secret};

use crate::world::{World, device};

#[test]
fn a_filter_narrows_the_list_while_it_is_typed() {
    let mut world = World::with(300, 110, 32);

    world.types("g v / 'site=berlin 'version.lt=7 enter");

    let screen = world.screen();
    assert!(screen.contains("site=berlin"), "{screen}");
    world.types("esc / 'status=down enter");
    assert!(
        world.screen().contains("30 of 300 devices match"),
        "{}",
        world.screen()
    );
}

#[test]
fn a_wrong_filter_keeps_the_last_good_one() {
    let mut world = World::with(300, 110, 32);

    world.types("g v / 'status=down");
    world.screen();
    world.types("'x");

    let screen = world.screen();
    assert!(screen.contains("a status is online"), "{screen}");
    assert!(screen.contains("✗ down"), "{screen}");
    assert!(!screen.contains("● up"), "{screen}");
}

#[test]
fn the_cursor_stays_on_its_device_while_rows_move() {
    let mut world = World::with(300, 110, 32);
    world.types("g v j j j");
    world.screen();
    let before = cursor_row(&world.screen());

    let mut first = device(0);
    first.name = "zzz-last".to_owned();
    world.happens(&Event::Fleet(vec![FleetUpdate::Device {
        device: Box::new(first),
    }]));

    let after = cursor_row(&world.screen());
    assert!(
        before.contains("ber-cpe-0003") && after.contains("ber-cpe-0003"),
        "{after}"
    );
}

#[test]
fn an_update_shows_at_once() {
    let mut world = World::with(10, 110, 32);
    world.types("g v");

    let mut changed = device(0);
    changed.status = Status::Offline;
    changed.name = "renamed-01".to_owned();
    world.happens(&Event::Fleet(vec![FleetUpdate::Device {
        device: Box::new(changed),
    }]));

    assert!(
        world.screen().contains("✗ down renamed-01"),
        "{}",
        world.screen()
    );
}

#[test]
fn marks_survive_moving_and_are_counted() {
    let mut world = World::with(30, 110, 32);

    world.types("g v space space j space");

    assert!(world.screen().contains("3 marked"), "{}", world.screen());
}

#[test]
fn opening_a_device_asks_for_its_interfaces() {
    let mut world = World::with(30, 110, 32);

    let effects = world.types("g v j enter");

    let id = device(1).id;
    assert!(effects.contains(&Effect::LoadSeries(id)), "{effects:?}");
    assert!(effects.contains(&Effect::LoadInterfaces(id)), "{effects:?}");
    assert!(
        world.screen().contains("Devices › ber-cpe-0001"),
        "{}",
        world.screen()
    );
    world.types("esc");
    assert!(
        world.screen().contains("acme-wisp › Devices"),
        "{}",
        world.screen()
    );
}

#[test]
fn the_palette_finds_a_device_by_a_few_letters() {
    let mut world = World::with(300, 110, 32);

    world.types("ctrl-k 'cpe0042");

    assert!(
        world.screen().contains("todctl device show ber-cpe-0042"),
        "{}",
        world.screen()
    );
    world.types("enter");
    assert!(
        world.screen().contains("Devices › ber-cpe-0042"),
        "{}",
        world.screen()
    );
}

#[test]
fn nothing_quits_by_accident() {
    let mut world = World::with(3, 110, 32);

    assert!(!world.types("esc esc esc").contains(&Effect::Quit));
    assert!(!world.types("q n").contains(&Effect::Quit));
    assert!(!world.types("ctrl-c j").contains(&Effect::Quit));
    assert!(world.types("ctrl-c ctrl-c").contains(&Effect::Quit));
}

#[test]
fn pasted_text_does_nothing_outside_a_field() {
    let mut world = World::with(3, 110, 32);

    let paste = tod_tui::action::Action::Paste("q\ny\n".to_owned());
    let effects = world.happens(&Event::Action(paste));

    assert_eq!(effects, []);
    assert!(
        world.screen().contains("pasted 4 characters here, ignored"),
        "{}",
        world.screen()
    );
}

#[test]
fn an_ended_session_asks_for_the_password_and_keeps_the_work() {
    let mut world = World::with(30, 110, 32);
    world.types("g v j j");

    world.happens(&Event::Link(Link::Locked {
        reason: "the session has ended".to_owned(),
    }));
    let effects = world.types("'pass enter");

    assert_eq!(
        effects,
        [Effect::Unlock {
            password: Secret("pass".to_owned()),
            secret_key: None,
            code: None,
        }]
    );
    let screen = world.screen();
    assert!(!screen.contains("pass "), "{screen}");
    world.happens(&Event::UnlockFailed(
        "wrong password or Secret Key".to_owned(),
    ));
    assert!(
        world.screen().contains("wrong password or Secret Key"),
        "{}",
        world.screen()
    );
    world.happens(&Event::Unlocked);
    assert!(
        cursor_row(&world.screen()).contains("ber-cpe-0002"),
        "{}",
        world.screen()
    );
}

#[test]
fn a_second_step_is_asked_for_and_what_was_typed_stays() {
    let mut world = World::with(30, 110, 32);
    world.happens(&Event::Link(Link::Locked {
        reason: "the session has ended".to_owned(),
    }));
    world.types("'pass enter");
    assert!(!world.screen().contains("Code"), "{}", world.screen());

    world.happens(&Event::CodeWanted);
    assert!(
        world.screen().contains("type the code"),
        "{}",
        world.screen()
    );
    let effects = world.types("'123456 enter");

    assert_eq!(
        effects,
        [Effect::Unlock {
            password: Secret("pass".to_owned()),
            secret_key: None,
            code: Some(Secret("123456".to_owned())),
        }]
    );
    assert!(world.screen().contains("123456"), "{}", world.screen());
    // What was wrong is typed again, all of it.
    world.happens(&Event::UnlockFailed("the code is wrong".to_owned()));
    assert!(!world.screen().contains("123456"), "{}", world.screen());
    world.types("'pass");
    world.happens(&Event::Action(tod_tui::action::Action::NextTab));
    let effects = world.types("'654321 enter");
    let code = Some(Secret("654321".to_owned()));
    assert!(
        matches!(&effects[..], [Effect::Unlock { password, code: given, .. }]
            if password.0 == "pass" && *given == code),
        "{effects:?}"
    );
}

fn cursor_row(screen: &str) -> String {
    screen
        .lines()
        .filter(|line| !line.starts_with(" ▸"))
        .find(|line| line.contains('▸'))
        .unwrap_or_default()
        .to_owned()
}
