//! Undo: planned, applied in whole or in part, and taken back.

use std::net::IpAddr;

use proptest::prelude::*;

use routeros::row::Row;
use routeros::script::{operations, parse};
use routeros::undo::{
    MgmtPath, Plan, PlanError, Snapshot, compare, equal_config, lockout, menus_needed, plan,
};

use crate::device::Device;

fn planned(script: &str, before: &Snapshot) -> Result<Plan, PlanError> {
    let operations = operations(&parse(script.as_bytes()).unwrap()).unwrap();
    plan(&operations, before)
}

/// Plans, and checks that every way of applying it, in part or in whole, is taken back.
fn check(device: &Device, script: &str) -> Plan {
    let plan = planned(script, &device.snapshot()).unwrap();
    let inverse = plan.inverse("tod-1");
    for count in 0..=plan.steps().len() {
        let mut changed = device.clone();
        changed.apply(&plan, count);
        if count == plan.steps().len() {
            assert_eq!(plan.differs_from_after(&changed.snapshot()), [], "{script}");
        }
        for round in 1..=2 {
            changed.run(&inverse);
            assert_eq!(changed.rows("/system/scheduler"), []);
            let left = plan.differs_from_before(&changed.snapshot());
            assert_eq!(
                left,
                [],
                "after {count} steps, round {round}: {script}\n{inverse}"
            );
        }
    }
    plan
}

fn router() -> Device {
    let identity = Row::new().with("name", "r1");
    Device::default()
        .with_singleton("/system/identity", identity)
        .with("/system/scheduler", &["name=tod-1 interval=1m on-event=x run-count=0"])
        .with("/interface", &["name=ether1 type=ether", "name=ether2 type=ether", "name=v10 type=vlan"])
        .with("/interface/vlan", &["name=v10 vlan-id=10 interface=ether2 mac-address=AA:BB running=true"])
        .with("/interface/list/member", &[])
        .with("/interface/bridge/port", &[])
        .with("/ip/dhcp-client", &[])
        .with("/ip/dhcp-server", &[])
        .with(
            "/ip/address",
            &[
                "address=10.0.0.1/24 network=10.0.0.0 interface=ether1 disabled=false dynamic=false",
                "address=10.9.0.1/24 network=10.9.0.0 interface=ether2 comment=lan disabled=false",
                "address=172.16.0.5/24 network=172.16.0.0 interface=ether2 dynamic=true",
            ],
        )
        .with(
            "/ip/service",
            &[
                "name=api port=8728 disabled=false address=",
                "name=telnet port=23 disabled=false",
                "name=api port=8728 dynamic=true connection=true",
            ],
        )
        .with(
            "/ip/route",
            &["dst-address=0.0.0.0/0 gateway=10.0.0.254 active=true", "dst-address=10.5.0.0/16 gateway=10.9.0.2"],
        )
        .with(
            "/ip/firewall/filter",
            &[
                "chain=input action=accept connection-state=established,related bytes=1",
                "chain=input action=accept protocol=tcp dst-port=8728 comment=mgmt",
                "chain=input action=drop in-interface=ether2",
                "chain=forward action=drop",
                "chain=forward action=drop",
            ],
        )
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.diff().iter().map(ToString::to_string).collect()
}

