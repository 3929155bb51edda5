//! Ways between devices: echoes, traces, netwatch, cables and ports that cut a device off.

use std::net::Ipv4Addr;
use std::time::Duration;

use tod_lab::wire::{Event, Fault};
use tod_lab::{Fleet, Lab, Options, Spec};
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, SOON};

/// A router, a switch on its port, a radio on the switch's, and one that stands for itself.
async fn branch() -> Lab {
    let spec = |n: u8, name: &str, via: &str| Spec {
        via: via.to_owned(),
        ..Spec::new(name, Ipv4Addr::new(127, 20, 9, n))
    };
    let devices = vec![
        spec(1, "edge", ""),
        spec(2, "sw", "edge:ether3"),
        spec(3, "ap", "sw:ether5"),
        spec(4, "core", ""),
    ];
    let options = Options {
        reboot: Duration::from_millis(200),
        ..Options::default()
    };
    Lab::start(Fleet { devices }, options).await.unwrap()
}

async fn ping(lab: &Lab, from: &str, to: u8) -> bool {
    let line = format!("/ping 127.20.9.{to} count=1");
    let said = lab.device(from).unwrap().run(&line).await.unwrap();
    said.contains("packet-loss=0%")
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_answer_echoes_until_a_rule_or_a_cable_forbids_it() {
    let lab = branch().await;
    assert!(ping(&lab, "core", 3).await);
    assert!(ping(&lab, "ap", 4).await);
    assert!(!ping(&lab, "ap", 77).await, "nobody is there");

    let ap = lab.device("ap").unwrap();
    let rule = "/ip firewall filter add chain=input protocol=icmp action=drop";
    ap.run(rule).await.unwrap();
    assert!(!ping(&lab, "core", 3).await);
    ap.run("/ip firewall filter remove [find]").await.unwrap();
    assert!(ping(&lab, "core", 3).await);

    assert!(lab.device("edge").unwrap().cable("ether3", false));
    assert!(!ping(&lab, "core", 3).await);
    assert!(
        ping(&lab, "ap", 2).await,
        "below the cut they see each other"
    );
    assert!(!ping(&lab, "ap", 1).await);
    assert!(!lab.device("edge").unwrap().cable("ether99", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_port_cuts_off_open_and_new_sessions_behind_it() {
    let lab = branch().await;
    let ap = lab.device("ap").unwrap();
    let mut client = Client::log_in(&ap).await;
    assert!(client.is_answered().await);

    let edge = lab.device("edge").unwrap();
    edge.run("/interface ethernet disable ether3")
        .await
        .unwrap();

    let cut =
        |e: &Event| matches!(e, Event::Silenced { why, .. } if why.contains("ether3 of edge"));
    timeout(SOON, ap.wait_for(cut)).await.unwrap();
    assert!(!client.is_answered().await);
    let mut late = Client::connect(&ap).await;
    assert!(!late.is_answered().await);

    edge.run("/interface ethernet enable ether3").await.unwrap();
    timeout(SOON, ap.wait_for(|e| matches!(e, Event::Restored { .. })))
        .await
        .unwrap();
    let mut again = Client::log_in(&ap).await;
    assert!(again.is_answered().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn netwatch_sees_a_reboot_and_runs_its_scripts() {
    let lab = branch().await;
    let core = lab.device("core").unwrap();
    core.run(
        "/tool netwatch add host=127.20.9.2 interval=100ms \
         up-script=\"/system note set note=up\" down-script=\"/system note set note=down\"",
    )
    .await
    .unwrap();
    let noted = |wanted: &'static str| {
        let core = core.clone();
        async move {
            let is_it = |e: &Event| {
                matches!(e, Event::Changed { path, values, .. }
                    if path == "/system/note" && values.get("note").is_some_and(|n| n == wanted))
            };
            timeout(SOON, core.wait_for(is_it)).await.unwrap()
        }
    };
    noted("up").await;

    lab.device("edge").unwrap().inject(Fault::Silent);

    noted("down").await;
    let rows = core.rows("/tool/netwatch");
    assert_eq!(rows[0].text("status").as_deref(), Some("down"));
    let log = core.own_log().join("\n");
    assert!(
        log.contains("event down [ type: simple, host: 127.20.9.2 ]"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_shows_each_hop() {
    let lab = branch().await;
    let ap = lab.device("ap").unwrap();
    let mut client = Client::log_in(&ap).await;

    let answer = client
        .run("/tool/traceroute", &["address=10.9.9.9", "count=1"])
        .await
        .ok();

    let hops: Vec<_> = answer
        .rows
        .iter()
        .filter_map(|r| r.text("address"))
        .collect();
    assert_eq!(hops, ["127.20.9.2", "127.20.9.1", "10.9.9.9"]);
    lab.device("edge").unwrap().inject(Fault::Silent);
    let silenced = ap.wait_for(|e| matches!(e, Event::Silenced { .. }));
    timeout(SOON, silenced).await.unwrap();
    let answer = client.run("/tool/traceroute", &["address=10.9.9.9", "count=1"]);
    assert!(
        timeout(SILENCE, answer).await.is_err(),
        "the client is cut off too"
    );
}
