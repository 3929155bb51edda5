//! Who is beside a device, and the access points that a manager has: devices that see devices.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use routeros::row::Row;
use tod_lab::wire::Fault;
use tod_lab::{Device, Fleet, Lab, Options, Setup, Spec};

use crate::harness::Client;

fn spec(n: u8, name: &str, via: &str) -> Spec {
    Spec {
        via: via.to_owned(),
        ..Spec::new(name, Ipv4Addr::new(127, 20, 9, n))
    }
}

async fn start(devices: Vec<Spec>) -> Lab {
    let options = Options {
        reboot: Duration::from_millis(200),
        ..Options::default()
    };
    Lab::start(Fleet { devices }, options).await.unwrap()
}

/// A router, a switch on its port with an access point and a camera's switch, and another router.
async fn branch() -> Lab {
    let lab = start(vec![
        spec(1, "edge", ""),
        Spec {
            setup: Setup::Switch,
            ..spec(2, "sw", "edge:ether3").board("CRS328-24P-4S+")
        },
        spec(3, "ap", "sw:ether5")
            .version("6.49.18")
            .board("wAP ac"),
        spec(4, "pole", "sw:ether6"),
        spec(9, "far", ""),
    ])
    .await;
    let sw = lab.device("sw").unwrap();
    sw.run("/interface bridge port add bridge=bridge interface=ether1")
        .await
        .unwrap();
    lab
}

fn named(device: &Device) -> BTreeSet<String> {
    let rows = device.rows("/ip/neighbor");
    let names = rows.iter().filter_map(|r| r.text("identity"));
    names.map(std::borrow::Cow::into_owned).collect()
}

fn row(device: &Device, identity: &str) -> Row {
    let rows = device.rows("/ip/neighbor");
    let mut rows = rows.into_iter();
    let found = rows.find(|r| r.text("identity").as_deref() == Some(identity));
    found.unwrap_or_else(|| panic!("{identity} is not beside {:?}", named(device)))
}

