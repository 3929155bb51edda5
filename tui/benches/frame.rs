//! Measures what a frame of the device list costs, at 10,000 devices and 200 by 60 cells.
//!
//! Prints JSON: CPU microseconds of a frame (median and 99th percentile) while 500 devices a
//! second change and the cursor moves, and of the reference: the same number of cells filled with
//! plain text by ratatui itself, measured in the same run.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it fails"
)]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/world.rs"]
mod world;

use cpu_time::ThreadTime;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::widgets::Paragraph;
use tod_proto::api::devices::FleetUpdate;
use tod_tui::event::Event;
use world::{World, device};

const DEVICES: u32 = 10_000;
const FRAMES: u32 = 600;
/// Updates between two frames: 500 a second at 30 frames a second.
const UPDATES: u32 = 17;

fn quantile(sorted: &[u64], of_1000: usize) -> f64 {
    let at = (sorted.len() - 1) * of_1000 / 1000;
    f64::from(u32::try_from(sorted[at]).unwrap()) / 1000.0
}

fn measure(mut frame: impl FnMut(u32)) -> (f64, f64) {
    for n in 0..30 {
        frame(n);
    }
    let mut costs: Vec<u64> = (0..FRAMES)
        .map(|n| {
            let before = ThreadTime::now();
            frame(n);
            u64::try_from(before.elapsed().as_nanos()).unwrap()
        })
        .collect();
    costs.sort_unstable();
    (quantile(&costs, 500), quantile(&costs, 990))
}

fn main() {
    let mut reference = Terminal::new(TestBackend::new(200, 60)).unwrap();
    let (plain_p50, plain_p99) = measure(|n| {
        let line = format!("{n:08} ").repeat(22);
        let text = vec![line; 60].join("\n");
        reference
            .draw(|frame| frame.render_widget(Paragraph::new(text), frame.area()))
            .unwrap();
    });

    let mut world = World::with(DEVICES, 200, 60);
    world.types("g v");
    let (p50, p99) = measure(|n| {
        let updates = (0..UPDATES)
            .map(|i| {
                let mut changed = device((n * 613 + i * 97) % DEVICES);
                changed.cpu_percent = Some(f64::from(n % 100));
                FleetUpdate::Device {
                    device: Box::new(changed),
                }
            })
            .collect();
        world.happens(&Event::Fleet(updates));
        world.types("j");
        world.draw();
    });

    println!(
        "{{\"devices\":{DEVICES},\"frames\":{FRAMES},\"p50_us\":{p50:.0},\"p99_us\":{p99:.0},\
         \"reference_p50_us\":{plain_p50:.0},\"reference_p99_us\":{plain_p99:.0}}}"
    );
}
