//! Fidelity: clients that we did not write talk with a device.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tod_lab::Device;

use crate::harness::{one, spec};

/// Returns a Python that has librouteros: the one of `cargo xtask test`, or one of our own.
#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told where things are"
)]
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("TOD_TEST_PYTHON") {
        return python.into();
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("librouteros");
    let python = home.join("bin/python3");
    let is_ready = |python: &Path| {
        python.exists()
            && Command::new(python)
                .args(["-c", "import librouteros"])
                .status()
                .unwrap()
                .success()
    };
    if !is_ready(&python) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&home));
        run(Command::new(&python).args(["-m", "pip", "install", "-q", "librouteros==4.0.1"]));
    }
    python
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

const LIBROUTEROS: &str = r#"
import sys, librouteros
from librouteros.exceptions import TrapError
api = librouteros.connect(host=sys.argv[1], port=int(sys.argv[2]), username="admin", password="lab")
names = [row["name"] for row in api.path("interface")]
assert names[:2] == ["ether1", "ether2"], names
new = api.path("ip", "address").add(address="10.1.2.3/24", interface="ether2")
rows = [r for r in api.path("ip", "address") if r[".id"] == new]
assert rows[0]["network"] == "10.1.2.0", rows
try:
    api.path("ip", "address").add(address="10.1.2.3/24", interface="nope")
    raise SystemExit("no trap")
except TrapError as error:
    assert "input does not match any value of interface" in str(error), error
api.path("ip", "address").remove(new)
print(len(names), "interfaces")
api.close()
"#;

const LIBROUTEROS_TLS: &str = r#"
import ssl, sys, librouteros
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
api = librouteros.connect(host=sys.argv[1], port=int(sys.argv[2]), username="admin",
    password="lab", ssl_wrapper=context.wrap_socket)
print([row["name"] for row in api.path("system", "identity")][0])
print(hash(ssl.get_server_certificate((sys.argv[1], int(sys.argv[2])))) != 0)
api.close()
"#;

async fn librouteros(script: &'static str, device: &Device, port: u16) -> String {
    let at = device.summary();
    let work = move || {
        let mut command = Command::new(python());
        command.args(["-c", script, &at.address.to_string(), &port.to_string()]);
        String::from_utf8(run(&mut command).stdout).unwrap()
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn librouteros_lists_adds_and_meets_a_trap() {
    let (_lab, device) = one(spec()).await;

    let said = librouteros(LIBROUTEROS, &device, device.summary().api_port).await;

    assert_eq!(said.trim(), "10 interfaces");
    assert_eq!(device.counts().logins, 1);
}

#[tokio::test]
async fn librouteros_speaks_tls_with_a_certificate_of_the_device() {
    let (_lab, device) = one(spec()).await;

    let said = librouteros(LIBROUTEROS_TLS, &device, device.summary().api_ssl_port).await;

    assert_eq!(said, "r1\nTrue\n");
}