#[test]
fn an_added_address_is_found_by_what_it_is() {
    let plan = check(
        &router(),
        "/ip address add address=10.1.0.1/24 interface=ether2 comment=\"a b\"",
    );
    assert_eq!(
        lines(&plan),
        [r#"+ /ip/address address=10.1.0.1/24 interface=ether2 comment="a b""#]
    );
    assert_eq!(
        plan.inverse("tod-1"),
        ":do { /ip address remove [find where comment=\"a b\"] } on-error={ }\n\
         :do { /system scheduler remove [find where name=\"tod-1\"] } on-error={ }\n"
    );
}

#[test]
fn old_values_come_back() {
    let script = "/ip address set [find where interface=ether1] comment=wan disabled=yes\n\
        /ip service disable telnet\n/ip service set api port=8729\n\
        /ip firewall filter set [find comment=mgmt] !protocol dst-port=22 src-address=10.0.0.0/8\n\
        /system identity set name=\"r 2\"";
    let plan = check(&router(), script);
    assert_eq!(
        lines(&plan),
        [
            "~ /ip/address address=10.0.0.1/24 interface=ether1 disabled: false → yes",
            "~ /ip/address address=10.0.0.1/24 interface=ether1 comment: \"\" → wan",
            "~ /ip/firewall/filter comment=mgmt protocol: tcp → \"\"",
            "~ /ip/firewall/filter comment=mgmt dst-port: 8728 → 22",
            "~ /ip/firewall/filter comment=mgmt src-address: \"\" → 10.0.0.0/8",
            "~ /ip/service name=api port: 8728 → 8729",
            "~ /ip/service name=telnet disabled: false → yes",
            "~ /system/identity name: r1 → \"r 2\"",
        ]
    );
    let inverse = plan.inverse("x");
    assert!(
        inverse.starts_with(
            ":do { /system identity set name=r1 } on-error={ }\n\
         :do { /ip firewall filter set [find where comment=\"mgmt\"] dst-port=8728 protocol=tcp } \
         on-error={ }\n:do { /ip firewall filter set [find where comment=\"mgmt\"] !src-address } \
         on-error={ }\n"
        ) || inverse.contains("!src-address"),
        "{inverse}"
    );
    assert!(inverse.contains("name=\"api\" and dynamic=no"), "{inverse}");
}

#[test]
fn removed_items_come_back_where_they_were() {
    let plan = check(
        &router(),
        "/ip firewall filter remove [find comment=mgmt]\n/ip firewall filter remove 2\n\
         /ip address remove [find comment=lan]",
    );
    assert_eq!(plan.diff().len(), 3);
    check(&router(), "/ip firewall filter remove [find chain=forward]");
    check(&router(), "/ip firewall filter remove 3");
}

#[test]
fn moved_and_inserted_rules_go_back() {
    let plan = check(
        &router(),
        "/ip firewall filter move [find comment=mgmt] destination=0\n\
         /ip firewall filter add chain=input action=drop src-address=192.0.2.0/24 place-before=0",
    );
    assert_eq!(
        lines(&plan),
        [
            "+ /ip/firewall/filter chain=input action=drop src-address=192.0.2.0/24",
            "~ /ip/firewall/filter comment=mgmt moved",
        ]
    );
    check(
        &router(),
        "/ip firewall filter move [find in-interface=ether2]",
    );
}

#[test]
fn one_change_may_build_on_another() {
    check(
        &router(),
        "/interface vlan add name=v20 vlan-id=20 interface=ether2\n\
         /ip address add address=10.20.0.1/24 interface=v20\n\
         /interface vlan set v20 name=office comment=x\n\
         /ip address set [find interface=office] disabled=yes\n\
         /interface vlan set v10 name=guests",
    );
    check(
        &router(),
        "/ip address set [find comment=lan] comment=old\n\
         /ip address remove [find comment=old]\n\
         /ip address add address=10.9.0.1/24 interface=ether2 comment=lan",
    );
}

#[test]
fn an_item_may_be_removed_and_made_again() {
    let plan = check(
        &router(),
        "/ip address remove [find comment=lan]\n\
         /ip address add address=10.9.0.1/24 interface=ether2 comment=lan",
    );
    assert_eq!(lines(&plan).len(), 2);
    check(
        &router(),
        "/ip firewall filter remove [find comment=mgmt]\n\
         /ip firewall filter add chain=input action=accept protocol=tcp dst-port=22 comment=mgmt \
         place-before=0 log=yes",
    );
}

#[test]
fn what_could_not_be_taken_back_is_refused() {
    for (script, message) in [
        (
            "/ip address set 9 comment=x",
            "no such item in /ip/address: 9 (line 1 column 1)",
        ),
        ("/ip address remove 2", "is dynamic and cannot be changed"),
        (
            "/ip address remove [find dynamic=yes]",
            "is dynamic and cannot be changed",
        ),
        (
            "/ip address set comment=x",
            "/ip/address has items: say which to set",
        ),
        (
            "/system identity set 0 name=x",
            "/system/identity has no items",
        ),
        ("/ip pool add name=x", "/ip/pool has not been read"),
        (
            "/ip firewall filter add chain=forward action=drop",
            "cannot be told from another item",
        ),
        (
            "/ip firewall filter set 4 comment=x\n/ip firewall filter remove 4",
            "cannot be told from another item",
        ),
    ] {
        let device = router();
        let error = planned(script, &device.snapshot()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}: {message}");
    }
    let used = router().with("/ip/address", &["address=10.10.0.1/24 interface=v10"]);
    let error = planned("/interface vlan remove v10", &used.snapshot()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("still used by /ip/address address=10.10.0.1/24"),
        "{error}"
    );
    let users = Snapshot::new().with(
        "/user",
        vec![Row::new().with(".id", "*1").with("name", "a")],
    );
    for script in ["/user remove a", "/user set a password=x"] {
        let error = planned(script, &users).unwrap_err().to_string();
        assert!(
            error.contains("cannot be read") && !error.contains("password=x"),
            "{error}"
        );
    }
}

#[test]
fn secrets_do_not_show_in_a_diff() {
    let plan = planned(
        "/user add name=x group=read password=hunter2",
        &Snapshot::new().with("/user", vec![]),
    );
    let plan = plan.unwrap();
    assert_eq!(lines(&plan), ["+ /user name=x group=read password=***"]);
    assert!(
        !plan.inverse("t").contains("hunter2")
            && !format!("{:?}", plan.steps()).contains("hunter2")
    );
}

#[test]
fn menus_that_a_removal_would_leave_dangling_are_read_too() {
    let of = |script: &str| {
        let operations = operations(&parse(script.as_bytes()).unwrap()).unwrap();
        menus_needed(&operations).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        of("/ip address add address=1.1.1.1/8 interface=x; /user remove y"),
        ["/ip/address", "/user"]
    );
    assert!(of("/interface vlan remove x").contains(&"/ip/address".to_owned()));
}

#[test]
fn counters_states_and_ids_are_no_configuration() {
    let row = |words: &str| -> Row { words.split(' ').filter_map(|w| w.split_once('=')).collect() };
    let before = [
        row(".id=*1 name=a disabled=false bytes=1 interval=1m"),
        row(".id=*2 name=b"),
    ];
    let now = [
        row(".id=*9 name=b"),
        row(".id=*A name=a bytes=9 interval=00:01:00"),
        row("name=c dynamic=true"),
    ];
    assert!(equal_config("/queue/tree", &before, &now));
    assert!(!equal_config("/queue/simple", &before, &now));
    let lines = compare("/queue/tree", &before, &now[..1]);
    assert_eq!(
        lines[0].to_string(),
        "- /queue/tree name=a disabled=false interval=1m"
    );
}

#[test]
fn changes_that_cut_the_way_are_foreseen() {
    let path = MgmtPath {
        address: IpAddr::from([10, 0, 0, 1]),
        port: 8728,
        interface: None,
        source: Some(IpAddr::from([192, 0, 2, 7])),
        user: None,
    };
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

prop_compose! {
    fn any_operation()(
        kind in 0..9,
        a in 0..4_u8,
        b in 0..4_u8,
        place in 0..5_usize,
        comment in "[a-c]?",
    ) -> String {
        let comment = if comment.is_empty() { String::new() } else { format!(" comment={comment}") };
        match kind {
            0 => format!("/ip address add address=10.{a}.{b}.1/24 interface=ether{a}{comment}"),
            1 => format!("/ip address remove [find address~\"10.{a}\"]"),
            2 => format!("/ip address set [find where interface=ether{a}] interface=ether{b}{comment}"),
            3 => format!("/ip firewall filter add chain=input action=drop dst-port={a}{comment} \
                          place-before={place}"),
            4 => format!("/ip firewall filter remove {place}"),
            5 => format!("/ip firewall filter set {place} dst-port={b}{comment}"),
            6 => format!("/ip firewall filter move {place} destination={a}"),
            7 => format!("/ip firewall filter disable [find chain=input dst-port={b}]"),
            _ => format!("/system identity set name=r{a}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_planned_can_be_taken_back(
        addresses in proptest::collection::vec((0..4_u8, 0..4_u8, "[a-c]?"), 0..5),
        rules in proptest::collection::vec((0..3_u8, "[a-c]?", any::<bool>()), 2..7),
        script in proptest::collection::vec(any_operation(), 1..6),
    ) {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|(a, b, c)| format!("address=10.{a}.{b}.1/24 interface=ether{b} comment={c}"))
            .collect();
        let rules: Vec<_> = rules
            .iter()
            .map(|(p, c, off)| format!("chain=input action=accept dst-port={p} comment={c} disabled={off}"))
            .collect();
        let words = |list: &[String]| list.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
        let (addresses, rules) = (words(&addresses), words(&rules));
        let device = Device::default()
            .with_singleton("/system/identity", Row::new().with("name", "r"))
            .with("/system/scheduler", &["name=tod-1"])
            .with("/ip/address", &addresses.iter().map(String::as_str).collect::<Vec<_>>())
            .with("/ip/firewall/filter", &rules.iter().map(String::as_str).collect::<Vec<_>>());
        let script = script.join("\n");
        if planned(&script, &device.snapshot()).is_ok() {
            check(&device, &script);
        }
    }
}

#[test]
fn a_long_list_is_planned_in_a_moment() {
    let rows = (0..2000).map(|i| {
        let address = format!("10.{}.{}.7", i / 250, i % 250);
        let row = Row::new()
            .with(".id", format!("*{i:X}"))
            .with("list", "blocked");
        row.with("address", address)
            .with("creation-time", "x")
            .with("dynamic", "false")
    });
    let before = Snapshot::new().with("/ip/firewall/address-list", rows.collect());
    let script = "/ip firewall address-list\n\
        remove [find address~\"^10.3.\"]\nadd list=blocked address=192.0.2.1\n\
        set [find address=10.1.1.7] comment=kept";
    let plan = planned(script, &before).unwrap();
    assert_eq!(plan.steps().len(), 252);
}
