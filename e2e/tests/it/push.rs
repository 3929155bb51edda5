//! A change under way, whose end is held against the device.

use anyhow::{Result, ensure};
use serde_json::Value;
use tod_e2e::World;
use xtask::lab::text;

/// Adds one row to [`MENU`].
pub(crate) const SCRIPT: &str = "/ip firewall address-list add list=trusted address=198.51.100.7\n";
/// The menu that [`SCRIPT`] changes.
const MENU: &str = "/ip/firewall/address-list";

/// A change under way.
pub(crate) struct Push {
    pub(crate) device: String,
    pub(crate) number: String,
    /// What the device was.
    pub(crate) before: Value,
}

impl Push {
    /// One that waits to be confirmed: its timer is on the device.
    pub(crate) fn begin(world: &World, device: &str) -> Result<Self> {
        world.wait_until_online(device)?;
        let before = world.lab.tree(device)?;
        let done = world.apply(device, SCRIPT, "12s")?;
        ensure!(
            done.status.code() == Some(8),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let number = xtask::tour::newest_change(&world.stage()?, device)?;
        Ok(Self {
            device: device.to_owned(),
            number,
            before,
        })
    }

    /// Waits for the end and holds it against the device.
    pub(crate) fn ends_as_the_device(&self, world: &World, expected: &[&str]) -> Result<()> {
        let state = world.end_of(&self.number)?;
        let rows = world.lab.rows(&self.device, MENU)?;
        let has_row = rows
            .iter()
            .any(|row| text(row, "address") == "198.51.100.7");
        let truth = if has_row { "confirmed" } else { "reverted" };
        ensure!(
            state == truth,
            "{} is told to be `{state}`, the device is `{truth}`",
            self.number
        );
        ensure!(
            expected.contains(&state.as_str()),
            "it is `{state}`, not one of {expected:?}"
        );
        if truth == "reverted" {
            ensure!(
                world.lab.tree(&self.device)? == self.before,
                "something was left behind"
            );
        }
        for row in world.lab.rows(&self.device, "/system/scheduler")? {
            ensure!(
                !text(&row, "name").starts_with("tod-"),
                "left behind: {row}"
            );
        }
        Ok(())
    }
}
