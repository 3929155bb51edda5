//! Measures a lab of 10,000 devices: how soon it is ready, what a device takes, how it answers.
//!
//! The doors are this process's own, as in `tod-lab`; librouteros asks from a process of its own.
//! Prints a line of JSON for each figure: `{"who":…,…}`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, reads its environment, and stops when it fails"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tod_lab::{Fleet, Lab, Options};

/// Devices of the lab.
const DEVICES: usize = 10_000;
/// Devices that are asked.
const ASKED: usize = 60;

/// Asks devices one after the other; prints the milliseconds that each took.
const ASK: &str = include_str!("ask.py");

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let one = Lab::start(Fleet::generate(1, 1), Options::default())
        .await
        .unwrap();
    let alone = ask(&one, vec![0; ASKED]).await;
    one.stop().await;

    let before = resident();
    let begun = Instant::now();
    let fleet = Fleet::generate(DEVICES, 1);
    let lab = Lab::start(fleet, Options::default()).await.unwrap();
    let ready = ask(&lab, vec![DEVICES - 1]).await;
    let took = begun.elapsed();
    assert_eq!(ready.len(), 1);
    let idle = resident().saturating_sub(before) / DEVICES;

    // Far apart, and none twice.
    let scattered = (1..=ASKED).map(|n| n * 7919 % DEVICES).collect();
    let among = ask(&lab, scattered).await;

    for device in lab.devices() {
        assert_eq!(device.rows("/system/identity").len(), 1);
    }
    let touched = resident().saturating_sub(before) / DEVICES;

    say(
        &json!({"who": "10,000 devices", "ready_ms": ms(took), "idle_bytes": idle,
        "touched_bytes": touched}),
    );
    say(&json!({"who": "librouteros, alone", "ms": median(alone)}));
    let worst = among.iter().copied().fold(0.0, f64::max);
    say(&json!({"who": "librouteros, among 10,000", "ms": median(among), "worst_ms": worst}));
}

fn say(figure: &Value) {
    println!("{figure}");
}

fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1000.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Lets librouteros sign in to devices and read their identities.
async fn ask(lab: &Lab, which: Vec<usize>) -> Vec<f64> {
    let devices = lab.devices();
    let told: Value = which
        .iter()
        .map(|n| devices[*n].summary())
        .map(|d| json!([d.address, d.api_port, d.name]))
        .collect();
    let python = std::env::var_os("TOD_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let work = move || {
        let mut command = Command::new(python);
        command.args(["-c", ASK, &told.to_string()]).output()
    };
    let output = tokio::task::spawn_blocking(work).await.unwrap().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the bytes that this process has in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
