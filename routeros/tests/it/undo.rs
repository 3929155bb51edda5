//! Undo: planned, applied in whole or in part, and taken back.

use routeros::row::Row;
use routeros::script::{operations, parse};
use routeros::undo::{Plan, Snapshot, compare, equal_config, menus_needed};

use crate::device::{Device, check, planned, router};

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
fn what_the_device_rewrites_is_found_as_written_and_as_rewritten() {
    let script = "/ip route add dst-address=10.7.7.7/16 gateway=10.9.0.9";
    let plan = check(&router(), script);
    let inverse = plan.inverse("t");
    for address in ["10.7.7.7/16", "10.7.0.0/16"] {
        let line = format!("/ip route remove [find where dst-address=\"{address}\"");
        assert!(inverse.contains(&line), "{inverse}");
    }
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
fn the_clock_runs_on_and_cannot_be_set_back() {
    let clock = Row::new()
        .with("time", "10:00:00")
        .with("time-zone-name", "UTC");
    let clock = Snapshot::new().with("/system/clock", vec![clock]);
    let error = planned("/system clock set time=11:00:00", &clock).unwrap_err();
    assert!(
        error.to_string().contains("time does not go back"),
        "{error}"
    );
    let plan = planned("/system clock set time-zone-name=Europe/Riga", &clock).unwrap();
    let later = Row::new()
        .with("time", "10:00:01")
        .with("time-zone-name", "UTC");
    let later = Snapshot::new().with("/system/clock", vec![later]);
    assert_eq!(plan.differs_from_before(&later), []);
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
fn an_item_that_is_not_where_it_should_be_is_told() {
    let device = Device::default().with(
        "/ip/firewall/filter",
        &[
            "chain=input comment=a action=accept",
            "chain=input comment=b action=drop",
        ],
    );
    let before = device.snapshot();
    let moved = planned(
        "/ip firewall filter move [find comment=b] [find comment=a]",
        &before,
    );
    let added = "/ip firewall filter add chain=input comment=c action=drop \
        place-before=[find comment=a]";
    let added = planned(added, &before);
    let mut elsewhere = device.clone();
    elsewhere.run("/ip firewall filter add chain=input comment=c action=drop");

    for (plan, now) in [(moved, before), (added, elsewhere.snapshot())] {
        let lines = plan.unwrap().differs_from_after(&now);
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("moved"), "{lines:?}");
    }
}

#[test]
fn other_ids_are_no_difference() {
    let read = |first: u32, comment: &str| {
        let row = |at: u32, words: &str| -> Row {
            let row = Row::new().with(".id", format!("*{:X}", first + at));
            let words = words.split(' ').filter_map(|word| word.split_once('='));
            words.fold(row, |row, (name, value)| row.with(name, value))
        };
        let rows = vec![
            row(0, "address=10.0.0.1/24 interface=ether1"),
            row(1, &format!("address=10.1.0.1/24 interface=ether2{comment}")),
        ];
        Snapshot::new().with("/ip/address", rows)
    };
    let script = "/ip address set [find interface=ether2] comment=x";
    let plan = planned(script, &read(1, "")).unwrap();

    assert_eq!(plan.differs_from_after(&read(2, " comment=x")), []);
    assert_ne!(plan.differs_from_after(&read(2, "")), []);
    assert_ne!(plan.differs_from_after(&read(1, "")), []);
    assert_eq!(plan.differs_from_before(&read(2, "")), []);
}

#[test]
fn what_a_device_makes_of_a_value_is_no_difference() {
    let row = |words: &str| -> Row { words.split(' ').filter_map(|w| w.split_once('=')).collect() };
    let read = |address: &str, filter: &str| {
        let address = vec![row(&format!(".id=*1 interface=ether1 {address}"))];
        let filter = vec![row(&format!(".id=*5 chain=input action=drop {filter}"))];
        let menus = Snapshot::new().with("/ip/address", address);
        menus.with("/ip/firewall/filter", filter)
    };
    let before = read("address=10.0.0.1/24 network=10.0.0.0", "dst-port=1");
    let script = "/ip address set 0 address=10.1.0.1/24\n\
        /ip firewall filter set 0 dst-port=80,22 src-address=10.0.0.1/32 \
        src-mac-address=aa:bb:cc:00:00:01 log=no";
    let plan = planned(script, &before).unwrap();

    let now = read(
        "address=10.1.0.1/24 network=10.1.0.0",
        "dst-port=22,80 src-address=10.0.0.1 src-mac-address=AA:BB:CC:00:00:01",
    );
    assert_eq!(plan.differs_from_after(&now), []);
    let now = read("address=10.1.0.1/24 network=10.1.0.0", "dst-port=22,80");
    assert_eq!(plan.differs_from_after(&now).len(), 2);
    assert!(
        plan.inverse("t")
            .contains("address=10.0.0.1/24 network=10.0.0.0")
    );
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
