//! The laws of plans: they lead where they should, once, and there is a way back.

use proptest::prelude::*;
use routeros::config::{apply, diff, diff_exports, plan, read, script};
use routeros::export::Export;
use routeros::row::Row;
use routeros::undo::{self, equal_config};

use crate::config::check;
use crate::device::Device;

/// A comment, often none.
fn any_comment() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "",
        "",
        " comment=a",
        " comment=b",
        " comment=\"c \\\"d\\\"\"",
    ])
    .prop_map(str::to_owned)
}

/// A line, or a few of them, of one menu.
fn lines(line: impl Strategy<Value = String>, most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(line, 0..most).prop_map(|lines| lines.concat())
}

prop_compose! {
    fn any_rule()(
        action in prop::sample::select(vec!["accept", "drop"]),
        port in 0..3_u8,
        comment in any_comment(),
        off in any::<bool>(),
    ) -> String {
        let port = if port == 0 { String::new() } else { format!(" dst-port={port}") };
        let off = if off && port.is_empty() { " disabled=yes" } else { "" };
        format!("add action={action} chain=input{comment}{off}{port}\n")
    }
}

prop_compose! {
    fn any_address()(a in 0..3_u8, i in 1..4_u8, comment in any_comment()) -> String {
        format!("add address=10.0.{a}.1/24{comment} interface=ether{i}\n")
    }
}

/// Named items: each name once.
fn named(rest: &'static str) -> impl Strategy<Value = String> {
    prop::sample::subsequence(vec!["p", "q", "r", "s"], 0..4)
        .prop_shuffle()
        .prop_flat_map(move |names| {
            let count = names.len();
            let values = prop::collection::vec((0..3_u8, any_comment()), count);
            (Just(names), values).prop_map(move |(names, values)| {
                let lines = names.iter().zip(values);
                lines
                    .map(|(name, (value, comment))| {
                        let rest = rest.replace('@', &value.to_string());
                        format!("add{comment} name={name} {rest}\n")
                    })
                    .collect::<Vec<String>>()
                    .concat()
            })
        })
}

