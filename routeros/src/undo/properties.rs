//! Properties: which are configuration, which the device makes up, which menus are ordered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

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

/// Whether a property is configuration: it was given, and can be given again.
pub(super) fn is_setting(menu: &str, name: &str) -> bool {
    if name.is_empty() || name.starts_with('.') || is_listed(menu, name) {
        return false;
    }
    if SETTINGS.contains(&name) || (name == "owner" && menu == "/system/script") {
        return true;
    }
    !COMMON
        .iter()
        .any(|common| common.eq_ignore_ascii_case(name))
        && !COUNTERS.iter().any(|start| name.starts_with(start))
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
pub(super) fn settings<'r>(menu: &str, row: &'r Row) -> impl Iterator<Item = (&'r str, &'r [u8])> {
    row.iter()
        .filter(|(name, value)| !value.is_empty() && is_setting(menu, name))
}

/// Whether the device made the row by itself.
pub(super) fn is_dynamic(row: &Row) -> bool {
    row.flag("dynamic")
}

/// Whether the order of items matters.
pub(crate) fn is_ordered(menu: &str) -> bool {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| menu.ends_with(end));
    (menu.contains("/firewall/") && ends_in(&["/filter", "/nat", "/mangle", "/raw"]))
        || matches!(
            menu,
            "/queue/simple"
                | "/routing/filter/rule"
                | "/routing/filter"
                | "/routing/rule"
                | "/ip/route/rule"
                | "/interface/bridge/filter"
                | "/interface/bridge/nat"
                | "/interface/wireless/access-list"
                | "/interface/wifi/access-list"
                | "/caps-man/access-list"
                | "/ip/ipsec/policy"
                | "/ip/hotspot/walled-garden"
                | "/ip/proxy/access"
                | "/user-manager/router"
        )
}

/// Whether items have just the properties that they were given, so that one that lacks a property
/// can be told by that.
pub(super) fn is_sparse(menu: &str) -> bool {
    menu.contains("/firewall/") || menu.starts_with("/interface/bridge/")
}

/// Whether the menu's items are interfaces: `/interface`, `/interface/vlan` and the like.
pub(super) fn is_interface_menu(menu: &str) -> bool {
    let Some(rest) = menu.strip_prefix("/interface") else {
        return false;
    };
    let kind = rest.trim_start_matches('/');
    !kind.contains('/') && !matches!(kind, "list" | "detect-internet" | "dot1x" | "lte-apn")
}

/// A value in the one spelling that equal values share.
pub(super) fn canonical(value: &[u8]) -> Cow<'_, [u8]> {
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

/// A value as it will be read back, where the device completes what was written.
pub(super) fn completed(menu: &str, name: &str, value: &[u8]) -> Vec<u8> {
    let is_bare_address = menu == "/ip/address" && name == "address" && !value.contains(&b'/');
    if is_bare_address {
        return [value, b"/32"].concat();
    }
    value.to_vec()
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
