//! Which devices play which part in the tour.

use super::Stage;
use crate::lab::{number, text};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// The parts, by device name.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Every device of the tenant.
    pub fleet: Vec<String>,
    /// Picks those that answer the command.
    pub selector: String,
    /// The devices that the selector picks.
    pub selected: Vec<String>,
    /// Gets a change that is kept.
    pub changed: String,
    /// Gets a change that cuts its path.
    pub cut: String,
    /// Gets a command over SSH.
    pub shell: String,
}

impl Cast {
    /// Chooses from what the lab has of the tenant: three different devices.
    pub(super) fn of(stage: &Stage) -> Result<Self> {
        let mut fleet: Vec<Value> = stage.lab.devices()?;
        fleet.retain(|device| text(device, "tenant") == stage.tenant);
        fleet.sort_by(|a, b| text(a, "name").cmp(text(b, "name")));
        let first = fleet
            .first()
            .context("the lab has no device of this tenant")?;
        let site = text(first, "site");
        let selected: Vec<_> = fleet
            .iter()
            .filter(|device| text(device, "site") == site)
            .map(name)
            .collect();
        // From 7.17 on a device may forbid schedulers, and then it refuses a guarded change.
        let guardable: Vec<_> = fleet
            .iter()
            .filter(|device| version(device) < (7, 17))
            .map(name)
            .collect();
        let all: Vec<_> = fleet.iter().map(name).collect();
        let mut parts = guardable.into_iter().rev().chain(all);
        let cut = parts.next().context("the tour needs three devices")?;
        let mut others = parts.filter(|name| *name != cut);
        let changed = others.next().context("the tour needs three devices")?;
        let shell = others
            .find(|name| *name != changed)
            .context("the tour needs three devices")?;
        let selector = format!("site={site}");
        let fleet = fleet.iter().map(name).collect();
        Ok(Self {
            fleet,
            selector,
            selected,
            changed,
            cut,
            shell,
        })
    }

    /// How often tod may have signed in to the API of a device: once for the session that polls,
    /// once more for each look over a new connection that a push takes, and once more after the
    /// device cut the session.
    pub(super) fn most_logins(&self, device: &str) -> u64 {
        if device == self.cut {
            3
        } else if device == self.changed {
            2
        } else {
            1
        }
    }
}

/// The first two numbers of its release.
fn version(device: &Value) -> (u32, u32) {
    let mut parts = text(device, "version")
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

fn name(device: &Value) -> String {
    text(device, "name").to_owned()
}

/// How often a device had to wait for its client: grows by one with each poll.
pub(super) fn turns(device: &Value) -> u64 {
    device
        .get("counts")
        .map_or(0, |counts| number(counts, "turns"))
}
