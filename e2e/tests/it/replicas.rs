//! Several servers behind one address: whichever is asked, the answer is the same.

use tod_e2e::World;
use xtask::lab::text;

/// What the device calls itself, as SSH through tod prints it.
fn identity_over_ssh(world: &World, name: &str) -> String {
    let ssh = ["ssh", name, "--", "/system/identity/print"];
    let done = world.todctl.command(&ssh).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_ticket_is_redeemed_at_another_server_than_the_one_that_gave_it() {
    let world = World::split(2, 2, 2).unwrap();
    for name in world.devices().unwrap() {
        world.wait_until_online(&name).unwrap();
        let rows = world.lab.rows(&name, "/system/identity").unwrap();
        let before = world.passed();

        let printed = identity_over_ssh(&world, &name);

        assert!(printed.contains(text(&rows[0], "name")), "{printed}");
        // One connection for the ticket and one for the terminal, at different servers.
        let passed: Vec<usize> = world
            .passed()
            .iter()
            .zip(&before)
            .map(|(after, before)| after - before)
            .collect();
        assert_eq!(passed, [1, 1]);
    }
    let kept = "select count(*) from relays where opened_at is not null and end_reason is not null";
    assert_eq!(world.query(kept).unwrap(), "2");
}

#[test]
fn in_one_process_a_terminal_needs_no_way_back_over_the_network() {
    // Whoever dialled this would reach nothing.
    let world = World::single_with(1, &[("TOD_HTTP__BASE_URL", "https://192.0.2.1:9")]).unwrap();
    let name = &world.devices().unwrap()[0];
    world.wait_until_online(name).unwrap();
    let rows = world.lab.rows(name, "/system/identity").unwrap();

    let printed = identity_over_ssh(&world, name);

    assert!(printed.contains(text(&rows[0], "name")), "{printed}");
}
