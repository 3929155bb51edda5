//! Fleets: which devices a lab has, generated from a seed or read from TOML.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use tod_proto::lab::TimedFault;

use crate::profile::{Board, Release};
use crate::seed::Seed;
use crate::switches::Switches;

mod generate;

/// The account that generated devices have.
pub const USER: &str = "admin";

/// Its password.
pub const PASSWORD: &str = "lab";

/// The devices of a lab.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// One after the other.
    #[serde(rename = "device", default)]
    pub devices: Vec<Spec>,
}

/// What is known of a device before it is first touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name in the lab, and its identity in the beginning.
    pub name: String,
    /// Where it answers, in 127.0.0.0/8.
    pub address: Ipv4Addr,
    /// The RouterOS release.
    #[serde(default = "usual_version")]
    pub version: String,
    /// The board, by name or model.
    #[serde(default = "usual_board")]
    pub board: String,
    /// What its seeded properties are made of.
    #[serde(default)]
    pub seed: u64,
    /// The site it stands at.
    #[serde(default)]
    pub site: String,
    /// The tenant it belongs to.
    #[serde(default)]
    pub tenant: String,
    /// The account it has, with all rights.
    #[serde(default = "usual_user")]
    pub user: String,
    /// Its password.
    #[serde(default = "usual_password")]
    pub password: String,
    /// What `device-mode` does to schedulers.
    #[serde(default)]
    pub scheduler: SchedulerRule,
    /// The group of its account.
    #[serde(default = "usual_group")]
    pub group: String,
    /// The certificate of its API over TLS; with `none` it is anonymous, as on a new device.
    #[serde(default = "usual_certificate")]
    pub certificate: String,
    /// How it behaves where that is not known for certain.
    #[serde(default)]
    pub switches: Switches,
    /// The device and port that it is reached through, as `name:port`; none if it stands in the
    /// management network itself.
    #[serde(default)]
    pub via: String,
    /// What goes wrong with it, and when.
    #[serde(default)]
    pub faults: Vec<TimedFault>,
    /// A real export to take as its configuration.
    #[serde(default)]
    pub export: Option<PathBuf>,
    /// What it is for, and configured to do.
    #[serde(default)]
    pub setup: Setup,
    /// The packages it has, if not the usual ones of its board.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The disks that are plugged into it, by the slots they are in.
    #[serde(default)]
    pub disks: Vec<String>,
    /// How long it had been up when the lab was started, in seconds; seeded if absent.
    #[serde(default)]
    pub uptime_s: Option<u64>,
}

/// What a device has been configured for before the lab starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setup {
    /// Nothing but a way to reach it.
    #[default]
    Bare,
    /// Networks on VLANs.
    Core,
    /// An office behind it, with addresses, translation and a firewall.
    Edge,
    /// All ports on one bridge.
    Switch,
    /// Radios that serve stations.
    AccessPoint,
    /// A radio that is a station, and a home behind it.
    Customer,
}

/// What `device-mode` does to scheduler entries, which differs between releases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerRule {
    /// They run.
    #[default]
    Allowed,
    /// They can be added, are marked as inactivated, and never run.
    Inactivated,
    /// They cannot be added.
    Refused,
}

fn usual_version() -> String {
    "7.20.8".to_owned()
}

fn usual_board() -> String {
    "RB5009UG+S+".to_owned()
}

fn usual_user() -> String {
    USER.to_owned()
}

fn usual_password() -> String {
    PASSWORD.to_owned()
}

fn usual_group() -> String {
    "full".to_owned()
}

fn usual_certificate() -> String {
    "lab".to_owned()
}

