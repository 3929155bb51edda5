//! Starts `tod-lab` with a fleet of its own.

use super::program;
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use xtask::guarded::Guarded;
use xtask::lab::Lab;

/// Whose devices we manage; the lab has others besides.
pub(super) const TENANT: &str = "acme";

/// Starts a lab of `devices` on free ports; ends with the returned process.
pub(super) fn start(dir: &Path, devices: u32) -> Result<(Guarded, Lab)> {
    serve(dir, &["--devices", &devices.to_string()])
}

/// Starts a lab of two devices whose password is theirs alone.
pub(super) fn start_with_password(dir: &Path, password: &str) -> Result<(Guarded, Lab)> {
    let device = |n: u32| {
        format!(
            "[[device]]\nname = \"ber-core-0{n}\"\naddress = \"127.0.77.{n}\"\n\
             tenant = \"{TENANT}\"\npassword = '{password}'\n"
        )
    };
    let fleet = dir.join("fleet.toml");
    std::fs::write(&fleet, device(1) + &device(2))?;
    serve(dir, &["--fleet", &fleet.display().to_string()])
}

fn serve(dir: &Path, devices: &[&str]) -> Result<(Guarded, Lab)> {
    let socket = dir.join("lab.sock");
    let mut command = Command::new(program("tod-lab")?);
    command.arg("serve").args(devices).arg("--control");
    command.arg(&socket);
    // Any ports: other labs may run on this machine.
    for door in ["api", "api-ssl", "ssh", "snmp", "telnet"] {
        command.args([&format!("--{door}-port"), "0"]);
    }
    let mut process = Guarded::spawn(&command, &dir.join("lab.log"))?;
    let lab = Lab::at(&socket);
    let up = || Ok(lab.devices().is_ok().then_some(()));
    process.wait_until("answering", Duration::from_secs(30), up)?;
    Ok((process, lab))
}
