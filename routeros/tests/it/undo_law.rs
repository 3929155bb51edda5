//! The law of undo: whatever is planned can be taken back, whatever part of it was applied.

use proptest::prelude::*;
use routeros::row::Row;

use crate::device::{Device, check, planned};

prop_compose! {
    fn any_operation()(
        kind in 0..9,
        a in 0..4_u8,
        b in 0..4_u8,
        place in 0..5_usize,
        comment in "[a-c]?",
    ) -> String {
        let comment = match comment.as_str() {
            "" => String::new(),
            comment => format!(" comment={comment}"),
        };
        match kind {
            0 => format!("/ip address add address=10.{a}.{b}.1/24 interface=ether{a}{comment}"),
            1 => format!("/ip address remove [find address~\"10.{a}\"]"),
            2 => format!(
                "/ip address set [find where interface=ether{a}] interface=ether{b}{comment}"
            ),
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
    #![proptest_config(ProptestConfig::with_cases(200))]

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
            .map(|(port, comment, off)| {
                let rule = format!("chain=input action=accept dst-port={port} comment={comment}");
                format!("{rule} disabled={off}")
            })
            .collect();
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
