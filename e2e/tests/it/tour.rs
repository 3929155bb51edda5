//! The tour of the demo, in the other shape that an installation can have.

use tod_e2e::World;

#[test]
fn the_tour_holds_with_two_servers_and_two_pollers_over_nats() {
    let world = World::split(2, 2, 8).unwrap();
    xtask::tour::walk(&world.stage().unwrap()).unwrap();
}
