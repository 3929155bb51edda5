//! Lock-out: which changes would cut the way they come by.

use std::net::IpAddr;

use routeros::undo::{MgmtPath, Warning, lockout};

use crate::device::{planned, router};

#[test]
fn changes_that_cut_the_way_are_foreseen() {
    let path = path();
    let warnings = |script: &str| {
        let plan = planned(script, &router().snapshot()).unwrap();
        let warnings = lockout(&plan, &path)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        warnings.join("; ")
    };
    for (script, expected) in [
        ("/ip address remove 0", "removes or disables 10.0.0.1"),
        ("/ip address disable 0", "removes or disables 10.0.0.1"),
        (
            "/ip address set 0 address=10.0.0.2/24",
            "removes or disables 10.0.0.1",
        ),
        ("/ip address set 0 interface=ether2", "to another interface"),
        (
            "/interface disable ether1; /ip address set 1 comment=x",
            "takes down ether1",
        ),
        ("/ip service disable api", "disables service api"),
        ("/ip service set api port=1", "changes the port of api"),
        ("/ip service set api address=10.0.0.0/8", "lets api refuse"),
        (
            "/ip firewall filter add chain=input action=drop place-before=0",
            "may drop new connections",
        ),
        (
            "/ip firewall filter disable [find comment=mgmt]; /ip firewall filter set 2 !in-interface",
            "may drop new connections: chain=input action=drop",
        ),
        ("/ip route remove 0", "removes the route back"),
    ] {
        assert!(
            warnings(script).contains(expected),
            "{script}: {}",
            warnings(script)
        );
    }
    for script in [
        "/ip address add address=10.3.0.1/24 interface=ether1",
        "/ip service disable telnet",
        "/ip service set api address=192.0.2.0/24,10.0.0.0/8",
        "/ip firewall filter add chain=input action=drop",
        "/ip firewall filter add chain=input action=drop protocol=udp place-before=0",
        "/ip firewall filter add chain=input action=drop connection-state=invalid place-before=0",
        "/ip route remove 1",
        "/interface set ether1 name=wan",
    ] {
        assert_eq!(warnings(script), "", "{script}");
    }
}

#[test]
fn what_an_interface_stands_on_counts_too() {
    let over_vlan = MgmtPath {
        address: IpAddr::from([10, 10, 0, 1]),
        ..path()
    };
    let device = router().with("/ip/address", &["address=10.10.0.1/24 interface=v10"]);
    let plan = planned("/interface disable ether2", &device.snapshot()).unwrap();
    assert_eq!(
        lockout(&plan, &over_vlan),
        [Warning::InterfaceDown("ether2".to_owned())]
    );
}

fn path() -> MgmtPath {
    MgmtPath {
        address: IpAddr::from([10, 0, 0, 1]),
        port: 8728,
        interface: None,
        source: Some(IpAddr::from([192, 0, 2, 7])),
        user: None,
    }
}
