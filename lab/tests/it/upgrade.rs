//! Upgrades, backups and the limit of safe mode.

use std::sync::atomic::{AtomicU64, Ordering};

use routeros::command::Command;
use tod_lab::wire::{Answer, Event, Fault, Request};
use tod_lab::{Device, Fleet, Lab, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SOON, one, spec};

mod convert;

/// What is said of a release that waits for a boot.
const DOWNLOADED: &str = "Downloaded, please reboot router to upgrade it";

async fn booted(device: &Device, times: u64) {
    let seen = AtomicU64::new(0);
    let is_last =
        |e: &Event| matches!(e, Event::Booted) && seen.fetch_add(1, Ordering::Relaxed) + 1 == times;
    timeout(SOON, device.wait_for(is_last)).await.unwrap();
}

fn said(device: &Device, menu: &str, name: &str) -> String {
    let rows = device.rows(menu);
    rows[0].text(name).unwrap_or_default().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_finds_downloads_and_installs_what_the_feed_offers() {
    let (lab, device) = one(spec().version("7.18.2")).await;
    let mut client = Client::log_in(&device).await;

    let checked = client.run("/system/package/update/check-for-updates", &[]);
    let checked = timeout(SOON, checked).await.unwrap().ok();
    assert_eq!(
        checked.rows[0].text("status").unwrap(),
        "finding out latest version..."
    );
    assert_eq!(checked.rows[0].text(".section").unwrap(), "0");
    assert_eq!(checked.rows[1].text("latest-version").unwrap(), "7.22.3");
    assert_eq!(
        checked.rows[1].text("status").unwrap(),
        "New version is available"
    );

    let feed = Request::Feed {
        channel: "stable".to_owned(),
        version: "7.20.4".to_owned(),
    };
    assert_eq!(lab.answer(feed).await, Answer::Done);
    // The answer may be lost with the connection.
    device.run("/system package update install").await.unwrap();
    booted(&device, 1).await;

    assert_eq!(device.summary().version, "7.20.4");
    assert!(said(&device, "/system/resource", "version").starts_with("7.20.4"));
    assert_eq!(
        said(&device, "/system/routerboard", "current-firmware"),
        "7.18.2"
    );
    assert_eq!(
        said(&device, "/system/routerboard", "upgrade-firmware"),
        "7.20.4"
    );

    device.run("/system routerboard upgrade").await.unwrap();
    let log = device.own_log().join("\n");
    assert!(
        log.contains("Firmware upgraded successfully, please reboot"),
        "{log}"
    );
    device.reboot();
    booted(&device, 2).await;
    assert_eq!(
        said(&device, "/system/routerboard", "current-firmware"),
        "7.20.4"
    );
    let mut client = Client::log_in(&device).await;
    let checked = client.run("/system/package/update/check-for-updates", &[]);
    let checked = timeout(SOON, checked).await.unwrap().ok();
    assert_eq!(
        checked.rows[1].text("status").unwrap(),
        "System is already up to date"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_downloaded_is_installed_by_the_next_boot() {
    for (version, board, channel, newest) in [
        ("7.18.2", "RB5009UG+S+", "stable", "7.22.3"),
        ("7.12.1", "hEX", "long-term", "7.20.8"),
        ("6.49.18", "hEX", "upgrade", "7.12.1"),
    ] {
        let (_lab, device) = one(spec().version(version).board(board)).await;
        device
            .run(&format!("/system package update set channel={channel}"))
            .await
            .unwrap();
        let mut client = Client::log_in(&device).await;

        let download = client.run("/system/package/update/download", &[]);
        let shown = timeout(SOON, download).await.unwrap().ok();

        let statuses = shown.rows.iter().map(|row| row.text("status").unwrap());
        assert_eq!(
            statuses.collect::<Vec<_>>(),
            [
                "finding out latest version...",
                "New version is available",
                "Downloaded 42%",
                DOWNLOADED,
            ],
            "{version}"
        );
        // Nothing runs yet that was not there before, and what waits is told to whoever asks.
        let update = client.run("/system/package/update/print", &[]).await.ok();
        assert_eq!(update.one("status"), DOWNLOADED);
        assert_eq!(update.one("installed-version"), version);
        assert_eq!(update.one("latest-version"), newest);
        assert_eq!(device.counts().reboots, 0);
        assert_eq!(device.summary().version, version);

        // The answer may be lost with the connection.
        client.send(&[Command::new("/system/reboot")]).await;
        booted(&device, 1).await;

        assert_eq!(device.summary().version, newest, "{version}");
        let mut client = Client::log_in(&device).await;
        let update = client.run("/system/package/update/print", &[]).await.ok();
        assert_eq!(update.one("installed-version"), newest);
        assert_ne!(update.one("status"), DOWNLOADED);
        let log = device.own_log().join("\n");
        assert!(
            log.contains(&format!("installed routeros-{newest}")),
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_needs_room_a_right_and_something_newer() {
    let (lab, device) = one(spec().version("7.18.2")).await;
    device.inject(Fault::FlashFull);
    let mut client = Client::log_in(&device).await;
    let shown = client.run("/system/package/update/download", &[]).await;
    let last = shown.ok().rows.pop().unwrap();
    assert_eq!(last.text("status").unwrap(), "ERROR: not enough disk space");
    device.clear_faults();

    let feed = Request::Feed {
        channel: "stable".to_owned(),
        version: "7.18.2".to_owned(),
    };
    assert_eq!(lab.answer(feed).await, Answer::Done);
    let shown = client.run("/system/package/update/download", &[]).await;
    let last = shown.ok().rows.pop().unwrap();
    assert_eq!(last.text("status").unwrap(), "System is already up to date");

    for line in [
        "/user group add name=looker policy=read,api",
        "/user add name=looker password=lab group=looker",
    ] {
        device.run(line).await.unwrap();
    }
    let mut looker = Client::connect(&device).await;
    let login = ["name=looker", "password=lab"];
    looker.run("/login", &login).await.ok();
    let refused = looker.run("/system/package/update/download", &[]).await;
    assert!(refused.trap.unwrap().contains("not enough permissions"));

    device.reboot();
    booted(&device, 1).await;
    assert_eq!(device.summary().version, "7.18.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_way_to_the_feed_nothing_is_found() {
    let (_lab, device) = one(spec()).await;
    device
        .run("/ip route remove [find where dst-address=0.0.0.0/0]")
        .await
        .unwrap();
    device
        .run("/system package update check-for-updates")
        .await
        .unwrap();

    let status = said(&device, "/system/package/update", "status");

    assert_eq!(status, "ERROR: could not resolve dns name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_in_the_root_is_installed_by_a_boot() {
    let (_lab, device) = one(spec().version("7.18.2")).await;
    device
        .run("/file add name=routeros-7.20.4-arm64.npk contents=x")
        .await
        .unwrap();
    device
        .run("/file add name=routeros-7.22.3-mipsbe.npk contents=x")
        .await
        .unwrap();

    device.reboot();
    booted(&device, 1).await;

    assert_eq!(device.summary().version, "7.20.4");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_way_from_6_to_7() {
    let (_lab, device) = one(spec().version("6.49.18").board("hEX")).await;
    device
        .run("/file add name=routeros-7.20.4-mmips.npk contents=x")
        .await
        .unwrap();
    device.reboot();
    booted(&device, 1).await;
    assert_eq!(device.summary().version, "6.49.18");
    assert!(
        device
            .own_log()
            .join("\n")
            .contains("upgrade to 7.12.1 first")
    );

    device
        .run("/system package update set channel=upgrade")
        .await
        .unwrap();
    device.run("/system package update install").await.unwrap();
    booted(&device, 2).await;

    assert_eq!(device.summary().version, "7.12.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_can_be_read_over_http() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let options = Options {
        feed_port: Some(port),
        ..Options::default()
    };
    let _lab = Lab::start(Fleet::one(spec()), options).await.unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();

    tcp.write_all(b"GET /routeros/NEWESTa7.long-term HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    timeout(SOON, tcp.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n7.20.8 1767225600\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_opens_with_its_password_alone() {
    for (saved, wrong) in [
        ("password=secret", "password=other"),
        ("dont-encrypt=yes", "password=x"),
    ] {
        let (_lab, device) = one(spec()).await;
        let mut client = Client::log_in(&device).await;
        client
            .run("/system/backup/save", &["name=b", saved])
            .await
            .ok();
        client
            .run("/system/identity/set", &["name=changed"])
            .await
            .ok();

        let missing = client.run("/system/backup/load", &["name=b"]).await;
        assert!(missing.trap.unwrap().contains("password"));
        let refused = client.run("/system/backup/load", &["name=b", wrong]).await;
        assert_eq!(refused.trap.as_deref(), Some("failure: wrong password"));
        let right = if saved.starts_with("password") {
            saved
        } else {
            "password=\"\""
        };
        let line = format!("/system backup load name=b {right}");
        device.run(&line).await.unwrap();
        booted(&device, 1).await;

        assert_eq!(said(&device, "/system/identity", "name"), "r1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hundred_and_first_action_leaves_safe_mode_and_undoes_nothing() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    client.run("/safe-mode/take", &[]).await.ok();
    for n in 0..101 {
        let address = format!("address=10.1.{n}.1/24");
        client
            .run("/ip/address/add", &[&address, "interface=ether2"])
            .await
            .ok();
    }

    let overflown = |e: &Event| matches!(e, Event::SafeMode { act, .. } if act == "overflown");
    timeout(SOON, device.wait_for(overflown)).await.unwrap();
    drop(client);
    timeout(SOON, device.wait_for(|e| matches!(e, Event::Closed { .. })))
        .await
        .unwrap();

    assert_eq!(device.rows("/system/history").len(), 100);
    let added = device
        .rows("/ip/address")
        .iter()
        .filter(|r| r.text("address").is_some_and(|a| a.starts_with("10.1.")))
        .count();
    assert_eq!(added, 101);
}
