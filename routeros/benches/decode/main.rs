//! Measures what a poll costs the client, in CPU time alone, against replaying its bytes and
//! against librouteros.
//!
//! One poll is five commands and 37 records. A process of its own plays the device, so that only
//! the client is measured. Contenders take turns; each figure is a median. Prints a line of JSON
//! for each of them: `{"who":…,"polls_per_cpu_second":…}`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    clippy::panic,
    reason = "a measurement prints, and stops when it fails"
)]

mod device;
mod engine;
mod replay;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cpu_time::ProcessTime;

/// How often each contender has its turn.
const TURNS: usize = 7;
/// How much CPU time a turn takes, more or less.
const TURN: Duration = Duration::from_millis(300);

/// A way of polling.
type Poll<'a> = Box<dyn FnMut() + 'a>;

fn main() {
    if std::env::args().any(|word| word == "--device") {
        return device::run();
    }
    let (mut device, port) = start_device();
    let mut contenders: Vec<(&str, Poll<'_>)> = vec![
        ("replay lock-step", replay::lock_step(port)),
        ("engine lock-step", engine::lock_step(port)),
        ("replay pipelined", replay::pipelined(port)),
        ("engine pipelined", engine::pipelined(port)),
    ];
    let mut figures = vec![Vec::new(); contenders.len()];
    let mut others = Vec::new();
    for _ in 0..TURNS {
        for ((_, poll), figures) in contenders.iter_mut().zip(&mut figures) {
            figures.push(turn(poll));
        }
        others.extend(librouteros(port));
    }
    for ((who, _), figures) in contenders.iter().zip(&mut figures) {
        report(who, figures);
    }
    if !others.is_empty() {
        report("librouteros lock-step", &mut others);
    }
    device.kill().unwrap();
    device.wait().unwrap();
}

/// Polls per second of CPU time.
fn turn(poll: &mut Poll<'_>) -> f64 {
    for _ in 0..20 {
        poll();
    }
    let begun = ProcessTime::now();
    let mut polls = 0_u32;
    loop {
        for _ in 0..50 {
            poll();
        }
        polls += 50;
        let took = begun.elapsed();
        if took >= TURN {
            return f64::from(polls) / took.as_secs_f64();
        }
    }
}

fn report(who: &str, figures: &mut [f64]) {
    figures.sort_by(f64::total_cmp);
    let median = figures[figures.len() / 2];
    println!("{{\"who\":\"{who}\",\"polls_per_cpu_second\":{median:.0}}}");
}

fn start_device() -> (Child, u16) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--device")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().parse().unwrap())
}

/// The same polls by librouteros, when there is a Python that has it.
#[expect(clippy::disallowed_methods, reason = "the chore says where Python is")]
fn librouteros(port: u16) -> Option<f64> {
    let python = std::env::var("TOD_TEST_PYTHON").ok()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/decode/peer.py");
    let output = Command::new(python)
        .args([script, &port.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "librouteros failed");
    Some(
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap(),
    )
}