fn text(row: &Row, name: &str) -> String {
    row.text(name).unwrap_or_default().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_are_the_devices_at_the_cables_with_what_they_say_of_themselves() {
    let lab = branch().await;
    let [edge, sw, ap] = ["edge", "sw", "ap"].map(|n| lab.device(n).unwrap());

    let below = row(&edge, "sw");
    let resource = sw.rows("/system/resource").remove(0);
    assert_eq!(text(&below, "interface"), "ether3");
    assert_eq!(text(&below, "address"), "127.20.9.2");
    assert_eq!(text(&below, "board"), text(&resource, "board-name"));
    assert_eq!(text(&below, "platform"), "MikroTik");
    assert!(text(&below, "version").starts_with(&text(&resource, "version")));
    assert_eq!(text(&below, "uptime"), text(&resource, "uptime"));
    let ports = sw.rows("/interface/ethernet");
    assert_eq!(text(&below, "mac-address"), text(&ports[0], "mac-address"));
    assert_eq!(text(&below, "interface-name"), "bridge/ether1");

    // The switch hears on its bridge, and what it carries is heard beyond it.
    assert_eq!(text(&row(&sw, "edge"), "interface"), "ether1,bridge");
    assert_eq!(text(&row(&sw, "edge"), "interface-name"), "ether3");
    assert_eq!(text(&row(&ap, "edge"), "interface"), "ether1");
    let all = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    assert_eq!(named(&sw), all(&["ap", "edge", "pole"]));
    assert_eq!(named(&ap), all(&["edge", "pole", "sw"]));
    assert_eq!(named(&edge), all(&["ap", "gw-127-20-9-254", "pole", "sw"]));
    // Nobody stands at the addresses before and after this one.
    let far = lab.device("far").unwrap();
    assert_eq!(named(&far), all(&["gw-127-20-9-254"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_vanish_with_the_cable_the_power_and_the_will_to_be_found() {
    let lab = branch().await;
    let [edge, sw, ap] = ["edge", "sw", "ap"].map(|n| lab.device(n).unwrap());
    let id = text(&row(&edge, "sw"), ".id");
    let is_beside = |device: &Device, name: &str| named(device).contains(name);

    assert!(edge.cable("ether3", false));
    assert!(!is_beside(&edge, "sw") && !is_beside(&edge, "ap"));
    assert!(!is_beside(&sw, "edge") && is_beside(&sw, "ap"));
    assert!(edge.cable("ether3", true));
    assert_eq!(text(&row(&edge, "sw"), ".id"), id, "the row it had before");

    sw.inject(Fault::Silent);
    assert!(!is_beside(&edge, "sw") && !is_beside(&edge, "ap"));
    sw.clear_faults();
    ap.run("/system identity set name=\"roof ap\"")
        .await
        .unwrap();
    assert!(is_beside(&edge, "roof ap") && !is_beside(&edge, "ap"));

    ap.run("/ip neighbor discovery-settings set discover-interface-list=none")
        .await
        .unwrap();
    assert_eq!(named(&ap), BTreeSet::new());
    assert!(!is_beside(&edge, "roof ap") && !is_beside(&sw, "roof ap"));
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_look_at_each_other_at_once_do_not_wait_for_each_other() {
    let lab = branch().await;
    let mut tasks = tokio::task::JoinSet::new();
    for name in ["edge", "sw", "ap", "pole", "far"] {
        let device = lab.device(name).unwrap();
        tasks.spawn_blocking(move || {
            for _ in 0..50 {
                assert!(!device.rows("/ip/neighbor").is_empty());
            }
        });
    }

    let all = tokio::time::timeout(crate::harness::SOON, tasks.join_all());

    all.await.unwrap();
}

/// What differs between the two kinds of managers.
struct Kind {
    version: &'static str,
    board: &'static str,
    manager: &'static [&'static str],
    cap: &'static [&'static str],
    clients: &'static str,
    own_clients: &'static str,
    caps: &'static str,
    interface: &'static str,
    signal: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        version: "6.49.18",
        board: "wAP ac",
        manager: OLD_MANAGER,
        cap: OLD_CAP,
        clients: "/caps-man/registration-table",
        own_clients: "/interface/wireless/registration-table",
        caps: "/caps-man/remote-cap",
        interface: "cap1",
        signal: "rx-signal",
    },
    Kind {
        version: "7.12.1",
        board: "hAP ac^2",
        manager: OLD_MANAGER,
        cap: OLD_CAP,
        clients: "/caps-man/registration-table",
        own_clients: "/interface/wireless/registration-table",
        caps: "/caps-man/remote-cap",
        interface: "cap1",
        signal: "rx-signal",
    },
    Kind {
        version: "7.20.8",
        board: "cAP ax",
        manager: &[
            "/interface wifi configuration add name=c ssid=\"the house\"",
            "/interface wifi provisioning add action=create-dynamic-enabled master-configuration=c",
            "/interface wifi capsman set enabled=yes",
        ],
        cap: &[
            "/interface wifi set wifi1,wifi2 configuration.manager=capsman disabled=no",
            "/interface wifi cap set enabled=yes caps-man-addresses=127.20.9.1",
        ],
        clients: "/interface/wifi/registration-table",
        own_clients: "/interface/wifi/registration-table",
        caps: "/interface/wifi/capsman/remote-cap",
        interface: "cap-wifi1",
        signal: "signal",
    },
];

const OLD_MANAGER: &[&str] = &[
    "/caps-man configuration add name=c ssid=\"the house\"",
    "/caps-man provisioning add action=create-dynamic-enabled master-configuration=c",
    "/caps-man manager set enabled=yes",
];

const OLD_CAP: &[&str] = &[
    "/interface wireless cap set enabled=yes interfaces=wlan1,wlan2 caps-man-addresses=127.20.9.1",
];

async fn managed(kind: &Kind) -> (Lab, Device, Device) {
    let lab = start(vec![
        spec(1, "boss", "").version(kind.version).board(kind.board),
        Spec {
            setup: Setup::AccessPoint,
            ..spec(2, "ap", "boss:ether2")
                .version(kind.version)
                .board(kind.board)
        },
    ])
    .await;
    let (boss, ap) = (lab.device("boss").unwrap(), lab.device("ap").unwrap());
    for command in kind.manager {
        boss.run(command).await.unwrap();
    }
    for command in kind.cap {
        ap.run(command).await.unwrap();
    }
    (lab, boss, ap)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_shows_its_access_points_and_their_clients_that_come_fade_and_go() {
    for kind in &KINDS {
        let (lab, boss, ap) = managed(kind).await;
        let caps = boss.rows(kind.caps);
        assert_eq!(caps.len(), 1, "{}", kind.version);
        assert_eq!(text(&caps[0], "identity"), "ap");
        assert!(text(&caps[0], "version").starts_with(kind.version));
        assert_eq!(text(&caps[0], "serial"), ap.summary().serial);
        let interfaces = boss.rows("/interface");
        let made = interfaces
            .iter()
            .find(|r| text(r, "name") == kind.interface);
        assert_eq!(text(made.unwrap(), "dynamic"), "true");

        let (mut seen, mut faintest) = (Vec::new(), 0);
        for _ in 0..60 {
            let rows = boss.rows(kind.clients);
            for row in &rows {
                assert_eq!(text(row, "ssid"), "the house");
                assert!(text(row, "interface").starts_with(&kind.interface[..3]));
                faintest = text(row, kind.signal).parse().unwrap_or(0).min(faintest);
            }
            let macs = rows.iter().map(|r| text(r, "mac-address"));
            seen.push(macs.collect::<BTreeSet<_>>());
            lab.advance(Duration::from_mins(1));
        }
        let all: BTreeSet<_> = seen.iter().flatten().collect();
        assert!(all.len() >= 5, "{}: {all:?}", kind.version);
        assert!(
            seen.iter().any(|now| now.len() < all.len()),
            "nobody leaves"
        );
        assert!(faintest < -70, "{}: nobody fades: {faintest}", kind.version);
        assert_eq!(ap.rows(kind.own_clients).len(), 0, "its manager has them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_loses_what_cannot_reach_it_or_is_not_provisioned() {
    for kind in &KINDS {
        let (_lab, boss, _ap) = managed(kind).await;
        let is_there = || boss.rows(kind.caps).len() == 1;
        assert!(is_there());

        assert!(boss.cable("ether2", false));
        assert!(!is_there() && boss.rows(kind.clients).is_empty());
        assert!(boss.cable("ether2", true));
        assert!(is_there() && !boss.rows(kind.clients).is_empty());

        let drop = "/ip firewall filter add chain=input protocol=udp dst-port=5246 action=drop";
        boss.run(drop).await.unwrap();
        assert!(!is_there());
        boss.run("/ip firewall filter remove [find]").await.unwrap();
        assert!(is_there());

        let menu = kind.manager[1].split(" add ").next().unwrap();
        boss.run(&format!("{menu} disable [find]")).await.unwrap();
        assert!(is_there(), "it is there, with nothing to serve");
        assert!(boss.rows(kind.clients).is_empty());
        let mut client = Client::log_in(&boss).await;
        let path = format!("{}/print", kind.clients);
        assert!(client.run(&path, &[]).await.ok().rows.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_beside_the_first_have_interfaces_and_clients_of_their_own() {
    for kind in &KINDS {
        let (lab, boss, _ap) = managed(kind).await;
        let add = kind.manager[0]
            .replace("name=c", "name=g")
            .replace("house", "guests");
        boss.run(&add).await.unwrap();
        let menu = kind.manager[1].split(" add ").next().unwrap();
        boss.run(&format!("{menu} set [find] slave-configurations=g"))
            .await
            .unwrap();

        let interfaces = boss.rows("/interface");
        let made = interfaces
            .iter()
            .filter(|r| text(r, "name").starts_with(kind.interface));
        assert_eq!(made.count(), 2, "{}", kind.version);
        let mut seen = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for _ in 0..20 {
            let rows = boss.rows(kind.clients);
            seen.extend(rows.iter().map(|r| (text(r, "ssid"), text(r, "interface"))));
            ids = rows.iter().map(|r| text(r, ".id")).collect();
            assert_eq!(ids.len(), rows.len(), "each has its own id");
            lab.advance(Duration::from_mins(3));
        }
        assert!(!ids.is_empty());
        let of = |ssid: &str| seen.iter().filter(|(s, _)| s == ssid).count();
        assert_eq!((of("the house"), of("the guests")), (2, 2), "{seen:?}");
    }
}
