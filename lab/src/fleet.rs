//! Fleets: which devices a lab has, generated from a seed or read from TOML.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::profile::{Board, Release};
use crate::seed::Seed;

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
    /// A real export to take as its configuration.
    #[serde(default)]
    pub export: Option<PathBuf>,
    /// How long it had been up when the lab was started, in seconds; seeded if absent.
    #[serde(default)]
    pub uptime_s: Option<u64>,
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
            export: None,
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

    /// Returns the stream of numbers that all its seeded properties come from.
    pub(crate) fn numbers(&self) -> Seed {
        Seed::new(self.seed).of(&self.name)
    }

    /// Returns its serial number.
    pub fn serial(&self) -> String {
        let n = self.numbers().of("serial");
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

/// What a generated device is for: word in its name, boards, releases.
struct Role {
    word: &'static str,
    boards: &'static [&'static str],
    releases: &'static [&'static str],
    /// Of ten devices of a site, how many.
    share: u32,
}

const ROLES: &[Role] = &[
    Role {
        word: "core",
        boards: &["CCR2004-16G-2S+"],
        releases: &["7.20.8", "7.18.2"],
        share: 1,
    },
    Role {
        word: "edge",
        boards: &["RB5009UG+S+", "RB4011iGS+"],
        releases: &["7.18.2", "7.20.8", "7.22.3", "7.15.3"],
        share: 2,
    },
    Role {
        word: "sw",
        boards: &["CRS328-24P-4S+"],
        releases: &["7.15.3", "7.12.1", "7.20.8"],
        share: 2,
    },
    Role {
        word: "ap",
        boards: &["hAP ac^2", "cAP ax"],
        releases: &["7.15.3", "7.20.8", "7.22.3"],
        share: 3,
    },
    Role {
        word: "cpe",
        boards: &["hEX", "hAP lite"],
        releases: &["6.49.18", "7.12.1", "6.49.18"],
        share: 2,
    },
];

/// Sites with the tenant they belong to.
const SITES: &[(&str, &str)] = &[
    ("ber", "acme"),
    ("ham", "acme"),
    ("muc", "nordlink"),
    ("nr", "nordlink"),
    ("fra", "acme"),
    ("kiel", "nordlink"),
];

impl Fleet {
    /// Makes a fleet of one.
    pub fn one(device: Spec) -> Self {
        Self {
            devices: vec![device],
        }
    }

    /// Makes `count` mixed devices at several sites of two tenants.
    pub fn generate(count: usize, seed: u64) -> Self {
        let per_site = count.div_ceil(SITES.len()).clamp(1, 250);
        let devices = (0..count).map(|n| generated(n, per_site, seed)).collect();
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

fn generated(n: usize, per_site: usize, seed: u64) -> Spec {
    let site_number = n / per_site;
    let (code, tenant) = SITES
        .get(site_number % SITES.len())
        .copied()
        .unwrap_or(("ber", "acme"));
    let round = site_number / SITES.len();
    let site = if round == 0 {
        code.to_owned()
    } else {
        format!("{code}{}", round + 1)
    };
    let within = n % per_site;
    let role = role_of(within);
    let number = (0..=within)
        .filter(|i| role_of(*i).word == role.word)
        .count();
    let name = format!("{site}-{}-{number:02}", role.word);
    let numbers = Seed::new(seed).of(&name);
    let byte = |n: usize| u8::try_from(n % 256).unwrap_or(0);
    let high = byte(site_number / 256);
    let address = Ipv4Addr::new(127, 20 + high, byte(site_number), byte(within + 1));
    let of = |list: &'static [&'static str], what| numbers.of(what).pick(list).copied();
    Spec {
        seed,
        site,
        tenant: tenant.to_owned(),
        version: of(role.releases, "release").unwrap_or("7.20.8").to_owned(),
        board: of(role.boards, "board").unwrap_or("hEX").to_owned(),
        ..Spec::new(&name, address)
    }
}

/// The first devices of a site are its core and its edges; then it repeats in shares of ten.
fn role_of(within: usize) -> &'static Role {
    let mut place = u32::try_from(within % 10).unwrap_or(0);
    for role in ROLES {
        if place < role.share {
            return role;
        }
        place -= role.share;
    }
    ROLES.first().unwrap_or(&FALLBACK)
}

static FALLBACK: Role = Role {
    word: "dev",
    boards: &["hEX"],
    releases: &["7.20.8"],
    share: 10,
};

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
