//! What a person does first: enrols, and adds devices.

use super::{Daemon, program};
use anyhow::Result;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use xtask::lab::{Lab, number, text};
use xtask::process;
use xtask::tour::Todctl;

/// A client with folders of its own in `home` and no keyring.
pub(super) fn client(home: &Path) -> Result<Todctl> {
    client_with(home, "correct horse battery staple")
}

/// The same for somebody with this password.
pub(super) fn client_with(home: &Path, password: &str) -> Result<Todctl> {
    std::fs::create_dir_all(home)?;
    std::fs::write(home.join("passphrase"), "a passphrase of the tests\n")?;
    std::fs::write(home.join("password"), format!("{password}\n"))?;
    let dir = home.join("work");
    std::fs::create_dir_all(&dir)?;
    let variables = [
        ("HOME", home.to_owned()),
        ("TODCTL_CONFIG_DIR", home.join("config")),
        ("TODCTL_STATE_DIR", home.join("state")),
        ("TODCTL_CACHE_DIR", home.join("cache")),
        ("TODCTL_STORE_PASSPHRASE_FILE", home.join("passphrase")),
    ];
    let variables = variables.map(|(name, path)| (name.to_owned(), path.display().to_string()));
    Ok(Todctl {
        path: program("todctl")?,
        dir,
        variables: variables.to_vec(),
    })
}

/// The first administrator of a new server.
pub(super) fn enrol(
    todctl: &Todctl,
    (url, store): (&str, &str),
    server: &Daemon,
    dir: &Path,
) -> Result<()> {
    let home = dir.join("client");
    let mut setup = todctl.command(&["setup", "--server", url, "--store", store]);
    setup.args([
        "--trust-server",
        server.fingerprint(),
        "--tenant",
        super::lab::TENANT,
    ]);
    setup
        .args(["--email", "ana@example.org", "--password-file"])
        .arg(home.join("password"));
    setup
        .arg("--token-file")
        .arg(server.data().join("setup-token"));
    setup.arg("--kit").arg(home.join("kit.txt"));
    process::output(&mut setup)?;
    Ok(())
}

/// Every device that the lab has of our tenant.
pub(super) fn add_fleet(todctl: &Todctl, lab: &Lab, dir: &Path) -> Result<()> {
    let devices = lab.devices()?;
    for device in devices
        .iter()
        .filter(|device| text(device, "tenant") == super::lab::TENANT)
    {
        process::output(&mut add(todctl, device, dir)?)?;
    }
    Ok(())
}

/// The command that adds a device of the lab.
fn add(todctl: &Todctl, device: &Value, dir: &Path) -> Result<Command> {
    let password = dir.join("client/device-password");
    std::fs::write(&password, text(device, "password"))?;
    let mut add = todctl.command(&["device", "add", text(device, "address")]);
    add.args([
        "--name",
        text(device, "name"),
        "--username",
        text(device, "user"),
    ]);
    add.args([
        "--port",
        &number(device, "api_port").to_string(),
        "--tls",
        "plain",
    ]);
    add.args(["--ssh-port", &number(device, "ssh_port").to_string()]);
    add.args(["--site", text(device, "site"), "--poll-seconds", "5"]);
    add.arg("--password-file").arg(password);
    Ok(add)
}
