//! What a device is: RouterOS release, board, and what follows from the two.

use std::fmt;

mod boards;

use routeros::version::{Feature, Version};

use crate::schema::Menu;

pub use boards::BOARDS;

/// A RouterOS release, with what its number says about spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(Version);

impl Release {
    /// Parses `7.15.3`; anything else is nothing.
    pub fn parse(text: &str) -> Option<Self> {
        Version::parse(text).map(Self)
    }

    /// Returns the number.
    pub fn version(self) -> Version {
        self.0
    }

    /// Says whether this is at least `major.minor`.
    pub fn at_least(self, major: u16, minor: u16) -> bool {
        (self.0.major, self.0.minor) >= (major, minor)
    }

    /// Says whether a feature is there.
    pub fn has(self, feature: Feature) -> bool {
        self.0.has(feature)
    }

    /// Returns `7.15.3 (stable)`, the way `/system/resource` says it.
    pub fn with_channel(self) -> String {
        let is_long_term = match self.0.major {
            6 => self.0.minor >= 48,
            _ => (self.0.minor, self.0.patch) == (20, 8),
        };
        format!(
            "{} ({})",
            self.0,
            if is_long_term { "long-term" } else { "stable" }
        )
    }

    /// Returns what a device tells its neighbours of its release: later ones say when it was built.
    pub(crate) fn announced(self) -> String {
        if self.at_least(7, 13) {
            format!("{} {}", self.with_channel(), self.build_time())
        } else {
            self.with_channel()
        }
    }

    /// Returns the date it was built, in the spelling of its time.
    pub fn build_time(self) -> &'static str {
        match (self.0.major, self.0.minor) {
            (6, 0..=44) => "Dec/21/2018 07:12:58",
            (6, _) => "Feb/27/2025 15:55:14",
            (7, 0..=9) => "Mar/23/2022 13:50:03",
            (7, 10) => "Jun/15/2023 05:17:29",
            (7, 11..=12) => "Nov/17/2023 11:38:45",
            (7, 13..=17) => "2024-07-24 10:39:01",
            (7, 18..=19) => "2025-03-11 10:59:04",
            (7, 20) => "2026-01-29 10:01:05",
            (7, 21..=22) => "2026-04-15 08:31:52",
            _ => "2026-09-08 09:12:33",
        }
    }

    /// Says whether menus are spelled `/ip/address` on the console.
    pub(crate) fn has_slashes(self) -> bool {
        self.0.major >= 7
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The radios of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radio {
    /// It has none.
    None,
    /// So many of 802.11ac or older: the `wireless` driver.
    Legacy(u32),
    /// So many of 802.11ax: `wifiwave2` until 7.12, `wifi` since.
    Modern(u32),
}

/// A model, with what it has on it.
#[derive(Debug)]
pub struct Board {
    /// What `board-name` says.
    pub name: &'static str,
    /// What `/system/routerboard` calls `model`.
    pub model: &'static str,
    /// `architecture-name`.
    pub arch: &'static str,
    /// `cpu`.
    pub cpu: &'static str,
    /// Number of cores.
    pub cores: u32,
    /// Clock in MHz; 0 where the board does not say.
    pub mhz: u32,
    /// Memory in MiB.
    pub ram: u32,
    /// Storage in MiB.
    pub disk: u32,
    /// How many `etherN` it has.
    pub ether: u32,
    /// How many `sfp-sfpplusN` it has.
    pub sfp: u32,
    /// Its radios, and which driver they need.
    pub radio: Radio,
    /// Sensors of `/system/health`: name, usual value in tenths, unit.
    pub sensors: &'static [(&'static str, i32, &'static str)],
}

impl Board {
    /// Finds a board by `board-name` or model.
    pub fn find(name: &str) -> Option<&'static Self> {
        BOARDS.iter().find(|b| b.name == name || b.model == name)
    }

    /// Says whether it is made by MikroTik, so that it has `/system/routerboard`.
    pub fn is_routerboard(&self) -> bool {
        self.arch != "x86_64"
    }

    /// Says which packages it has with a release, until somebody installs others.
    pub(crate) fn packages(&self, release: Release) -> &'static [&'static str] {
        match (self.radio, release.at_least(7, 0), release.at_least(7, 13)) {
            (_, false, _) => BUNDLE,
            (Radio::Legacy(_), true, true) => &["routeros", "wireless"],
            (Radio::Modern(_), true, true) => &["routeros", "wifi-qcom"],
            (Radio::Modern(_), true, false) => &["routeros", "wifiwave2"],
            _ => &["routeros"],
        }
    }

    /// Says whether its makers think of homes, which decides over the first `device-mode`.
    pub(crate) fn is_for_homes(&self) -> bool {
        self.name.starts_with("hAP") || self.name.starts_with("hEX")
    }

    /// Says whether its ports give power to others.
    pub(crate) fn gives_power(&self) -> bool {
        let model = self.model;
        model.starts_with("CRS328-24P") || model.contains("UPr") || model == "RB962UiGS-5HacT2HnT"
    }

    /// Says whether its SFP ports are of the slow kind.
    pub(crate) fn has_slow_sfp(&self) -> bool {
        self.arch == "mipsbe" || self.model.starts_with("L009")
    }

    /// Says whether it goes by a name, or is of a class such as `serial`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let has_serial = || {
            let with = ["CRS", "CCR", "RB4011", "RB450", "L009"];
            !self.is_routerboard() || with.iter().any(|m| self.model.starts_with(m))
        };
        self.name == name || name == "serial" && has_serial()
    }

    /// Says whether its storage is a `flash` folder beside a RAM disk.
    pub(crate) fn has_flash_folder(&self) -> bool {
        self.disk <= 16
    }
}

