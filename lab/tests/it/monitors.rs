//! Monitors: what they show through the API, once, again and again, or for a while.

use std::time::Duration;

use routeros::command::Command;
use routeros::reply::{Kind, Reply};
use routeros::row::Row;
use tod_lab::{Device, Lab, Setup, Spec};
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, SOON, one, spec};

fn keys(row: &Row) -> Vec<&str> {
    row.iter().map(|(name, _)| name).collect()
}

fn text(row: &Row, name: &str) -> String {
    row.text(name).unwrap_or_default().into_owned()
}

async fn client(spec: Spec) -> (Lab, Device, Client) {
    let (lab, device) = one(spec).await;
    let client = Client::log_in(&device).await;
    (lab, device, client)
}

async fn next(client: &mut Client) -> Reply {
    timeout(SOON, client.reply()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_one_a_second_in_sections_until_they_are_cancelled() {
    let (lab, _device, mut client) = client(spec()).await;
    let traffic =
        Command::new("/interface/monitor-traffic").attribute("interface", "ether1,ether2");
    client.send(&[traffic]).await;

    for section in 0..3 {
        for name in ["ether1", "ether2"] {
            let reply = next(&mut client).await;
            assert_eq!(reply.kind, Kind::Re);
            assert_eq!(text(&reply.row, "name"), name);
            assert_eq!(text(&reply.row, ".section"), section.to_string());
        }
        assert!(timeout(SILENCE, client.reply()).await.is_err(), "too early");
        lab.advance(Duration::from_secs(1));
    }
    for _ in 0..2 {
        assert_eq!(next(&mut client).await.kind, Kind::Re);
    }
    let cancel = Command::new("/cancel").attribute("tag", "0");
    let mut bytes = Vec::new();
    cancel.encode(Some(7), &mut bytes);
    client.send_raw(&bytes).await;
    let (mut trap, mut done) = (String::new(), 0);
    while done < 2 {
        let reply = next(&mut client).await;
        match reply.kind {
            Kind::Trap => trap = text(&reply.row, "message"),
            Kind::Done => done += 1,
            _ => panic!("{reply:?}"),
        }
    }
    assert_eq!(trap, "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn interval_and_duration_are_kept_and_checked() {
    let (lab, _device, mut client) = client(spec()).await;
    let monitor = Command::new("/interface/ethernet/monitor")
        .attribute("numbers", "ether1")
        .attribute("interval", "10s")
        .attribute("duration", "25s");
    client.send(&[monitor]).await;
    let mut sections = Vec::new();
    loop {
        let reply = next(&mut client).await;
        if reply.kind == Kind::Done {
            break;
        }
        sections.push(text(&reply.row, ".section"));
        assert!(timeout(SILENCE, client.reply()).await.is_err(), "too early");
        lab.advance(Duration::from_secs(10));
    }
    assert_eq!(sections, ["0", "1", "2"]);

    let path = "/interface/ethernet/monitor";
    let wrong = client.run(path, &["numbers=ether1", "interval=soon"]).await;
    assert_eq!(
        wrong.trap.as_deref(),
        Some("invalid value for argument interval")
    );
    let nobody = client.run(path, &["numbers=ether77", "once="]).await;
    assert_eq!(nobody.trap.as_deref(), Some("no such item"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ethernet_port_tells_its_speed_and_an_optical_one_its_module() {
    let path = "/interface/ethernet/monitor";
    for (version, full) in [("6.49.18", "1000M-full"), ("7.20.8", "1G-baseT-full")] {
        let (_lab, device, mut client) = client(spec().version(version)).await;
        let up = client.run(path, &["numbers=ether1", "once="]).await.ok();
        assert_eq!(up.one("status"), "link-ok");
        assert_eq!(up.one("rate"), "1Gbps");
        assert!(up.one("advertising").ends_with(full), "{up:?}");
        assert!(!keys(&up.rows[0]).contains(&"sfp-module-present"));
        assert!(device.cable("ether2", false));
        let down = client.run(path, &["numbers=ether2", "once="]).await.ok();
        assert_eq!(down.one("status"), "no-link");
        assert!(!keys(&down.rows[0]).contains(&"rate"));

        device.cable("sfp-sfpplus1", true);
        let words = ["numbers=sfp-sfpplus1", "once="];
        let module = client.run(path, &words).await.ok();
        assert_eq!(module.one("rate"), "10Gbps");
        assert_eq!(module.one("sfp-module-present"), "true");
        // Without units, as numbers.
        for name in [
            "sfp-temperature",
            "sfp-supply-voltage",
            "sfp-tx-power",
            "sfp-wavelength",
        ] {
            let value: f64 = module.one(name).parse().unwrap();
            assert!(value.abs() > 0.1, "{name} {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_give_power_say_how_much_and_others_have_no_menu() {
    let (_lab, device, mut client) = client(spec().board("RB5009UPr+S+")).await;
    let ports = client.run("/interface/ethernet/poe/print", &[]).await.ok();
    assert_eq!(ports.rows.len(), 7);
    assert_eq!(
        keys(&ports.rows[0]),
        [
            ".id",
            "name",
            "poe-out",
            "poe-priority",
            "power-cycle-ping-enabled",
            "power-cycle-interval"
        ]
    );
    device.cable("ether2", true);
    device.cable("ether3", false);
    let path = "/interface/ethernet/poe/monitor";
    let shown = client
        .run(path, &["numbers=ether2,ether3", "once="])
        .await
        .ok();
    let [on, off] = [&shown.rows[0], &shown.rows[1]];
    assert_eq!(text(on, "poe-out-status"), "powered-on");
    let number = |name: &str| text(on, name).parse::<f64>().unwrap();
    let watts = number("poe-out-voltage") * number("poe-out-current") / 1000.0;
    assert!((number("poe-out-power") - watts).abs() < 0.1, "{on:?}");
    assert_eq!(text(off, "poe-out-status"), "waiting-for-load");
    assert!(off.raw("poe-out-power").is_none());
    device
        .run("/interface ethernet set ether2 poe-out=off")
        .await
        .unwrap();
    let shown = client.run(path, &["numbers=ether2", "once="]).await.ok();
    assert_eq!(shown.one("poe-out-status"), "disabled");

    let (_lab, _device, mut client) = self::client(spec().board("RB5009UG+S+")).await;
    let none = client.run("/interface/ethernet/poe/print", &[]).await;
    assert_eq!(none.trap.as_deref(), Some("no such command prefix"));
}

#[tokio::test(flavor = "multi_thread")]
async fn radios_say_how_many_they_serve() {
    for (version, board, menu, names) in [
        (
            "6.49.18",
            "wAP ac",
            "/interface/wireless",
            [
                "status",
                "channel",
                "noise-floor",
                "overall-tx-ccq",
                "registered-clients",
            ]
            .as_slice(),
        ),
        (
            "7.20.8",
            "hAP ax^2",
            "/interface/wifi",
            &[
                "state",
                "channel",
                "registered-peers",
                "authorized-peers",
                "tx-power",
            ],
        ),
        (
            "7.10",
            "hAP ax^2",
            "/interface/wifiwave2",
            &[
                "state",
                "channel",
                "registered-peers",
                "authorized-peers",
                "tx-power",
            ],
        ),
    ] {
        let spec = Spec {
            setup: Setup::AccessPoint,
            ..spec().version(version).board(board)
        };
        let (_lab, device, mut client) = client(spec).await;
        let radio = text(&device.rows(menu)[0], "name");
        let words = [format!("numbers={radio}"), "once=".to_owned()];
        let words = words.iter().map(String::as_str).collect::<Vec<_>>();
        let shown = client.run(&format!("{menu}/monitor"), &words).await.ok();

        for name in names {
            assert!(keys(&shown.rows[0]).contains(name), "{version}: {shown:?}");
        }
        let table = device.rows(&format!("{menu}/registration-table"));
        let there = table
            .iter()
            .filter(|r| text(r, "interface") == radio)
            .count();
        let count = names.iter().find(|n| n.starts_with("registered")).unwrap();
        assert_eq!(shown.one(count), there.to_string(), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sensors_and_processors_are_shown_as_each_release_does() {
    let (_lab, _device, mut new) = client(spec().board("CCR2004-16G-2S+")).await;
    let rows = new.run("/system/health/print", &[]).await.ok().rows;
    assert!(
        rows.len() >= 4
            && rows
                .iter()
                .all(|r| keys(r) == [".id", "name", "value", "type"])
    );
    let fans = rows.iter().filter(|r| text(r, "type") == "RPM").count();
    assert!(fans >= 1, "{rows:?}");
    let (_lab, _device, mut old) = client(spec().version("6.49.18").board("CCR2004-16G-2S+")).await;
    let row = old.run("/system/health/print", &[]).await.ok();
    assert_eq!(row.rows.len(), 1);
    assert!(
        row.rows[0].id().is_none() && row.rows[0].raw("temperature").is_some(),
        "{row:?}"
    );
    let (_lab, _device, mut chr) = client(spec().board("CHR")).await;
    assert!(
        chr.run("/system/health/print", &[])
            .await
            .ok()
            .rows
            .is_empty()
    );

    let shown = new.run("/tool/profile", &["once="]).await.ok().rows;
    let usage = |row: &Row| text(row, "usage").parse::<f64>().unwrap();
    let (total, parts) = shown.split_last().unwrap();
    assert_eq!(text(total, "name"), "total");
    let sum: f64 = parts.iter().map(usage).sum();
    assert!((sum - usage(total)).abs() < 0.01, "{shown:?}");
    let each = new
        .run("/tool/profile", &["cpu=all", "once="])
        .await
        .ok()
        .rows;
    assert_eq!(each.len(), shown.len() * 4);
    let last = each.last().unwrap();
    assert_eq!(text(last, "cpu"), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_test_may_not_monitor() {
    let (_lab, device) = one(spec()).await;
    device
        .run("/user group add name=poll policy=api,read")
        .await
        .unwrap();
    device
        .run("/user add name=p group=poll password=p")
        .await
        .unwrap();
    let mut client = Client::connect(&device).await;
    client.run("/login", &["name=p", "password=p"]).await.ok();

    let words = ["interface=ether1", "once="];
    let refused = client.run("/interface/monitor-traffic", &words).await;

    assert_eq!(refused.trap.as_deref(), Some("not enough permissions (9)"));
}
