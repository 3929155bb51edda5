//! Mixed fleets: sites with a core, edges, switches, access points and customers' routers.

use std::net::Ipv4Addr;

use super::{SchedulerRule, Setup, Spec};
use crate::seed::Seed;

/// What a generated device is for.
struct Role {
    /// The word in its name.
    word: &'static str,
    setup: Setup,
    /// Boards with a release each, taken in turn.
    kinds: &'static [(&'static str, &'static str)],
}

const CORE: &Role = &Role {
    word: "core",
    setup: Setup::Core,
    kinds: &[
        ("CCR2004-16G-2S+", "7.20.8"),
        ("CCR2004-16G-2S+", "7.18.2"),
        ("CCR2004-1G-12S+2XS", "7.22.3"),
        ("CHR", "7.24"),
    ],
};

const EDGE: &Role = &Role {
    word: "edge",
    setup: Setup::Edge,
    kinds: &[
        ("RB5009UG+S+", "7.20.8"),
        ("RB4011iGS+", "7.12.1"),
        ("RB5009UG+S+", "7.24"),
        ("CHR", "7.22.3"),
        ("RB5009UPr+S+", "7.15.3"),
        ("RB4011iGS+", "7.10"),
        ("hEX", "7.18.2"),
    ],
};

const SWITCH: &Role = &Role {
    word: "sw",
    setup: Setup::Switch,
    kinds: &[
        ("CRS328-24P-4S+", "7.15.3"),
        ("CRS328-24P-4S+", "7.1.5"),
        ("CRS328-24P-4S+", "7.20.8"),
        ("CRS328-24P-4S+", "6.49.18"),
    ],
};

const ACCESS_POINT: &Role = &Role {
    word: "ap",
    setup: Setup::AccessPoint,
    kinds: &[
        ("hAP ax^2", "7.18.2"),
        ("wAP ac", "7.15.3"),
        ("cAP ax", "7.20.8"),
        ("hAP ac^2", "7.12.1"),
        ("hAP ax^2", "7.22.3"),
        ("wAP ac", "7.1.5"),
        ("hAP ax^2", "7.10"),
        ("hAP lite", "6.49.18"),
    ],
};

const CUSTOMER: &Role = &Role {
    word: "cpe",
    setup: Setup::Customer,
    kinds: &[
        ("SXTsq Lite5", "6.49.18"),
        ("LHG 5", "6.49.18"),
        ("hAP lite", "6.49.18"),
        ("SXTsq 5 ac", "6.43.8"),
        ("hAP lite", "7.12.1"),
    ],
};

/// The devices of a site, ten by ten; every other site begins with a switch.
const PATTERNS: [[&Role; 10]; 2] = [
    [
        CORE,
        EDGE,
        CUSTOMER,
        ACCESS_POINT,
        SWITCH,
        ACCESS_POINT,
        EDGE,
        CUSTOMER,
        ACCESS_POINT,
        SWITCH,
    ],
    [
        CORE,
        EDGE,
        SWITCH,
        ACCESS_POINT,
        CUSTOMER,
        ACCESS_POINT,
        EDGE,
        SWITCH,
        ACCESS_POINT,
        CUSTOMER,
    ],
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

/// Says how many devices of a fleet stand at each site.
pub(super) fn per_site(count: usize) -> usize {
    count.div_ceil(SITES.len()).clamp(1, 250)
}

/// Makes the device of a number.
pub(super) fn device(n: usize, per_site: usize, seed: u64) -> Spec {
    let place = n / per_site;
    let (code, tenant) = SITES
        .get(place % SITES.len())
        .copied()
        .unwrap_or(("ber", "acme"));
    let round = place / SITES.len();
    let site = if round == 0 {
        code.to_owned()
    } else {
        format!("{code}{}", round + 1)
    };
    let within = n % per_site;
    let role = role_of(place, within);
    let number = (0..=within)
        .filter(|i| role_of(place, *i).word == role.word)
        .count();
    let name = format!("{site}-{}-{number:02}", role.word);
    let turn = place + number - 1;
    let (board, version) = role
        .kinds
        .get(turn % role.kinds.len())
        .copied()
        .unwrap_or(("hEX", "7.20.8"));
    let byte = |n: usize| u8::try_from(n % 256).unwrap_or(0);
    let high = byte(place / 256);
    let address = Ipv4Addr::new(127, 20 + high, byte(place), byte(within + 1));
    // Of the boards for homes, some have never been unlocked.
    let is_locked = board == "hAP ax^2" && Seed::new(seed).of(&name).of("mode").below(3) > 0;
    let rule = if is_locked && version != "7.10" {
        SchedulerRule::Inactivated
    } else {
        SchedulerRule::Allowed
    };
    Spec {
        seed,
        setup: role.setup,
        site,
        tenant: tenant.to_owned(),
        ..Spec::new(&name, address)
            .version(version)
            .board(board)
            .scheduler(rule)
    }
}

fn role_of(place: usize, within: usize) -> &'static Role {
    let pattern = PATTERNS.get(place % 2);
    let role = pattern.and_then(|p| p.get(within % 10));
    role.copied().unwrap_or(CORE)
}
