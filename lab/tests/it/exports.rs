//! What exports write, and what they leave out because it is as it always is.

use tod_lab::{Device, Spec};

use crate::harness::{one, spec};

/// Returns the commands of a menu in an export, put together again.
async fn written(device: &Device, how: &str, menu: &str) -> Vec<String> {
    let text = device.run(&format!("/export {how}")).await.unwrap();
    let text = text.replace("\r\n", "\n").replace("\\\n    ", "");
    let lines = text.lines().skip_while(|l| *l != menu).skip(1);
    lines
        .take_while(|l| !l.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_verbose_export_says_all_that_its_release_has_and_no_more() {
    let (_lab, old) = one(spec().version("6.43.8").board("hAP lite")).await;
    let (_lab, new) = one(spec().version("7.20.8")).await;
    for device in [&old, &new] {
        device.run("/interface bridge add name=b").await.unwrap();
    }

    assert_eq!(
        written(&old, "verbose", "/interface bridge").await,
        [
            "add ageing-time=5m arp=enabled arp-timeout=auto auto-mac=yes dhcp-snooping=no \
          disabled=no fast-forward=yes forward-delay=15s igmp-snooping=no max-message-age=20s \
          mtu=auto name=b priority=0x8000 protocol-mode=rstp transmit-hold-count=6 \
          vlan-filtering=no"
        ]
    );
    let later = written(&new, "verbose", "/interface bridge").await;
    assert!(later[0].contains(" ether-type=0x8100 "), "{later:?}");
    let snmp = written(&old, "verbose", "/snmp").await;
    assert!(
        snmp[0].contains("contact=\"\"") && snmp[0].contains("engine-id=\"\""),
        "{snmp:?}"
    );
    let ospf = written(&old, "verbose", "/routing ospf instance").await;
    assert!(ospf[0].contains(" !domain-id !domain-tag "), "{ospf:?}");
    let actions = written(&old, "verbose", "/system logging action").await;
    assert_eq!(
        actions[0],
        "set 0 memory-lines=1000 memory-stop-on-full=no name=memory target=memory"
    );
    let switch = written(&old, "verbose", "/interface ethernet switch").await;
    assert!(
        switch[0].starts_with("set 0 cpu-flow-control="),
        "{switch:?}"
    );
    // Of all this, only the bridge is worth a line otherwise.
    assert_eq!(written(&old, "", "/interface bridge").await, ["add name=b"]);
    assert_eq!(written(&old, "", "/snmp").await, [""; 0]);
}

#[tokio::test]
async fn what_somebody_has_said_again_is_written_though_it_is_as_it_was() {
    let (_lab, device) = one(spec().version("6.49.18").board("hEX")).await;
    let groups = device.rows("/user/group");
    let full = groups
        .iter()
        .find(|r| r.text("name").as_deref() == Some("full"));
    let policy = full.unwrap().text("policy").unwrap().into_owned();
    assert_eq!(written(&device, "", "/user group").await, [""; 0]);

    let set = format!("/user group set full policy={policy}");
    device.run(&set).await.unwrap();

    assert_eq!(
        written(&device, "", "/user group").await,
        [format!("set full policy=\"{policy}\"")]
    );
    device.run("/undo").await.unwrap();
    assert_eq!(written(&device, "", "/user group").await, [""; 0]);
}

#[tokio::test]
async fn disks_are_there_when_they_are_plugged_in() {
    let spec = Spec {
        disks: vec!["usb1".to_owned()],
        ..spec().version("7.20.8")
    };
    let (_lab, device) = one(spec).await;
    assert_eq!(device.rows("/disk").len(), 1);
    assert_eq!(written(&device, "", "/disk").await, [""; 0]);

    device.run("/disk set usb1 slot=usb1").await.unwrap();
    device
        .run("/disk add slot=part type=partition parent=usb1")
        .await
        .unwrap();

    assert_eq!(
        written(&device, "", "/disk").await,
        [
            "set usb1 slot=usb1",
            "add parent=usb1 slot=part type=partition"
        ]
    );
    device.run("/disk set usb2 slot=x").await.unwrap_err();
}

#[tokio::test]
async fn a_package_of_version_6_brings_its_menus() {
    for (packages, is_there) in [
        (&["system", "hotspot"][..], true),
        (&["system", "ppp"], false),
    ] {
        let spec = spec().version("6.49.18").board("hEX").packages(packages);
        let (_lab, device) = one(spec).await;
        let hotspot = device.run("/ip hotspot profile print").await;
        assert_eq!(hotspot.is_ok(), is_there, "{packages:?}");
        assert_eq!(device.run("/ppp profile print").await.is_ok(), !is_there);
    }
}
