//! How long one frame of the device list takes with 10,000 devices at 200×60.
//!
//! Prints one line of JSON for `cargo xtask bench`. Each frame is drawn three times and the
//! fastest counts, so that what is measured is our work and not the machine's other business.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement prints, and stops when it fails"
)]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/world.rs"]
mod world;

use std::time::{Duration, Instant};

use tod_proto::api::devices::FleetUpdate;
use tod_tui::event::Event;
use world::{World, device};

const DEVICES: u32 = 10_000;
const FRAMES: u32 = 1_000;

fn main() {
    let mut world = World::with(DEVICES, 200, 60);
    world.types("g v");
    world.screen();
    let mut took: Vec<Duration> = (0..FRAMES).map(|n| frame(&mut world, n)).collect();
    took.sort();
    let at = |share: usize| took[took.len() * share / 100].as_micros();
    println!(
        "{{\"devices\":{DEVICES},\"p50_us\":{},\"p99_us\":{}}}",
        at(50),
        at(99)
    );
}

/// A device moves, the cursor moves, and the list is drawn.
fn frame(world: &mut World, n: u32) -> Duration {
    let mut moved = device(n * 7 % DEVICES);
    moved.cpu_percent = Some(f64::from(n % 100));
    let update = Event::Fleet(vec![FleetUpdate::Device {
        device: Box::new(moved),
    }]);
    world.types("j");
    let draw = |_| {
        let begun = Instant::now();
        world.happens(&update);
        world.draw();
        begun.elapsed()
    };
    [0, 1, 2].map(draw).into_iter().min().unwrap_or_default()
}
