//! What somebody has configured on a device before the lab starts, by what it is for.

use crate::fleet::Setup;
use crate::profile::{Kit, Radio};
use crate::tree::Tree;

/// Configures a device for its purpose. The first port stays as it is: it is the uplink.
pub(super) fn set_up(tree: &mut Tree, kit: Kit<'_>, setup: Setup) {
    match setup {
        Setup::Bare => {}
        Setup::Core => core(tree),
        Setup::Edge => {
            bridge(tree, kit, "bridge-lan", 2);
            office(tree, "bridge-lan");
            firewall(tree);
        }
        Setup::Switch => bridge(tree, kit, "bridge", 2),
        Setup::AccessPoint => {
            bridge(tree, kit, "bridge", 2);
            radios(tree, kit, "tod-office", false);
        }
        Setup::Customer => {
            bridge(tree, kit, "bridge", 2);
            radios(tree, kit, "tod-sector-1", true);
            office(tree, "bridge");
        }
    }
}

fn core(tree: &mut Tree) {
    let loopback = [("name", "loopback"), ("comment", "router id")];
    tree.seed("/interface/bridge", &loopback, false);
    for (name, id) in [
        ("vlan-users", "10"),
        ("vlan-voice", "20"),
        ("vlan-servers", "30"),
    ] {
        let vlan = [("name", name), ("vlan-id", id), ("interface", "ether2")];
        tree.seed("/interface/vlan", &vlan, false);
        let address = format!("10.{id}.0.1/24");
        let network = format!("10.{id}.0.0");
        let address = [
            ("address", address.as_str()),
            ("network", network.as_str()),
            ("interface", name),
        ];
        tree.seed("/ip/address", &address, false);
    }
}

fn bridge(tree: &mut Tree, kit: Kit<'_>, name: &str, first: u32) {
    tree.seed(
        "/interface/bridge",
        &[("name", name), ("comment", "LAN")],
        false,
    );
    for n in first..=kit.board.ether {
        let port = format!("ether{n}");
        let port = [("bridge", name), ("interface", port.as_str())];
        tree.seed("/interface/bridge/port", &port, false);
    }
}

/// Gives addresses to whoever asks behind an interface, and hides them behind the uplink.
fn office(tree: &mut Tree, interface: &str) {
    let address = [
        ("address", "192.168.88.1/24"),
        ("network", "192.168.88.0"),
        ("interface", interface),
    ];
    tree.seed("/ip/address", &address, false);
    let pool = [
        ("name", "pool-lan"),
        ("ranges", "192.168.88.10-192.168.88.254"),
    ];
    tree.seed("/ip/pool", &pool, false);
    let server = [
        ("name", "dhcp-lan"),
        ("interface", interface),
        ("address-pool", "pool-lan"),
        ("disabled", "false"),
    ];
    tree.seed("/ip/dhcp-server", &server, false);
    let network = [
        ("address", "192.168.88.0/24"),
        ("gateway", "192.168.88.1"),
        ("dns-server", "192.168.88.1"),
    ];
    tree.seed("/ip/dhcp-server/network", &network, false);
    let nat = [
        ("chain", "srcnat"),
        ("action", "masquerade"),
        ("out-interface", "ether1"),
        ("comment", "internet"),
    ];
    tree.seed("/ip/firewall/nat", &nat, false);
}

fn firewall(tree: &mut Tree) {
    let rules: &[&[(&str, &str)]] = &[
        &[
            ("chain", "input"),
            ("action", "accept"),
            ("connection-state", "established,related"),
        ],
        &[
            ("chain", "input"),
            ("action", "accept"),
            ("src-address", "127.0.0.0/8"),
            ("comment", "management"),
        ],
        &[
            ("chain", "forward"),
            ("action", "accept"),
            ("connection-state", "established,related"),
        ],
        &[
            ("chain", "forward"),
            ("action", "drop"),
            ("connection-state", "invalid"),
        ],
    ];
    for rule in rules {
        tree.seed("/ip/firewall/filter", rule, false);
    }
}

/// Switches the radios on: as access points, or as stations of one.
fn radios(tree: &mut Tree, kit: Kit<'_>, ssid: &str, is_station: bool) {
    let (Radio::Legacy(count) | Radio::Modern(count)) = kit.board.radio else {
        return;
    };
    let ids: Vec<_> = [
        "/interface/wireless",
        "/interface/wifi",
        "/interface/wifiwave2",
    ]
    .into_iter()
    .flat_map(|path| tree.rows(path).iter().map(move |r| (path, r.id)))
    .collect();
    for (path, id) in ids.into_iter().take(usize::try_from(count).unwrap_or(0)) {
        let is_old = path == "/interface/wireless";
        let mode = match (is_old, is_station) {
            (_, true) => "station",
            (true, false) => "ap-bridge",
            (false, false) => "ap",
        };
        let (mode_key, ssid_key) = if is_old {
            ("mode", "ssid")
        } else {
            ("configuration.mode", "configuration.ssid")
        };
        if let Some(row) = tree.row_mut(path, id) {
            row.set(mode_key.into(), mode.to_owned());
            row.set(ssid_key.into(), ssid.to_owned());
            row.set("disabled".into(), "false".to_owned());
        }
    }
}
