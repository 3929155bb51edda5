//! What moves by itself or is made by the device: stations, leases, keys, certificates, history.

use std::collections::BTreeSet;
use std::time::Duration;

use tod_lab::{Device, Fleet, Lab, Options, Setup, Spec};

use crate::harness::{AT, Client, one, spec};

fn texts(device: &Device, path: &str, name: &str) -> Vec<String> {
    let rows = device.rows(path);
    let values = rows.iter().filter_map(|r| r.text(name));
    values.map(std::borrow::Cow::into_owned).collect()
}

fn set_up(setup: Setup) -> Spec {
    Spec { setup, ..spec() }
}

#[tokio::test]
async fn stations_come_fade_and_go_the_same_in_every_run() {
    for (version, board, path, signal) in [
        (
            "6.49.18",
            "wAP ac",
            "/interface/wireless/registration-table",
            "signal-strength",
        ),
        (
            "7.20.8",
            "hAP ax^2",
            "/interface/wifi/registration-table",
            "signal",
        ),
        (
            "7.10",
            "hAP ax^2",
            "/interface/wifiwave2/registration-table",
            "signal",
        ),
    ] {
        let spec = set_up(Setup::AccessPoint).version(version).board(board);
        let mut runs = Vec::new();
        for _ in 0..2 {
            let fleet = Fleet::one(spec.clone());
            let lab = Lab::start(fleet, Options::default()).await.unwrap();
            let device = lab.device("r1").unwrap();
            let mut seen = Vec::new();
            let mut faintest = 0;
            for _ in 0..60 {
                seen.push(texts(&device, path, "mac-address"));
                let signals = texts(&device, path, signal);
                let levels = signals
                    .iter()
                    .filter_map(|s| s.split('@').next()?.parse().ok());
                faintest = levels.chain([faintest]).min().unwrap();
                lab.advance(Duration::from_mins(1));
            }
            let all: BTreeSet<_> = seen.iter().flatten().cloned().collect();
            assert!(all.len() >= 3, "{version}: {all:?}");
            assert!(
                seen.iter().any(|now| now.len() < all.len()),
                "{version}: nobody leaves"
            );
            assert!(faintest < -70, "{version}: nobody fades: {faintest}");
            runs.push(all);
        }
        assert_eq!(runs[0], runs[1]);
    }
}

#[tokio::test]
async fn a_customers_radio_has_one_row_its_access_point() {
    let spec = set_up(Setup::Customer).version("6.49.18").board("LHG 5");
    let (_lab, device) = one(spec).await;

    let rows = device.rows("/interface/wireless/registration-table");

    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].raw("ap"), Some(&b"true"[..]));
    assert_eq!(rows[0].raw("routeros-version"), Some(&b"6.49.18"[..]));
}

#[tokio::test]
async fn leases_are_dynamic_until_somebody_keeps_them() {
    let (_lab, device) = one(set_up(Setup::Edge)).await;
    let mut client = Client::log_in(&device).await;
    let path = "/ip/dhcp-server/lease";
    let leases = client
        .run(&format!("{path}/print"), &["?dynamic=true"])
        .await
        .ok();
    assert!(!leases.rows.is_empty());
    let id = leases.rows[0].id().unwrap().to_owned();
    let mac = leases.rows[0].text("mac-address").unwrap().into_owned();
    let known = texts(&device, "/ip/arp", "mac-address");
    assert!(known.contains(&mac), "{known:?}");

    let words = [format!(".id={id}")];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    client
        .run(&format!("{path}/make-static"), &words)
        .await
        .ok();

    let kept = client
        .run(&format!("{path}/print"), &["?dynamic=false"])
        .await
        .ok();
    assert_eq!(kept.rows.len(), 1);
    assert_eq!(kept.rows[0].text("mac-address").unwrap(), mac);
    assert!(device.run("/export").await.unwrap().contains(&mac));
}

#[tokio::test]
async fn a_new_wireguard_interface_makes_its_own_keys() {
    let (_lab, device) = one(spec()).await;

    device
        .run("/interface wireguard add name=wg1")
        .await
        .unwrap();
    device
        .run(
            "/interface wireguard peers add interface=wg1 allowed-address=10.9.0.0/16 \
             endpoint-address=192.0.2.1 endpoint-port=51820 \
             public-key=\"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\"",
        )
        .await
        .unwrap();

    let public = texts(&device, "/interface/wireguard", "public-key");
    assert_eq!(public[0].len(), 44);
    let peer = device.rows("/interface/wireguard/peers").remove(0);
    assert_eq!(
        peer.raw("current-endpoint-address"),
        Some(&b"192.0.2.1"[..])
    );
    assert!(peer.raw("last-handshake").is_some());
    let export = device.run("/export").await.unwrap();
    assert!(!export.contains("private-key"), "{export}");
}

#[tokio::test]
async fn certificates_are_described_signed_and_used_to_sign_others() {
    let (_lab, device) = one(spec()).await;
    for command in [
        "/certificate add name=ca common-name=ca key-usage=key-cert-sign,crl-sign",
        "/certificate sign ca",
        "/certificate add name=web common-name=r1 subject-alt-name=IP:127.20.0.7,DNS:r1",
        "/certificate sign web ca=ca",
        "/ip service set www-ssl certificate=web",
    ] {
        device.run(command).await.unwrap();
    }

    let web = device.rows("/certificate").remove(1);
    assert_eq!(web.text("fingerprint").unwrap().len(), 64);
    assert_eq!(web.text("issuer").unwrap(), "CN=ca");
    assert!(web.iter().all(|(name, _)| !name.contains("pem")));
    let again = device.run("/certificate sign web").await.unwrap_err();
    assert_eq!(again.message, "failure: already signed");
    let nobody = device.run("/certificate sign web2").await.unwrap_err();
    assert_eq!(nobody.message, "no such item");
}

#[tokio::test]
async fn what_was_undone_can_be_done_again_until_something_else_is() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    device
        .run("/ip pool add name=p ranges=10.0.0.1-10.0.0.9")
        .await
        .unwrap();
    let after = device.tree();

    device.run("/undo").await.unwrap();
    assert_eq!(device.tree(), before);
    assert_eq!(texts(&device, "/system/history", "redoable"), ["true"]);
    device.run("/redo").await.unwrap();
    assert_eq!(device.tree(), after);
    assert_eq!(texts(&device, "/system/history", "undoable"), ["true"]);
    device.run("/undo").await.unwrap();
    device.run("/system note set note=x").await.unwrap();

    let refused = device.run("/redo").await.unwrap_err();
    assert_eq!(refused.message, "nothing to redo");
}

#[tokio::test]
async fn a_thousand_touched_devices_share_their_defaults() {
    let devices = (0..40).map(|n| {
        let at = std::net::Ipv4Addr::new(127, 20, 7, n + 1);
        Spec::new(&format!("d{n}"), at)
    });
    let fleet = Fleet {
        devices: devices.collect(),
    };
    let lab = Lab::start(fleet, Options::default()).await.unwrap();
    let device = lab.device("d3").unwrap();
    device
        .run("/queue type set 0 pfifo-limit=70")
        .await
        .unwrap();

    let limit = |name: &str| texts(&lab.device(name).unwrap(), "/queue/type", "pfifo-limit");
    assert_eq!(limit("d3")[0], "70");
    assert_eq!(limit("d4")[0], "50");
    assert_ne!(AT, std::net::Ipv4Addr::LOCALHOST);
}
