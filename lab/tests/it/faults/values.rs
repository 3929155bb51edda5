//! Values that are odd, names that are evil, and a device that says it is another one.

use std::time::Duration;

use tod_lab::wire::{Event, Fault};
use tod_lab::{Device, Fleet, Lab, Spec};
use tokio::time::timeout;

use crate::harness::{Client, SOON, one, spec};

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_rows_go_wrong() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let before = client.run("/interface/print", &[]).await.ok();

    device.inject(Fault::OddNumbers);
    let odd = client.run("/interface/print", &[]).await.ok();
    let values: Vec<_> = odd
        .rows
        .iter()
        .flat_map(|r| r.iter().map(|(_, v)| v.to_vec()))
        .collect();
    for wanted in [&b"-5"[..], b"18446744073709551616", b"1.5MiB"] {
        assert!(values.iter().any(|v| v == wanted));
    }
    device.clear_faults();

    device.inject(Fault::PartialRows {
        menu: "/interface".to_owned(),
    });
    let half = client.run("/interface/print", &[]).await.ok();
    assert_eq!(half.rows.len(), before.rows.len() / 2);
    device.clear_faults();

    device.inject(Fault::CounterWrap);
    let narrow = client.run("/interface/print", &["?name=ether1"]).await.ok();
    assert!(narrow.one("rx-byte").parse::<u64>().unwrap() < 1 << 32);
    device.clear_faults();

    let rx = |answer: &crate::harness::Answer| answer.one("rx-byte").parse::<u64>().unwrap();
    let before = rx(&client.run("/interface/print", &["?name=ether1"]).await.ok());
    device.inject(Fault::CounterReset);
    let after = rx(&client.run("/interface/print", &["?name=ether1"]).await.ok());
    assert!(after < before / 10, "{after} of {before}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_comments_hold_every_byte() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    device.inject(Fault::EvilComments);

    let rows = client.run("/interface/ethernet/print", &[]).await.ok().rows;

    let comment = |n: usize| rows[n].raw("comment").unwrap().to_vec();
    let every: Vec<u8> = (0..=u8::MAX).collect();
    assert_eq!(comment(0), every);
    assert!(comment(1).windows(3).any(|w| w == "\u{202e}".as_bytes()));
    assert!(comment(2).len() > 65_000);
    device.clear_faults();
    let rows = client.run("/interface/ethernet/print", &[]).await.ok().rows;
    assert_eq!(rows[0].raw("comment"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_file_says_what_goes_wrong_and_when() {
    let fleet = Fleet::parse(
        r#"
        [[device]]
        name = "r1"
        address = "127.20.0.7"
        certificate = "none"
        faults = [
            { kind = "flash-full" },
            { kind = "silent", at_s = 60, for_s = 60 },
        ]

        [device.switches]
        over-limit = "close"
        dead = "yes"
        "#,
    )
    .unwrap();
    let lab = Lab::start(fleet, tod_lab::Options::default())
        .await
        .unwrap();
    let device = lab.device("r1").unwrap();
    assert_eq!(
        device.rows("/system/resource")[0]
            .text("free-hdd-space")
            .as_deref(),
        Some("0")
    );
    let mut client = Client::log_in(&device).await;
    let silent = |e: &Event| matches!(e, Event::Silenced { .. });

    lab.advance(Duration::from_secs(61));
    timeout(SOON, device.wait_for(silent)).await.unwrap();
    assert!(!client.is_answered().await);
    lab.advance(Duration::from_secs(61));
    timeout(
        SOON,
        device.wait_for(|e| matches!(e, Event::Restored { .. })),
    )
    .await
    .unwrap();
    assert!(Client::log_in(&device).await.is_answered().await);
}

/// What a client is told a device is: serial number, licence, and the addresses of its ports.
async fn told(device: &Device) -> Vec<String> {
    let mut client = Client::log_in(device).await;
    let board = client.run("/system/routerboard/print", &[]).await.ok();
    let licence = client.run("/system/license/print", &[]).await.ok();
    let ports = client.run("/interface/ethernet/print", &[]).await.ok();
    let macs = ports
        .rows
        .iter()
        .map(|row| row.text("mac-address").unwrap());
    let macs = macs.map(std::borrow::Cow::into_owned).collect::<Vec<_>>();
    vec![
        board.one("serial-number"),
        licence.one("software-id"),
        macs.join(" "),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_tells_its_clients_what_is_another_ones() {
    let other = Spec::new("r2", std::net::Ipv4Addr::new(127, 20, 0, 8));
    let fleet = Fleet {
        devices: vec![spec(), other],
    };
    let lab = Lab::start(fleet, tod_lab::Options::default())
        .await
        .unwrap();
    let (one, two) = (lab.device("r1").unwrap(), lab.device("r2").unwrap());
    let (first, second) = (told(&one).await, told(&two).await);
    for (mine, other) in first.iter().zip(&second) {
        assert_ne!(mine, other);
    }

    one.inject(Fault::CloneOf {
        device: "r2".to_owned(),
    });

    assert_eq!(told(&one).await, second);
    // It pretends; who it is to its administrator it stays.
    let mut client = Client::log_in(&one).await;
    let identity = client.run("/system/identity/print", &[]).await.ok();
    assert_eq!(identity.one("name"), "r1");
    one.clear_faults();
    assert_eq!(told(&one).await, first);
}
