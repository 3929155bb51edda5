//! Order: the menus in which it means something.

/// Menus whose items can be moved because their order means something, but the rules of firewalls.
const ORDERED: &[&str] = &[
    "/caps-man/access-list",
    "/caps-man/provisioning",
    "/interface/bridge/filter",
    "/interface/bridge/nat",
    "/interface/wifi/access-list",
    "/interface/wifi/provisioning",
    "/interface/wireless/access-list",
    "/interface/wireless/connect-list",
    "/ip/dns/static",
    "/ip/hotspot/ip-binding",
    "/ip/hotspot/walled-garden",
    "/ip/hotspot/walled-garden/ip",
    "/ip/ipsec/policy",
    "/ip/proxy/access",
    "/ip/proxy/cache",
    "/ip/proxy/direct",
    "/ip/route/rule",
    "/ip/socks/access",
    "/ip/tftp",
    "/mpls/interface",
    "/mpls/ldp/accept-filter",
    "/mpls/ldp/advertise-filter",
    "/queue/simple",
    "/radius",
    "/routing/bfd/configuration",
    "/routing/filter",
    "/routing/filter/community-ext-list",
    "/routing/filter/community-large-list",
    "/routing/filter/community-list",
    "/routing/filter/num-list",
    "/routing/filter/rule",
    "/routing/filter/select-rule",
    "/routing/isis/interface-template",
    "/routing/ospf/interface-template",
    "/routing/pimsm/interface-template",
    "/routing/route/rule",
    "/routing/rule",
    "/user-manager/router",
];

/// Whether the order of items matters.
pub(crate) fn is_ordered(menu: &str) -> bool {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| menu.ends_with(end));
    (menu.contains("/firewall/") && ends_in(&["/filter", "/nat", "/mangle", "/raw"]))
        || ORDERED.contains(&menu)
}
