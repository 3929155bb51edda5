//! Who reaches a device: decided by its own address, interfaces, routes, services and rules.

use tod_proto::lab::Event;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Client, SILENCE, SOON, mortal, one, spec};
use tod_lab::Device;

/// Says whether a new connection is answered.
async fn answers(device: &Device) -> bool {
    let login = async { Client::log_in(device).await };
    timeout(SILENCE, login).await.is_ok()
}

#[tokio::test]
async fn each_cut_of_the_path_is_silence_and_its_repair_brings_it_back() {
    let cuts = [
        (
            "/ip/firewall/filter add chain=input action=drop",
            "/ip firewall filter remove [find chain=input]",
        ),
        (
            "/ip/address disable [find interface=ether1]",
            "/ip address enable [find interface=ether1]",
        ),
        ("/interface/disable ether1", "/interface enable ether1"),
        (
            "/ip route set [find dst-address=0.0.0.0/0] disabled=yes",
            "/ip route enable [find dst-address=0.0.0.0/0]",
        ),
        (
            "/ip address set [find interface=ether1] interface=ether2",
            "/ip address set [find comment=management] interface=ether1",
        ),
    ];
    let (_lab, device) = one(spec()).await;
    for (cut, repair) in cuts {
        let mut open = Client::log_in(&device).await;

        device.run(cut).await.unwrap();
        assert!(!open.is_answered().await, "{cut}");
        assert!(!answers(&device).await, "{cut}");
        device.run(repair).await.unwrap();

        assert!(answers(&device).await, "{repair}");
        timeout(SOON, open.answer()).await.unwrap();
    }
}

#[tokio::test]
async fn established_connections_may_outlive_a_rule_against_new_ones() {
    let (_lab, device) = one(spec()).await;
    let mut open = Client::log_in(&device).await;

    device.run("/ip firewall filter add chain=input connection-state=established,related action=accept").await.unwrap();
    device
        .run("/ip firewall filter add chain=input protocol=tcp dst-port=1-65535 action=drop")
        .await
        .unwrap();

    assert!(open.is_answered().await);
    assert!(!answers(&device).await);
}

#[tokio::test]
async fn a_service_that_is_off_refuses() {
    let (_lab, device) = one(spec()).await;
    let mut open = Client::log_in(&device).await;

    open.run("/ip/service/disable", &["numbers=api"]).await.ok();

    let at = device.summary();
    let mut tcp = TcpStream::connect((at.address, at.api_port)).await.unwrap();
    let read = tokio::io::AsyncReadExt::read_u8(&mut tcp);
    assert!(timeout(SOON, read).await.unwrap().is_err());
    assert!(open.is_answered().await);
}

#[tokio::test]
async fn a_port_that_joins_a_bridge_takes_its_address_along() {
    let (_lab, device) = one(spec()).await;

    device
        .run("/interface bridge add name=br; /interface bridge port add bridge=br interface=ether1")
        .await
        .unwrap();

    assert!(answers(&device).await);
    let row = &device.rows("/ip/address")[0];
    assert_eq!(row.text("actual-interface").unwrap(), "br");
}

#[tokio::test]
async fn a_connection_that_hears_nothing_for_long_dies_and_its_safe_mode_with_it() {
    let (_lab, device) = mortal(spec(), SILENCE).await;
    let before = device.tree();
    let mut client = Client::log_in(&device).await;

    client.run("/safe-mode/take", &[]).await.ok();
    let cut = routeros::command::Command::new("/interface/disable").attribute("numbers", "ether1");
    client.send(&[cut]).await;

    device
        .wait_for(|e| matches!(e, Event::SafeMode { act, .. } if act.starts_with("lost")))
        .await;
    assert_eq!(device.tree(), before);
    assert!(answers(&device).await);
}

#[tokio::test]
async fn a_device_that_boots_is_silent_and_then_there() {
    let (_lab, device) = one(spec()).await;
    let mut open = Client::log_in(&device).await;

    open.send(&[routeros::command::Command::new("/system/reboot")])
        .await;
    device
        .wait_for(|e| matches!(e, Event::Rebooting { .. }))
        .await;
    // A new connection waits until the device is there, as a repeated SYN would.
    let mut client = timeout(SOON, Client::log_in(&device)).await.unwrap();

    assert!(client.is_answered().await);
    while open.reply().await.is_some() {}
}
