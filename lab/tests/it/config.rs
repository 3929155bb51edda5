//! Configurations, planned from exports and carried out on a device: it is then as it should be.

use routeros::config::{diff_exports, plan, read, script};
use routeros::export::Export;
use tod_lab::{Device, Fleet, Lab, Options};

use crate::harness::spec;

/// What can be done to a device.
const COMMANDS: [&str; 22] = [
    "/interface bridge add name=br-a protocol-mode=none",
    "/interface bridge add name=br-b comment=\"two words\"",
    "/interface vlan add name=v10 vlan-id=10 interface=ether2",
    "/interface vlan add name=v20 vlan-id=20 interface=ether2 comment=x",
    "/interface list add name=A",
    "/interface list member add list=A interface=ether3",
    "/ip address add address=10.1.0.1/24 interface=ether2",
    "/ip address add address=10.1.0.1/24 interface=ether3 comment=\"a \\\"b\\\"\"",
    "/ip address add address=10.2.0.1/24 interface=ether2 disabled=yes",
    "/ip pool add name=p ranges=10.1.0.10-10.1.0.99",
    "/ip pool add name=p ranges=10.1.0.20-10.1.0.88",
    "/ip dns set servers=1.1.1.1 allow-remote-requests=yes",
    "/ip dns set servers=9.9.9.9",
    "/ip firewall filter add chain=forward action=accept comment=one",
    "/ip firewall filter add chain=forward action=drop dst-port=23 protocol=tcp",
    "/ip firewall filter add chain=forward action=drop dst-port=22 protocol=tcp",
    "/ip firewall filter add chain=forward action=accept comment=two disabled=yes",
    "/ip firewall address-list add list=l address=192.0.2.1",
    "/ip firewall address-list add list=l address=192.0.2.2 comment=c",
    "/ip route add dst-address=10.9.0.0/16 gateway=10.1.0.2",
    "/system identity set name=\"other name\"",
    "/ip service set telnet disabled=yes",
];

async fn export(device: &Device) -> Export {
    let text = device.run("/export show-sensitive").await.unwrap();
    Export::parse(text.as_bytes())
}

/// A device to which some of it was done, in an order of its own.
async fn made(seed: usize) -> (Lab, Device) {
    let version = ["6.49.18", "7.1.5", "7.12.1", "7.18.2", "7.22.3"][seed % 5];
    let lab = Lab::start(Fleet::one(spec().version(version)), Options::default())
        .await
        .unwrap();
    let device = lab.device("r1").unwrap();
    let mut chosen: Vec<&str> = Vec::new();
    for (at, command) in COMMANDS.iter().enumerate() {
        let hash = (at + 1) * 2_654_435_761 * (seed + 1);
        if (hash >> 7).is_multiple_of(3) {
            continue;
        }
        let place = if (hash >> 11).is_multiple_of(2) {
            chosen.len()
        } else {
            0
        };
        chosen.insert(place, command);
    }
    for command in chosen {
        // Some do not go together, as an address twice.
        let _done = device.run(command).await;
    }
    (lab, device)
}

#[tokio::test]
async fn a_device_to_which_a_plan_is_applied_is_as_it_should_be() {
    let mut planned = 0;
    for seed in 0..20 {
        let (_old_lab, device) = made(seed).await;
        let (from, to) = {
            let (_new_lab, other) = made(seed * 6 + 100).await;
            (export(&device).await, export(&other).await)
        };
        let operations = plan(&read(&from), &read(&to)).unwrap();
        assert_eq!(operations.is_empty(), diff_exports(&from, &to).is_empty());

        planned += operations.len();
        let script = script(&operations, &read(&from)).unwrap();
        for command in script.lines() {
            let said = device.run(command).await.unwrap();
            assert_eq!(said, "", "{command}\n{script}");
        }

        let is = export(&device).await;
        assert_eq!(diff_exports(&is, &to), [], "seed {seed}:\n{script}");
        assert_eq!(plan(&read(&is), &read(&to)).unwrap(), [], "a second plan");
        // And back.
        let back = plan(&read(&is), &read(&from)).unwrap();
        let script = routeros::config::script(&back, &read(&is)).unwrap();
        for command in script.lines() {
            device.run(command).await.unwrap();
        }
        assert_eq!(diff_exports(&export(&device).await, &from), [], "{script}");
    }
    assert!(planned > 100, "{planned}");
}
