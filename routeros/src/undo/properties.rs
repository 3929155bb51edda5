//! Properties: which are configuration, which the device makes up, which menus are ordered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

pub(crate) use super::order::is_ordered;
use crate::row::Row;
use crate::value::{Value as _, format_duration};

/// Read-only properties by menu, from the command trees of versions 7.10 to 7.24: what can be read
/// and can neither be added nor set.
const READ_ONLY: &str = include_str!("read_only.txt");

/// Read-only properties of many menus, and of versions that the list does not cover.
const COMMON: &[&str] = &[
    "about",
    "active",
    "actual-interface",
    "actual-mtu",
    "age",
    "builtin",
    "bytes",
    "connect",
    "creation-time",
    "default",
    "default-name",
    "dynamic",
    "expired",
    "expires-after",
    "gateway-status",
    "hw-offloaded",
    "immediate-gw",
    "inactive",
    "invalid",
    "last-modified",
    "last-seen",
    "link-downs",
    "loop-protect-status",
    "next-run",
    "owner",
    "packets",
    "reachable",
    "run-count",
    "running",
    "slave",
    "static",
    "status",
    "unreachable",
    "uptime",
];

/// Beginnings of the names of counters and of states.
const COUNTERS: &[&str] = &[
    "rx-",
    "tx-",
    "fp-",
    "driver-",
    "fc-fec",
    "rs-fec",
    "total-",
    "active-",
    "current-",
    "last-",
    "reconfigure-",
    "queued-",
    "policy-drop",
];

/// Settings whose names begin like those of counters.
const SETTINGS: &[&str] = &[
    "active-flow-timeout",
    "active-mode",
    "last-forwarded",
    "last-member-interval",
    "last-member-query-count",
    "rx-band",
    "rx-chains",
    "rx-channel-width",
    "rx-flow-control",
    "rx-frequency",
    "rx-radio",
    "total-bucket-size",
    "total-burst-limit",
    "total-burst-threshold",
    "total-burst-time",
    "total-limit-at",
    "total-max-limit",
    "total-priority",
    "total-queue",
    "tx-band",
    "tx-chains",
    "tx-channel-width",
    "tx-enabled",
    "tx-flow-control",
    "tx-frequency",
    "tx-power",
    "tx-power-mode",
    "tx-radio",
    "tx-template",
];

/// Settings whose names mean something else in other menus.
const SETTINGS_OF: &[(&str, &str)] = &[
    ("/ip/traffic-flow/ipfix", "bytes"),
    ("/ip/traffic-flow/ipfix", "packets"),
    ("/snmp", "engine-id"),
    ("/system/script", "owner"),
    ("/tool/user-manager/profile", "owner"),
    ("/tool/user-manager/profile/limitation", "owner"),
    ("/tool/user-manager/user", "last-name"),
];

/// Whether a property is configuration: it was given, and can be given again.
pub(crate) fn is_setting(menu: &str, name: &str) -> bool {
    if name.is_empty() || name.starts_with('.') || is_clock(menu, name) {
        return false;
    }
    if SETTINGS_OF.contains(&(menu, name)) {
        return true;
    }
    if is_listed(menu, name) {
        return false;
    }
    if SETTINGS.contains(&name) {
        return true;
    }
    !COMMON
        .iter()
        .any(|common| common.eq_ignore_ascii_case(name))
        && !COUNTERS.iter().any(|start| name.starts_with(start))
}

/// Whether a property can be set, but changes by itself ever after.
pub(crate) fn is_clock(menu: &str, name: &str) -> bool {
    menu == "/system/clock" && matches!(name, "date" | "time")
}

fn is_listed(menu: &str, name: &str) -> bool {
    static LISTED: LazyLock<BTreeMap<&str, Vec<&str>>> = LazyLock::new(|| {
        let lines = READ_ONLY.lines().filter_map(|line| line.split_once(": "));
        lines
            .map(|(menu, names)| (menu, names.split(' ').collect()))
            .collect()
    });
    let names = LISTED.get(menu);
    names.is_some_and(|names| names.iter().any(|listed| listed.eq_ignore_ascii_case(name)))
}

/// The settings of a row that have a value.
pub(crate) fn settings<'r>(menu: &str, row: &'r Row) -> impl Iterator<Item = (&'r str, &'r [u8])> {
    row.iter()
        .filter(|(name, value)| !value.is_empty() && is_setting(menu, name))
}

/// Whether the device made the row by itself.
pub(crate) fn is_dynamic(row: &Row) -> bool {
    row.flag("dynamic")
}

/// Matchers of rules: a rule that was not given one does not get one from the device.
const MATCHERS: &[&str] = &[
    "connection-mark",
    "connection-nat-state",
    "connection-state",
    "connection-type",
    "content",
    "dscp",
    "dst-address",
    "dst-address-list",
    "dst-address-type",
    "dst-mac-address",
    "dst-port",
    "icmp-options",
    "in-bridge",
    "in-interface",
    "in-interface-list",
    "ipsec-policy",
    "jump-target",
    "layer7-protocol",
    "limit",
    "mac-protocol",
    "out-bridge",
    "out-interface",
    "out-interface-list",
    "packet-mark",
    "packet-size",
    "port",
    "protocol",
    "routing-mark",
    "src-address",
    "src-address-list",
    "src-address-type",
    "src-mac-address",
    "src-port",
    "tcp-flags",
    "time",
    "tls-host",
];

/// Whether an item that was not given a property is certain not to have it.
pub(crate) fn may_be_absent(menu: &str, name: &str) -> bool {
    let has_rules = menu.contains("/firewall/") || menu.starts_with("/interface/bridge/");
    name == "comment" || (has_rules && MATCHERS.contains(&name))
}