prop_compose! {
    /// An export with menus of every kind.
    fn any_export()(
        bridges in named("priority=@ vlan-filtering=yes"),
        vlans in named("interface=ether@ vlan-id=1@"),
        ethernet in lines((1..4_u8, 0..2_u8).prop_map(|(n, name)| {
            format!("set [ find default-name=ether{n} ] name=e{n}{name}\n")
        }), 2),
        addresses in lines(any_address(), 5),
        list in lines((0..2_u8, 0..4_u8).prop_map(|(l, a)| {
            format!("add address=192.0.2.{a} list=l{l}\n")
        }), 6),
        rules in lines(any_rule(), 8),
        queues in named("max-limit=@M/@M target=10.0.@.0/24"),
        dns in prop::option::of((0..3_u8, any::<bool>())),
        service in lines(
            prop::sample::select(vec!["set telnet disabled=yes\n", "set www port=8080\n"])
                .prop_map(str::to_owned),
            2,
        ),
        secrets in named("password=secret@ service=l2tp"),
        logging in prop::option::of(0..3_u8),
    ) -> String {
        let mut text = String::new();
        let mut menu = |path: &str, lines: &str| {
            if !lines.is_empty() {
                text.extend(["/", path, "\n", lines]);
            }
        };
        menu("interface bridge", &bridges);
        menu("interface ethernet", &ethernet);
        menu("interface vlan", &vlans.replace("name=", "name=v"));
        menu("queue simple", &queues);
        menu("ip address", &addresses);
        let dns = dns.map(|(n, remote)| {
            let remote = if remote { "allow-remote-requests=yes " } else { "" };
            format!("set {remote}servers=1.1.1.{n}\n")
        });
        menu("ip dns", &dns.unwrap_or_default());
        menu("ip firewall address-list", &list);
        menu("ip firewall filter", &rules);
        menu("ip service", &service);
        menu("ppp secret", &secrets);
        let logging = logging.map(|n| format!("set 0 topics=info,!t{n}\nadd topics=critical\n"));
        menu("system logging", &logging.unwrap_or_default());
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_plan_leads_where_it_should_and_back(old in any_export(), new in any_export()) {
        let (a, b) = (Export::parse(old.as_bytes()), Export::parse(new.as_bytes()));
        prop_assert_eq!(diff(&read(&a), &read(&a)), vec![]);
        prop_assert_eq!(diff_exports(&a, &a), vec![]);
        prop_assert_eq!(plan(&read(&a), &read(&a)).unwrap(), vec![]);
        check(&format!("{old}\n→\n{new}"), &a, &b);
    }

    #[test]
    fn a_plan_between_likes_is_short(
        old in any_export(),
        at in any::<prop::sample::Index>(),
        other in any_rule(),
    ) {
        // One line more is one operation more, wherever it is.
        let old = format!("{old}/ip firewall mangle\nadd action=accept chain=x\n");
        let mut lines: Vec<&str> = old.split_inclusive('\n').collect();
        let menus: Vec<usize> = (0..lines.len()).filter(|n| lines[*n].starts_with("/ip firewall")).collect();
        let menu = menus[at.index(menus.len())];
        if lines[menu] != "/ip firewall filter\n" {
            return Ok(());
        }
        lines.insert(menu + 1, &other);
        let new = lines.concat();
        let (a, b) = (Export::parse(old.as_bytes()), Export::parse(new.as_bytes()));
        let operations = plan(&read(&a), &read(&b)).unwrap();
        prop_assert_eq!(operations.len(), 1, "{:?}", operations);
    }
}

/// A device as it is read: addresses and rules.
fn device(addresses: &[(u8, u8, String)], rules: &[(u8, String, bool)]) -> Device {
    let addresses: Vec<String> = addresses
        .iter()
        .map(|(a, b, c)| format!("address=10.{a}.{b}.1/24 interface=ether{b} comment={c}"))
        .collect();
    let rules: Vec<String> = rules
        .iter()
        .map(|(port, comment, off)| {
            let rule = format!("chain=input action=accept dst-port={port} comment={comment}");
            format!("{rule} disabled={off}")
        })
        .collect();
    Device::default()
        .with_singleton("/system/identity", Row::new().with("name", "r"))
        .with("/system/scheduler", &["name=tod-1"])
        .with(
            "/ip/address",
            &addresses.iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .with(
            "/ip/firewall/filter",
            &rules.iter().map(String::as_str).collect::<Vec<_>>(),
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Rows as they are read over the API: the plan is sent step by step, and the timer that undo
    /// computes for it takes it back.
    #[test]
    fn a_plan_between_two_readings_is_carried_out_and_taken_back(
        old in (
            prop::collection::vec((0..4_u8, 0..4_u8, "[a-c]?"), 0..5),
            prop::collection::vec((0..3_u8, "[a-c]?", any::<bool>()), 0..7),
        ),
        new in (
            prop::collection::vec((0..4_u8, 0..4_u8, "[a-c]?"), 0..5),
            prop::collection::vec((0..3_u8, "[a-c]?", any::<bool>()), 0..7),
        ),
    ) {
        let (old, new) = (device(&old.0, &old.1), device(&new.0, &new.1));
        let (a, b) = (old.snapshot(), new.snapshot());
        let operations = plan(&a, &b).unwrap();
        let there = apply(&operations, &a).unwrap();
        for (menu, rows) in b.menus() {
            prop_assert!(equal_config(menu, there.rows(menu).unwrap(), rows), "{menu}");
        }
        prop_assert_eq!(plan(&there, &b).unwrap(), vec![]);
        // Undo refuses what it could not take back; what it takes on comes out.
        let text = script(&operations, &a).unwrap();
        if let Ok(planned) = undo::plan(&operations, &a) {
            let mut changed = old.clone();
            changed.apply(&planned, planned.steps().len());
            let now = changed.snapshot();
            for (menu, rows) in b.menus() {
                prop_assert!(equal_config(menu, now.rows(menu).unwrap(), rows), "{menu}: {text}");
            }
            changed.run(&planned.inverse("tod-1"));
            prop_assert_eq!(planned.differs_from_before(&changed.snapshot()), vec![], "{}", text);
        }
    }
}
