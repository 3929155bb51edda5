//! What a device is: RouterOS release, board, and what follows from the two.

use std::fmt;

use routeros::version::{Feature, Version};

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
        let is_long_term = self.0.major == 6 || (self.0.minor, self.0.patch) == (20, 8);
        format!(
            "{} ({})",
            self.0,
            if is_long_term { "long-term" } else { "stable" }
        )
    }

    /// Returns the date it was built, in the spelling of its time.
    pub fn build_time(self) -> &'static str {
        match (self.0.major, self.0.minor) {
            (6, _) => "Jun/14/2024 08:01:15",
            (7, 0..=12) => "Dec/20/2023 08:41:00",
            (7, 13..=17) => "2024-07-24 10:39:01",
            (7, 18..=19) => "2025-03-11 10:59:04",
            _ => "2026-02-03 09:12:33",
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
    /// How many radios.
    pub radios: u32,
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

    /// Says whether its storage is a `flash` folder beside a RAM disk.
    pub(crate) fn has_flash_folder(&self) -> bool {
        self.disk <= 16
    }
}

/// The boards the lab knows.
pub const BOARDS: &[Board] = &[
    Board {
        name: "CCR2004-16G-2S+",
        model: "CCR2004-16G-2S+",
        arch: "arm64",
        cpu: "ARM64",
        cores: 4,
        mhz: 0,
        ram: 4096,
        disk: 128,
        ether: 16,
        sfp: 2,
        radios: 0,
        sensors: &[
            ("temperature", 460, "C"),
            ("cpu-temperature", 580, "C"),
            ("fan1-speed", 60_900, "RPM"),
            ("psu1-state", 0, "ok"),
            ("psu2-state", 0, "fail"),
        ],
    },
    Board {
        name: "RB5009UG+S+",
        model: "RB5009UG+S+",
        arch: "arm64",
        cpu: "ARM64",
        cores: 4,
        mhz: 1400,
        ram: 1024,
        disk: 1024,
        ether: 8,
        sfp: 1,
        radios: 0,
        sensors: &[("cpu-temperature", 470, "C"), ("voltage", 240, "V")],
    },
    Board {
        name: "CRS328-24P-4S+",
        model: "CRS328-24P-4S+",
        arch: "arm",
        cpu: "ARM",
        cores: 1,
        mhz: 800,
        ram: 512,
        disk: 16,
        ether: 24,
        sfp: 4,
        radios: 0,
        sensors: &[
            ("temperature", 410, "C"),
            ("voltage", 241, "V"),
            ("fan1-speed", 41_000, "RPM"),
        ],
    },
    Board {
        name: "RB4011iGS+",
        model: "RB4011iGS+",
        arch: "arm",
        cpu: "ARM",
        cores: 4,
        mhz: 1400,
        ram: 1024,
        disk: 512,
        ether: 10,
        sfp: 1,
        radios: 0,
        sensors: &[("voltage", 242, "V"), ("temperature", 390, "C")],
    },
    Board {
        name: "hEX",
        model: "RB750Gr3",
        arch: "mmips",
        cpu: "MIPS 1004Kc V2.15",
        cores: 4,
        mhz: 880,
        ram: 256,
        disk: 16,
        ether: 5,
        sfp: 0,
        radios: 0,
        sensors: &[("voltage", 241, "V"), ("temperature", 380, "C")],
    },
    Board {
        name: "hAP ac^2",
        model: "RBD52G-5HacD2HnD",
        arch: "arm",
        cpu: "ARM",
        cores: 4,
        mhz: 716,
        ram: 128,
        disk: 16,
        ether: 5,
        sfp: 0,
        radios: 2,
        sensors: &[("voltage", 238, "V")],
    },
    Board {
        name: "cAP ax",
        model: "cAPGi-5HaxD2HaxD",
        arch: "arm64",
        cpu: "ARM64",
        cores: 4,
        mhz: 1800,
        ram: 1024,
        disk: 128,
        ether: 2,
        sfp: 0,
        radios: 2,
        sensors: &[("cpu-temperature", 520, "C")],
    },
    Board {
        name: "hAP lite",
        model: "RB941-2nD",
        arch: "smips",
        cpu: "MIPS 24Kc V7.4",
        cores: 1,
        mhz: 650,
        ram: 32,
        disk: 16,
        ether: 4,
        sfp: 0,
        radios: 1,
        sensors: &[],
    },
    Board {
        name: "CHR",
        model: "CHR",
        arch: "x86_64",
        cpu: "Intel(R)",
        cores: 2,
        mhz: 2400,
        ram: 1024,
        disk: 128,
        ether: 4,
        sfp: 0,
        radios: 0,
        sensors: &[],
    },
];