impl Spec {
    /// Describes a device of the usual kind.
    pub fn new(name: &str, address: Ipv4Addr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            version: usual_version(),
            board: usual_board(),
            seed: 0,
            site: "ber".to_owned(),
            tenant: String::new(),
            user: usual_user(),
            password: usual_password(),
            scheduler: SchedulerRule::Allowed,
            group: usual_group(),
            certificate: usual_certificate(),
            switches: Switches::default(),
            via: String::new(),
            faults: Vec::new(),
            export: None,
            setup: Setup::Bare,
            packages: Vec::new(),
            disks: Vec::new(),
            uptime_s: None,
        }
    }

    /// Gives it another release.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Gives it another board.
    #[must_use]
    pub fn board(mut self, board: &str) -> Self {
        board.clone_into(&mut self.board);
        self
    }

    /// Lets `device-mode` rule over schedulers.
    #[must_use]
    pub fn scheduler(mut self, rule: SchedulerRule) -> Self {
        self.scheduler = rule;
        self
    }

    /// Loads a real export as its configuration.
    #[must_use]
    pub fn export(mut self, path: impl Into<PathBuf>) -> Self {
        self.export = Some(path.into());
        self
    }

    /// Installs packages, in place of those that its board usually has.
    #[must_use]
    pub fn packages(mut self, names: &[&str]) -> Self {
        self.packages = names.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    /// Returns the stream of numbers that all its seeded properties come from.
    pub(crate) fn numbers(&self) -> Seed {
        Seed::new(self.seed).of(&self.name)
    }

    /// Returns its serial number.
    pub fn serial(&self) -> String {
        self.serial_of(&self.name)
    }

    /// Returns the serial number of a device of this name, made from the same seed.
    pub(crate) fn serial_of(&self, name: &str) -> String {
        let n = Seed::new(self.seed).of(name).of("serial");
        format!("H{:010X}", n.below(0x100_0000_0000))
    }

    pub(crate) fn parts(&self) -> anyhow::Result<(Release, &'static Board)> {
        let release = Release::parse(&self.version)
            .with_context(|| format!("device {}: no such release: {}", self.name, self.version))?;
        let board = Board::find(&self.board)
            .with_context(|| format!("device {}: no such board: {}", self.name, self.board))?;
        ensure!(
            self.address.is_loopback(),
            "device {}: not in 127.0.0.0/8",
            self.name
        );
        Ok((release, board))
    }
}

impl Fleet {
    /// Makes a fleet of one.
    pub fn one(device: Spec) -> Self {
        Self {
            devices: vec![device],
        }
    }

    /// Makes `count` mixed devices at several sites of two tenants.
    pub fn generate(count: usize, seed: u64) -> Self {
        let per_site = generate::per_site(count);
        let devices = (0..count)
            .map(|n| generate::device(n, per_site, seed))
            .collect();
        Self { devices }
    }

    /// Reads a fleet from TOML.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let fleet: Self = toml::from_str(text).context("cannot read the fleet")?;
        fleet.check()?;
        Ok(fleet)
    }

    /// Checks that releases and boards are known, and names and addresses given once.
    pub fn check(&self) -> anyhow::Result<()> {
        let mut names = std::collections::BTreeSet::new();
        let mut addresses = std::collections::BTreeSet::new();
        for device in &self.devices {
            device.parts()?;
            ensure!(
                names.insert(&device.name),
                "two devices are called {}",
                device.name
            );
            ensure!(
                addresses.insert(device.address),
                "two devices are at {}",
                device.address
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_fleet_each_time() {
        let fleet = Fleet::generate(24, 7);

        assert_eq!(fleet, Fleet::generate(24, 7));
        assert_ne!(fleet, Fleet::generate(24, 8));
        fleet.check().unwrap();
        assert_eq!(fleet.devices[0].name, "ber-core-01");
    }

    #[test]
    fn ten_thousand_devices_have_their_own_names_and_addresses() {
        Fleet::generate(10_000, 1).check().unwrap();
        assert!(crate::BOARDS.len() > 5);
    }

    #[test]
    fn a_small_fleet_is_mixed() {
        let fleet = Fleet::generate(24, 1);
        let versions = |prefix| {
            let all = fleet.devices.iter().map(|d| d.version.as_str());
            let mine = all.filter(|v: &&str| v.starts_with(prefix));
            mine.collect::<std::collections::BTreeSet<_>>().len()
        };
        let boards: std::collections::BTreeSet<_> =
            fleet.devices.iter().map(|d| d.board.as_str()).collect();

        assert!(fleet.devices.iter().any(|d| d.version == "6.49.18"));
        assert!(versions("7.") >= 5);
        assert!(boards.len() >= 7, "{boards:?}");
        let modes: Vec<_> = fleet.devices.iter().map(|d| d.scheduler).collect();
        assert!(modes.contains(&SchedulerRule::Inactivated));
    }

    #[test]
    fn the_fleet_files_are_fleets() {
        let branch = Fleet::parse(include_str!("../fleets/branch.toml")).unwrap();

        assert_eq!(branch.devices.len(), 5);
        assert_eq!(branch.devices[2].scheduler, SchedulerRule::Inactivated);
    }

    #[test]
    fn a_fleet_survives_toml() {
        let fleet = Fleet::generate(3, 1);

        let text = toml::to_string(&fleet).unwrap();

        assert_eq!(Fleet::parse(&text).unwrap(), fleet);
    }
}
