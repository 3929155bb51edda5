//! Releases and boards: which menus there are, and how they are spelled.

use tod_lab::{BOARDS, Fleet, Lab, Options, Spec};

use crate::harness::{Client, one, spec};

/// The releases that the lab promises.
const RELEASES: &[&str] = &[
    "6.43.8", "6.49.18", "7.1.5", "7.10", "7.12.1", "7.15.3", "7.18.2", "7.20.8", "7.22.3", "7.24",
];

/// Says which of some menus a device has.
async fn menus(spec: Spec, paths: &[&str]) -> Vec<String> {
    let (_lab, device) = one(spec).await;
    let mut client = Client::log_in(&device).await;
    let mut there = Vec::new();
    for path in paths {
        let answer = client.run(&format!("{path}/print"), &[]).await;
        match answer.trap.as_deref() {
            None => there.push((*path).to_owned()),
            Some(text) => assert_eq!(text, "no such command prefix", "{path}"),
        }
    }
    there
}

const WIRELESS: &[&str] = &[
    "/interface/wireless",
    "/interface/wifiwave2",
    "/interface/wifi",
    "/system/routerboard",
    "/safe-mode",
];

#[tokio::test]
async fn release_board_and_packages_decide_which_radio_menu_there_is() {
    for (version, board, expected) in [
        ("6.49.18", "hAP lite", &["/interface/wireless"][..]),
        ("7.12.1", "wAP ac", &["/interface/wireless"]),
        (
            "7.15.3",
            "wAP ac",
            &["/interface/wireless", "/interface/wifi"],
        ),
        ("7.10", "hAP ax^2", &["/interface/wifiwave2"]),
        ("7.15.3", "hAP ax^2", &["/interface/wifi"]),
        ("7.22.3", "RB5009UG+S+", &["/interface/wifi", "/safe-mode"]),
    ] {
        let there = menus(spec().version(version).board(board), WIRELESS).await;

        let mut expected: Vec<_> = expected.iter().map(|p| (*p).to_owned()).collect();
        expected.push("/system/routerboard".to_owned());
        expected.sort_by_key(|p| WIRELESS.iter().position(|w| w == p));
        assert_eq!(there, expected, "{version} {board}");
    }
    let swapped = spec()
        .version("7.18.2")
        .board("hAP ac^3")
        .packages(&["routeros", "wifi-qcom-ac"]);
    let (_lab, device) = one(swapped).await;
    assert_eq!(device.rows("/interface/wifi").len(), 2);
}

#[tokio::test]
async fn a_virtual_router_has_no_board_and_no_sensors() {
    let there = menus(spec().version("7.24").board("CHR"), WIRELESS).await;
    let (_lab, device) = one(spec().version("7.24").board("CHR")).await;

    assert_eq!(there, ["/interface/wifi", "/safe-mode"]);
    assert_eq!(device.rows("/system/health"), []);
    assert_eq!(
        device.rows("/system/resource")[0]
            .text("board-name")
            .unwrap(),
        "CHR"
    );
}

#[tokio::test]
async fn every_release_runs_on_every_board() {
    for version in RELEASES {
        let devices = BOARDS.iter().zip(1..).map(|(board, n)| {
            let at = std::net::Ipv4Addr::new(127, 20, 9, n);
            Spec::new(&format!("d{n}"), at)
                .version(version)
                .board(board.model)
        });
        let fleet = Fleet {
            devices: devices.collect(),
        };
        let lab = Lab::start(fleet, Options::default()).await.unwrap();
        for device in lab.devices() {
            let is_v6 = version.starts_with('6');
            let summary = device.summary();
            let resource = device.rows("/system/resource").remove(0);
            let shown = resource.text("version").unwrap().into_owned();
            assert!(shown.starts_with(version), "{shown}");
            let health = device.rows("/system/health");
            let is_list = health.iter().all(|r| r.raw("name").is_some());
            assert!(is_list != is_v6 || health.is_empty(), "{summary:?}");
            let flash = device.rows("/file");
            let is_small = flash.iter().any(|f| f.raw("name") == Some(b"flash"));
            let board = BOARDS.iter().find(|b| b.name == summary.board).unwrap();
            assert_eq!(is_small, board.disk <= 16, "{summary:?}");
            let policy = device.rows("/user/group").remove(2);
            let policy = policy.text("policy").unwrap().into_owned();
            assert_eq!(policy.contains("rest-api"), !is_v6);
            let export = device.run("/export").await.unwrap();
            assert!(
                export.contains(&format!("by RouterOS {version}")),
                "{export}"
            );
        }
    }
}

#[tokio::test]
async fn an_empty_print_says_so_only_since_7_18() {
    for (version, says) in [("6.49.18", false), ("7.15.3", false), ("7.18.2", true)] {
        let (_lab, device) = one(spec().version(version)).await;
        let mut client = Client::log_in(&device).await;

        let answer = client.run("/ip/pool/print", &[]).await.ok();

        assert_eq!(answer.is_empty, says, "{version}");
    }
}
