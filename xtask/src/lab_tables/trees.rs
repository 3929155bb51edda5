//! What `/console/inspect` told of whole command trees.

use serde_json::{Map, Value};

use super::{Menu, Menus};

/// Commands that follow from a menu's shape.
const USUAL: &[&str] = &[
    "add", "comment", "disable", "edit", "enable", "export", "find", "get", "move", "print",
    "remove", "reset", "set", "unset",
];

/// Arguments that name rows or places, and are no properties.
const PLACES: &[&str] = &[
    "numbers",
    "number",
    "copy-from",
    "place-before",
    "value-name",
    "from",
];

/// Packages by the paths that they bring.
const PACKAGES: &[(&str, &str)] = &[
    ("/caps-man", "wireless"),
    ("/interface/wireless", "wireless"),
    ("/interface/wifiwave2", "wifiwave2"),
    ("/container", "container"),
    ("/app", "container"),
    ("/interface/veth", "container"),
    ("/iot", "iot"),
    ("/lora", "iot"),
    ("/system/gps", "gps"),
    ("/user-manager", "user-manager"),
    ("/dude", "dude"),
    ("/tr069-client", "tr069-client"),
    ("/openflow", "openflow"),
    ("/tool/calea", "calea"),
    ("/interface/bridge/calea", "calea"),
    ("/ip/firewall/calea", "calea"),
    ("/zerotier", "zerotier"),
    ("/file/", "rose-storage"),
    ("/disk/", "rose-storage"),
    ("/rsync-daemon", "rose-storage"),
];

/// Returns the package that a menu takes beyond the usual ones.
pub(super) fn package(path: &str) -> Option<&'static str> {
    let found = PACKAGES.iter().find(|(prefix, _)| path.starts_with(prefix));
    found.map(|(_, package)| *package)
}

/// Adds what one tree says.
pub(super) fn learn(menus: &mut Menus, tree: &Value, at: usize, is_base: bool) {
    if let Some(tree) = tree.as_object() {
        walk(menus, tree, "", at, is_base);
    }
}

fn kind_of(value: &Value) -> Option<&str> {
    value.get("_type")?.as_str()
}

fn walk(menus: &mut Menus, tree: &Map<String, Value>, path: &str, at: usize, is_base: bool) {
    let commands = || tree.iter().filter(|(_, v)| kind_of(v) == Some("cmd"));
    if !path.is_empty() && commands().next().is_some() {
        let menu = menus.entry(path.to_owned()).or_default();
        if let Some(seen) = menu.places.trees.get_mut(at) {
            *seen = true;
        }
        if is_base {
            // Marked by the first pass over the bigger tree; what is here too takes no package.
            menu.extra = false;
        } else if !menu.places.trees.iter().take(at).any(|s| *s) {
            menu.extra = true;
        }
        let has = |verb: &str| tree.contains_key(verb);
        let before = menu.shape;
        menu.shape = match (has("add"), has("set"), has("find")) {
            (true, ..) => "list",
            (false, true, true) => "fixed",
            (false, true, false) => "single",
            (false, false, false) if has("get") => "live single",
            _ => "live",
        };
        if before == "single" && menu.shape == "list" {
            menu.single_until = super::RELEASES.get(at).map(|(_, name)| *name);
        }
        menu.is_ordered |= has("move");
        for (verb, arguments) in commands() {
            command(menu, verb, arguments, at);
        }
    }
    for (name, value) in tree {
        if let Some(below) = value.as_object()
            && matches!(kind_of(value), Some("dir" | "path"))
        {
            walk(menus, below, &format!("{path}/{name}"), at, is_base);
        }
    }
}

fn command(menu: &mut Menu, verb: &str, arguments: &Value, at: usize) {
    let Some(arguments) = arguments.as_object() else {
        return;
    };
    let arguments = arguments.iter().filter(|(_, v)| kind_of(v) == Some("arg"));
    if !USUAL.contains(&verb) {
        let names = arguments.map(|(name, _)| name.clone());
        menu.verbs.entry(verb.to_owned()).or_default().extend(names);
        return;
    }
    if !matches!(verb, "add" | "set") {
        return;
    }
    for (name, _) in arguments.filter(|(n, _)| !PLACES.contains(&n.as_str())) {
        let prop = menu.props.entry(name.clone()).or_default();
        if let Some(seen) = prop.places.trees.get_mut(at) {
            *seen = true;
        }
    }
}

/// Menus that version 6 does not have, with all that is below them.
const SINCE_7: &[&str] = &[
    "/certificate/builtin",
    "/disk/settings",
    "/interface/ethernet/switch/l3hw-settings",
    "/interface/macsec",
    "/interface/macvlan",
    "/interface/veth",
    "/interface/vxlan",
    "/interface/wifi",
    "/interface/wireguard",
    "/ip/dhcp-server/matcher",
    "/ip/dns/adlist",
    "/ip/dns/forwarders",
    "/ip/media",
    "/ip/nat-pmp",
    "/ip/reverse-proxy",
    "/ip/vrf",
    "/routing/bfd/configuration",
    "/routing/bfd/session",
    "/routing/bgp/connection",
    "/routing/bgp/evpn",
    "/routing/bgp/session",
    "/routing/bgp/template",
    "/routing/bgp/vpls",
    "/routing/bgp/vpn",
    "/routing/fantasy",
    "/routing/filter/",
    "/routing/gmp",
    "/routing/id",
    "/routing/isis",
    "/routing/nexthop",
    "/routing/ospf/interface-template",
    "/routing/ospf/static-neighbor",
    "/routing/pimsm",
    "/routing/rip/instance",
    "/routing/rip/interface-template",
    "/routing/route",
    "/routing/rpki",
    "/routing/rule",
    "/routing/settings",
    "/routing/stats",
    "/routing/table",
    "/safe-mode",
    "/system/device-mode",
    "/system/ntp/client/servers",
    "/system/ntp/key",
    "/task",
];

/// Where the manual names the version at which menus begin or end.
const GATES: &[(&str, (u16, u16))] = &[
    ("/interface/wifiwave2", (7, 13)),
    ("/interface/wifi", (7, 13)),
];

/// Turns what was marked as extra into packages, and keeps out of version 6 what it has not.
pub(super) fn note_packages(menus: &mut Menus) {
    for (path, menu) in menus.iter_mut() {
        let gate = GATES.iter().find(|(prefix, _)| path.starts_with(prefix));
        if let Some((_, gate)) = gate {
            menu.places.gate = Some(*gate);
            for prop in menu.props.values_mut() {
                prop.places.gate = Some(*gate);
            }
        }
        if SINCE_7.iter().any(|prefix| path.starts_with(prefix)) {
            menu.places.is_new = true;
        }
        menu.extra = menu.extra && package(path).is_some()
            || package(path) == Some("wireless")
            || package(path) == Some("wifiwave2");
    }
}
