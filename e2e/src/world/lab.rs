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
    let socket = dir.join("lab.sock");
    let mut command = Command::new(program("tod-lab")?);
    command.args(["serve", "--devices", &devices.to_string(), "--control"]);
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
