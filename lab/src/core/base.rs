//! What all devices of a kind have before anybody configures them, made once and shared.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use super::Ports;
use super::setup::set_up;
use crate::fleet::{Setup, Spec};
use crate::lock;
use crate::profile::{Kit, Radio};
use crate::schema::{Builtin, Menu, SCHEMA};
use crate::tree::{Base, Change, Row, Tree};

/// A release, a model, packages, disks, the doors' ports, a certificate and a purpose.
type Kind = (String, &'static str, [Vec<String>; 2], Ports, String, Setup);

/// The kinds that there have been.
static KINDS: LazyLock<Mutex<BTreeMap<Kind, Arc<Base>>>> = LazyLock::new(Mutex::default);

/// Returns what devices of a kind have in common.
pub(super) fn of(kit: Kit<'_>, ports: Ports, spec: &Spec) -> Arc<Base> {
    let (certificate, setup) = (&spec.certificate, spec.setup);
    let kind = (
        kit.release.to_string(),
        kit.board.model,
        [kit.chosen.to_vec(), spec.disks.clone()],
        ports,
        certificate.clone(),
        setup,
    );
    let mut kinds = lock(&KINDS);
    let base = kinds.entry(kind).or_insert_with(|| {
        let mut tree = Tree::default();
        interfaces(&mut tree, kit);
        services(&mut tree, kit, ports, certificate);
        groups(&mut tree, kit);
        for menu in SCHEMA.menus.iter().filter(|m| kit.offers(m)) {
            for row in &menu.builtin {
                builtin(&mut tree, menu, row, kit);
            }
        }
        for slot in &spec.disks {
            let disk = [("slot", slot.as_str()), ("type", "hardware")];
            tree.seed("/disk", &disk, true);
        }
        set_up(&mut tree, kit, setup);
        Arc::new(tree.into_base())
    });
    Arc::clone(base)
}

fn builtin(tree: &mut Tree, menu: &Menu, row: &Builtin, kit: Kit<'_>) {
    let is_here = row.board.is_none_or(|board| kit.board.is_called(board));
    if !is_here || !row.exists_in(kit.release.version()) {
        return;
    }
    let props: Vec<(&str, &str)> = row.props.iter().map(|(k, v)| (&**k, *v)).collect();
    let Some(id) = row.id else {
        tree.seed(&menu.path, &props, true);
        return;
    };
    let owned = row.props.iter();
    let row = Row {
        id,
        props: owned
            .map(|(k, v)| (Arc::clone(k), (*v).to_owned()))
            .collect(),
        is_builtin: true,
        ..Row::default()
    };
    let path = Arc::clone(&menu.path);
    let at = usize::MAX;
    tree.apply(Change::Insert { path, at, row });
}

fn interfaces(tree: &mut Tree, kit: Kit<'_>) {
    let ethernet = "/interface/ethernet";
    for n in 1..=kit.board.ether {
        let id = port(tree, ethernet, &format!("ether{n}"));
        // The first port of such a board takes power, it does not give any.
        if kit.board.gives_power()
            && n > 1
            && let Some(row) = tree.row_mut(ethernet, id)
        {
            row.set("poe-out".into(), "auto-on".to_owned());
        }
    }
    for n in 1..=kit.board.sfp {
        let word = if kit.board.has_slow_sfp() {
            "sfp"
        } else {
            "sfp-sfpplus"
        };
        port(tree, ethernet, &format!("{word}{n}"));
    }
    let (menu, word, radios) = match kit.board.radio {
        Radio::Modern(n) if kit.has_package("wifiwave2") => ("/interface/wifiwave2", "wifi", n),
        Radio::Modern(n) | Radio::Legacy(n) if kit.has_package("wifi-qcom") => {
            ("/interface/wifi", "wifi", n)
        }
        Radio::Legacy(n) if kit.has_package("wireless") => ("/interface/wireless", "wlan", n),
        _ => ("", "", 0),
    };
    for n in 1..=radios {
        port(tree, menu, &format!("{word}{n}"));
    }
    if kit.release.at_least(7, 14) {
        tree.seed("/interface/loopback", &[("name", "lo")], true);
    }
}

fn port(tree: &mut Tree, menu: &str, name: &str) -> u32 {
    let names = [("name", name), ("default-name", name), ("ssid", "MikroTik")];
    let is_old_radio = menu == "/interface/wireless";
    let count = if is_old_radio { 3 } else { 2 };
    tree.seed(menu, names.get(..count).unwrap_or_default(), true)
}

fn services(tree: &mut Tree, kit: Kit<'_>, ports: Ports, certificate: &str) {
    let Ports {
        api,
        api_ssl,
        ssh,
        telnet,
        snmp: _,
    } = ports;
    let has_certificate = !matches!(certificate, "" | "none");
    if has_certificate {
        let row = [
            ("name", certificate),
            ("private-key", "true"),
            ("trusted", "true"),
        ];
        tree.seed("/certificate", &row, false);
    }
    let services = [
        ("telnet", telnet, false),
        ("ftp", 21, false),
        ("www", 80, false),
        ("ssh", ssh, false),
        ("www-ssl", 443, true),
        ("api", api, false),
        ("winbox", 8291, false),
        ("api-ssl", api_ssl, false),
        ("reverse-proxy", 443, true),
    ];
    for (name, port, is_off) in services {
        if name == "reverse-proxy" && !kit.release.at_least(7, 20) {
            continue;
        }
        let (port, is_off) = (port.to_string(), is_off.to_string());
        let props = [
            ("name", name),
            ("port", port.as_str()),
            ("disabled", is_off.as_str()),
            ("certificate", certificate),
        ];
        let is_ours = has_certificate && name == "api-ssl";
        let count = if is_ours { 4 } else { 3 };
        let props = props.get(..count).unwrap_or_default();
        tree.seed("/ip/service", props, true);
    }
}

fn groups(tree: &mut Tree, kit: Kit<'_>) {
    let is_v7 = kit.release.has_slashes();
    let (more, less) = if is_v7 {
        ("rest-api", "")
    } else {
        ("tikapp", ",!dude")
    };
    let all = "local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,\
               sensitive,api,romon";
    let all = format!("{all},{}{more}", if is_v7 { "" } else { "dude," });
    let read = "local,telnet,ssh,reboot,read,test,winbox,password,web,sniff,api,romon";
    let read = format!("{read},{more},!ftp,!write,!policy,!sensitive{less}");
    let write = "local,telnet,ssh,reboot,read,write,test,winbox,password,web,sniff,api,romon";
    let write = format!("{write},{more},!ftp,!policy,!sensitive{less}");
    for (name, policy) in [("read", &read), ("write", &write), ("full", &all)] {
        let group = [("name", name), ("policy", policy.as_str())];
        tree.seed("/user/group", &group, true);
    }
    if kit.board.has_flash_folder() {
        let kind = if is_v7 { "directory" } else { "disk" };
        tree.seed("/file", &[("name", "flash"), ("type", kind)], false);
    }
}
