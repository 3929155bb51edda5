//! Measures what an idle session with a device takes, over plain TCP and over TLS.
//!
//! A process of its own plays the devices, so that only our side is measured: the resident memory
//! after each session has signed in and polled once, by its slope. Kernel buffers are not counted.
//! Prints a line of JSON for each: `{"who":…,"bytes_per_session":…}`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    reason = "a measurement prints, and stops when it fails"
)]

mod device;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use secrecy::SecretString;
use tod_poller::collect;
use tod_poller::device::Contact;
use tod_poller::device::dial::{Deadlines, Dialler};
use tod_poller::device::link::Link;
use tod_poller::device::tls::Tls;
use tod_poller::startup::Zone;
use tod_proto::api::devices::TlsMode;
use tokio::sync::Semaphore;

/// Sessions before the first look, so that what is shared is there.
const WARM: usize = 100;
/// Sessions between two looks.
const SESSIONS: usize = 1000;

fn main() {
    if std::env::args().any(|word| word == "--device") {
        return device::run();
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--device")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut port = || lines.next().unwrap().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (who, tls, port) in [
        ("idle plain session", TlsMode::Plain, port()),
        ("idle TLS session", TlsMode::Auto, port()),
    ] {
        let bytes = runtime.block_on(slope(tls, port));
        println!("{{\"who\":\"{who}\",\"bytes_per_session\":{bytes}}}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn slope(tls: TlsMode, port: u16) -> usize {
    let dialler = Dialler {
        deadlines: Deadlines::default(),
        own: Vec::new(),
        tls: Tls::new(&[]),
        budget: Semaphore::new(256),
    };
    let contact = contact(tls, port);
    let mut links = Vec::with_capacity(WARM + SESSIONS);
    let mut before = 0;
    for at in 0..WARM + SESSIONS {
        if at == WARM {
            before = resident();
        }
        let mut link = Link::open(&dialler, &contact).await.unwrap();
        let answers = link.poll(&collect::commands()).await.unwrap();
        assert!(answers.iter().any(|answer| answer.rows.len() == 12));
        links.push(link);
    }
    resident().saturating_sub(before) / SESSIONS
}

fn contact(tls: TlsMode, port: u16) -> Contact {
    Contact {
        address: "127.0.0.1".to_owned(),
        port,
        zone: Arc::new(Zone {
            name: "bench".to_owned(),
            networks: vec!["127.0.0.0/8".parse().unwrap()],
        }),
        tls,
        tls_pin: None,
        ssh_port: 22,
        ssh_pin: None,
        username: "admin".to_owned(),
        password: SecretString::from(""),
        legacy_login: false,
    }
}

/// The bytes of memory that this process has.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
