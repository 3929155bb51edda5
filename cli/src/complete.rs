//! Completion of names at run time, from a file that commands leave behind. No network, no
//! keyring: a shell waits for this at every press of Tab.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap_complete::CompletionCandidate;
use serde::{Deserialize, Serialize};
use tod_client::profile::{Config, Paths};
use tod_client::store::private::{self, Others};
use tod_proto::api::devices::Device;
use tod_proto::selector::Field;

use crate::env::Env;

/// What is known of a context's fleet.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// Names of devices.
    pub devices: BTreeSet<String>,
    /// Where they stand.
    pub sites: BTreeSet<String>,
    /// Their labels.
    pub tags: BTreeSet<String>,
}

impl Inventory {
    /// What a complete list of devices says.
    pub fn of(devices: &[Device]) -> Self {
        Self {
            devices: devices.iter().map(|device| device.name.clone()).collect(),
            sites: devices
                .iter()
                .filter_map(|device| device.site.clone())
                .collect(),
            tags: devices
                .iter()
                .flat_map(|device| device.tags.clone())
                .collect(),
        }
    }

    /// Reads what was left behind.
    pub fn load(paths: &Paths, context: &str) -> Self {
        let bytes = private::read(&file(paths, context), Others::Nothing);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Leaves it behind. That it cannot be written only makes completion poorer.
    pub fn save(&self, paths: &Paths, context: &str) {
        if let Ok(bytes) = serde_json::to_vec(self) {
            drop(private::write(&file(paths, context), &bytes));
        }
    }
}

fn file(paths: &Paths, context: &str) -> PathBuf {
    paths
        .cache
        .join(Path::new(context).file_name().unwrap_or_default())
        .join("inventory.json")
}

/// Whether text can stand in a command line of any shell without quotes. What is not fit is not
/// offered: completion puts it there for the shell to run. `:` breaks words in bash.
fn is_inert(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.@%+,/=".contains(c);
    !text.is_empty() && text.chars().all(fine) && !text.starts_with('-')
}

fn here() -> Option<(Paths, Config, String)> {
    let env = Env::of_process();
    let paths = Paths::find(|name| env.os(name));
    let config = Config::load(&paths.config_file()).ok()?;
    let named = env.text("TODCTL_CONTEXT").map(str::to_owned);
    let context = named.or_else(|| config.current().map(str::to_owned))?;
    Some((paths, config, context))
}

fn inventory() -> Inventory {
    here().map_or_else(Inventory::default, |(paths, _, context)| {
        Inventory::load(&paths, &context)
    })
}

fn candidates(texts: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    texts
        .into_iter()
        .filter(|text| is_inert(text))
        .map(CompletionCandidate::new)
        .collect()
}

/// Names of devices.
pub fn devices() -> Vec<CompletionCandidate> {
    candidates(inventory().devices)
}

/// Names of contexts.
pub fn contexts() -> Vec<CompletionCandidate> {
    let contexts = here().and_then(|(_, config, _)| config.contexts().ok());
    candidates(contexts.unwrap_or_default().into_keys())
}

/// Terms of selectors: fields, sites, tags, and names of devices.
pub fn selectors() -> Vec<CompletionCandidate> {
    let inventory = inventory();
    let statuses = ["online", "degraded", "offline", "unknown"];
    let mut all: Vec<String> = statuses
        .iter()
        .map(|status| format!("status={status}"))
        .collect();
    all.extend(inventory.sites.iter().map(|site| format!("site={site}")));
    all.extend(inventory.tags.iter().map(|tag| format!("tag={tag}")));
    all.extend(
        Field::ALL
            .iter()
            .map(|field| format!("{}=", field.as_str())),
    );
    all.extend(inventory.devices);
    candidates(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_run_is_not_offered() {
        for evil in [
            "$(reboot)",
            "a b",
            "a;b",
            "`x`",
            "a\nb",
            "a'b",
            "-rf",
            "",
            "a:b",
            "é",
        ] {
            assert!(!is_inert(evil), "{evil:?}");
        }
        assert!(is_inert("ber-core-01.example/x"));
    }
}