/// What a bundle of version 6 is made of.
const BUNDLE: &[&str] = &[
    "system",
    "ipv6",
    "wireless",
    "hotspot",
    "mpls",
    "routing",
    "ppp",
    "dhcp",
    "security",
    "advanced-tools",
];

/// Menus that were not there without a package of version 6.
const EARLY: &[(&str, &str)] = &[
    ("/interface/l2tp", "ppp"),
    ("/interface/ovpn", "ppp"),
    ("/interface/ppp", "ppp"),
    ("/interface/pppoe", "ppp"),
    ("/interface/pptp", "ppp"),
    ("/interface/sstp", "ppp"),
    ("/ip/hotspot", "hotspot"),
    ("/ipv6", "ipv6"),
    ("/mpls", "mpls"),
    ("/ppp", "ppp"),
    ("/tool/user-manager", "user-manager"),
];

/// What decides over the menus of a device: release, board, and packages of its own choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kit<'a> {
    pub(crate) release: Release,
    pub(crate) board: &'static Board,
    pub(crate) chosen: &'a [String],
}

impl Kit<'_> {
    /// Says whether a package is installed, or part of what is.
    pub(crate) fn has_package(self, name: &str) -> bool {
        let has = |name: &str| {
            if self.chosen.is_empty() {
                self.board.packages(self.release).contains(&name)
            } else {
                self.chosen.iter().any(|p| p == name)
            }
        };
        match name {
            // Until 7.12 it is built in, and goes where its successor is installed.
            "wireless" if self.release.at_least(7, 0) && !self.release.at_least(7, 13) => {
                !has("wifiwave2")
            }
            "wifi-qcom" => has(name) || has("wifi-qcom-ac"),
            _ => has(name),
        }
    }

    /// Says whether release, board and packages bring a menu.
    pub(crate) fn offers(self, menu: &Menu) -> bool {
        menu.exists_in(self.release.version())
            && menu.board.is_none_or(|kind| match kind {
                "power" => self.board.gives_power(),
                _ => self.board.is_routerboard(),
            })
            && menu.package.is_none_or(|p| self.has_package(p))
            && (self.release.at_least(7, 0) || self.offered_early(&menu.path))
    }

    /// Says whether the packages that version 6 is made of bring a menu.
    fn offered_early(self, path: &str) -> bool {
        let brought = EARLY.iter().find(|(menu, _)| {
            let rest = path.strip_prefix(menu);
            rest.is_some_and(|r| r.is_empty() || r.starts_with(['/', '-']))
        });
        let is_too_small = self.board.arch == "smips" && path.starts_with("/ip/smb");
        !is_too_small && brought.is_none_or(|(_, package)| self.has_package(package))
    }
}