/// Whether the menu's items are interfaces: `/interface`, `/interface/vlan` and the like.
pub(crate) fn is_interface_menu(menu: &str) -> bool {
    let Some(rest) = menu.strip_prefix("/interface") else {
        return false;
    };
    let kind = rest.trim_start_matches('/');
    (rest.is_empty() || rest.starts_with('/'))
        && !kind.contains('/')
        && !matches!(kind, "list" | "detect-internet" | "dot1x" | "lte-apn")
}

/// A value in the one spelling that equal values share.
pub(crate) fn canonical(value: &[u8]) -> Cow<'_, [u8]> {
    if let Some(is_true) = bool::parse(value) {
        return Cow::Borrowed(if is_true { b"true" } else { b"false" });
    }
    let may_be_time = value.first().is_some_and(u8::is_ascii_digit)
        && value.iter().any(|b| b.is_ascii_alphabetic() || *b == b':');
    match Duration::parse(value).filter(|_| may_be_time) {
        Some(time) => Cow::Owned(format_duration(time).into_bytes()),
        None => Cow::Borrowed(value),
    }
}

/// A value as it will be read back, where the device rewrites what was written: addresses are
/// completed or cut to their network, hardware addresses become capitals.
pub(crate) fn completed(menu: &str, name: &str, value: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(value) else {
        return value.to_vec();
    };
    if is_hardware_address(text) {
        return text.to_ascii_uppercase().into_bytes();
    }
    let is_own = menu.ends_with("/address") && name == "address";
    let is_route = menu.ends_with("/route") && name == "dst-address";
    let is_matcher = matches!(name, "address" | "src-address" | "dst-address");
    let (bare, length) = text.split_once('/').unwrap_or((text, ""));
    match bare.parse() {
        Ok(IpAddr::V4(address)) if is_own || is_route || is_matcher => {
            let length = if length.is_empty() {
                Some(32)
            } else {
                length.parse().ok()
            };
            let Some(length) = length.filter(|&length: &u32| length <= 32) else {
                return value.to_vec();
            };
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let network = Ipv4Addr::from_bits(address.to_bits() & mask);
            match length {
                _ if is_own => format!("{address}/{length}"),
                32 if !is_route => address.to_string(),
                _ => format!("{network}/{length}"),
            }
            .into_bytes()
        }
        Ok(IpAddr::V6(address)) => {
            let slash = if length.is_empty() { "" } else { "/" };
            format!("{address}{slash}{length}").into_bytes()
        }
        _ => value.to_vec(),
    }
}

fn is_hardware_address(text: &str) -> bool {
    let mut pairs = text.split(':');
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    text.len() == 17 && pairs.all(is_pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_make_up_is_not_configuration() {
        for (menu, name) in [
            ("/ip/address", ".id"),
            ("/ip/address", "actual-interface"),
            ("/ip/firewall/filter", "bytes"),
            ("/interface", "rx-byte"),
            ("/interface/vlan", "mac-address"),
            ("/ip/arp", "DHCP"),
            ("/ip/dhcp-server/lease", "host-name"),
            ("/system/scheduler", "owner"),
            ("/ip/route", "gateway-status"),
        ] {
            assert!(!is_setting(menu, name), "{menu} {name}");
        }
        for (menu, name) in [
            ("/ip/address", "address"),
            ("/ip/address", "network"),
            ("/interface/ethernet", "tx-flow-control"),
            ("/interface/ethernet", "mac-address"),
            ("/queue/simple", "total-max-limit"),
            ("/system/script", "owner"),
            ("/ip/route", "gateway"),
        ] {
            assert!(is_setting(menu, name), "{menu} {name}");
        }
    }

    #[test]
    fn values_are_completed_as_devices_do() {
        for (menu, name, written, read) in [
            ("/ip/address", "address", "10.0.0.1", "10.0.0.1/32"),
            ("/ip/address", "address", "10.0.0.1/24", "10.0.0.1/24"),
            ("/ip/route", "dst-address", "10.1.2.3/8", "10.0.0.0/8"),
            ("/ip/route", "dst-address", "10.1.2.3", "10.1.2.3/32"),
            ("/ip/route", "dst-address", "10.1.2.3/0", "0.0.0.0/0"),
            (
                "/ip/firewall/filter",
                "src-address",
                "10.1.2.3/32",
                "10.1.2.3",
            ),
            (
                "/ip/firewall/filter",
                "src-address",
                "!10.1.2.3",
                "!10.1.2.3",
            ),
            (
                "/ip/firewall/address-list",
                "address",
                "10.1.2.3/33",
                "10.1.2.3/33",
            ),
            (
                "/ip/firewall/address-list",
                "address",
                "a.example",
                "a.example",
            ),
            (
                "/ipv6/route",
                "dst-address",
                "2001:DB8:0::/32",
                "2001:db8::/32",
            ),
            (
                "/ip/arp",
                "mac-address",
                "aa:bb:cc:00:00:01",
                "AA:BB:CC:00:00:01",
            ),
            ("/ip/dns/static", "name", "10.0.0.1", "10.0.0.1"),
        ] {
            let completed = completed(menu, name, written.as_bytes());
            assert_eq!(
                String::from_utf8(completed).unwrap(),
                read,
                "{menu} {name} {written}"
            );
        }
    }

    #[test]
    fn interface_menus_are_told_from_their_submenus() {
        for menu in ["/interface", "/interface/vlan", "/interface/wireguard"] {
            assert!(is_interface_menu(menu), "{menu}");
        }
        for menu in [
            "/interface/list",
            "/interface/bridge/port",
            "/ip/address",
            "/interface/list/member",
        ] {
            assert!(!is_interface_menu(menu), "{menu}");
        }
    }
}
