//! Fidelity: clients that we did not write talk with devices of three releases.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tod_lab::{Fleet, Lab, Options, Spec};

mod forwarding;
pub(crate) mod openssh;
mod snmp;

/// What the tests need of `PyPI`, as `cargo xtask test` installs it.
const PACKAGES: &str = include_str!("../../../xtask/python.txt");

/// Returns a Python that has the packages: the one of `cargo xtask test`, or one beside it.
#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told where things are"
)]
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("TOD_TEST_PYTHON") {
        return python.into();
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("strangers");
    let python = home.join("bin/python3");
    let stamp = home.join("installed");
    std::fs::create_dir_all(&home).unwrap();
    // Tests are processes of their own, and one of them installs.
    let lock = std::fs::File::create(home.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if std::fs::read_to_string(&stamp).is_ok_and(|there| there == PACKAGES) {
        return python;
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&home));
    let pip = ["-m", "pip", "install", "-q"];
    run(Command::new(&python)
        .args(pip)
        .args(PACKAGES.split_whitespace()));
    std::fs::write(&stamp, PACKAGES).unwrap();
    python
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Starts a device of each release.
async fn lab(releases: &[(&str, &str)]) -> Lab {
    let devices = releases.iter().zip(1_u8..).map(|((release, board), n)| {
        Spec::new(&format!("r{n}"), std::net::Ipv4Addr::new(127, 20, 6, n))
            .version(release)
            .board(board)
    });
    let fleet = Fleet {
        devices: devices.collect(),
    };
    Lab::start(fleet, Options::default()).await.unwrap()
}

const RELEASES: &[(&str, &str)] = &[
    ("6.49.18", "hEX"),
    ("7.12.1", "hAP ac^2"),
    ("7.20.8", "RB5009UG+S+"),
];

/// Runs a program of a stranger's; returns what it said.
async fn stranger(script: &'static str, told: Value) -> String {
    let work = move || {
        let mut command = Command::new(python());
        command.args(["-c", script, &told.to_string()]);
        String::from_utf8(run(&mut command).stdout).unwrap()
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Returns what a program is told of each device.
fn told(lab: &Lab, of: impl Fn(&tod_lab::wire::Device) -> Value) -> Value {
    lab.devices().iter().map(|d| of(&d.summary())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn librouteros_reads_writes_listens_and_meets_refusals() {
    let lab = lab(&[RELEASES, &[("6.43.8", "hAP lite")]].concat()).await;
    let told = told(&lab, |d| {
        json!([d.version, d.address, d.api_port, d.api_ssl_port])
    });

    let said = stranger(include_str!("strangers/librouteros.py"), told).await;

    assert_eq!(
        said,
        "6.49.18 holds\n7.12.1 holds\n7.20.8 holds\n6.43.8 holds\n"
    );
    for device in lab.devices() {
        assert_eq!(device.rows("/user/active").len(), 0, "nobody is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn netmiko_finds_prompts_and_reads_what_commands_show() {
    let lab = lab(RELEASES).await;
    let told = told(&lab, |d| json!([d.version, d.address, d.ssh_port]));

    let said = stranger(include_str!("strangers/netmiko.py"), told).await;

    assert_eq!(said, "6.49.18 holds\n7.12.1 holds\n7.20.8 holds\n");
    for device in lab.devices() {
        let addresses = device.rows("/ip/address");
        assert!(
            addresses
                .iter()
                .any(|r| r.text("address").as_deref() == Some("10.1.2.3/24"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn librouteros_speaks_tls_without_a_certificate() {
    let mut fleet = Fleet::default();
    for ((release, board), n) in RELEASES.iter().zip(1_u8..) {
        let at = std::net::Ipv4Addr::new(127, 20, 6, n);
        fleet.devices.push(Spec {
            certificate: "none".to_owned(),
            ..Spec::new(&format!("r{n}"), at)
                .version(release)
                .board(board)
        });
    }
    let lab = Lab::start(fleet, Options::default()).await.unwrap();
    let told = told(&lab, |d| json!([d.version, d.address, d.api_ssl_port]));

    let said = stranger(include_str!("strangers/anonymous.py"), told).await;

    assert_eq!(said, "6.49.18 holds\n7.12.1 holds\n7.20.8 holds\n");
}
