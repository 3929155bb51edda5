//! Terminals into devices.

use serde::{Deserialize, Serialize};

use super::values::Period;

/// Terminals into devices.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terminals {
    /// How long one may be silent.
    pub idle: Period,
    /// How many there may be at one poller.
    pub most: usize,
    /// How many a person may have open.
    pub per_person: u32,
    /// How many there may be into one device.
    pub per_device: usize,
}

impl Default for Terminals {
    fn default() -> Self {
        Self {
            idle: Period::seconds(15 * 60),
            most: 200,
            per_person: 32,
            per_device: 5,
        }
    }
}
