//! What selectors pick, and how they say what is wrong with them.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Selector, version_key};
use crate::api::devices::{Device, Status, TlsMode};
use crate::id::DeviceId;

fn device() -> Device {
    let now = Timestamp::UNIX_EPOCH;
    Device {
        id: DeviceId::generate(),
        name: "ber-core-01".to_owned(),
        address: "10.4.0.1".to_owned(),
        port: 8729,
        ssh_port: 22,
        tls: TlsMode::Auto,
        username: "tod".to_owned(),
        zone: "default".to_owned(),
        site: Some("Berlin".to_owned()),
        tags: vec!["core".to_owned(), "vip".to_owned()],
        note: None,
        poll_seconds: 60,
        status: Status::Online,
        status_since: now,
        status_reason: None,
        seen_at: Some(now),
        identity: Some("ber-core-01".into()),
        model: Some("CCR2004-16G-2S+".into()),
        arch: Some("arm64".into()),
        serial: None,
        other_serial: None,
        version: Some("7.9.2".into()),
        channel: Some("stable".into()),
        uptime_seconds: Some(90_000),
        cpu_percent: Some(12.0),
        mem_percent: Some(38.0),
        disk_percent: None,
        temperature_celsius: None,
        voltage: None,
        rx_bps: Some(20_000_000),
        tx_bps: None,
        poll_ms: None,
        logins_today: 1,
        pending_change: None,
        created_at: now,
    }
}

fn picks(selector: &str) -> bool {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(30);
    selector
        .parse::<Selector>()
        .unwrap()
        .matches(&device(), now)
}

#[test]
fn selectors_pick_what_they_say() {
    for yes in [
        "all",
        "ber-core-01",
        "10.4.0.1",
        "ber-*",
        "site=berlin tag=core",
        "site=bern,berlin",
        "status=up",
        "version.lt=7.15",
        "version<7.15",
        "version=7.9..7.10",
        "version=7.9*",
        "cpu.lt=80 and mem=30..40",
        "up.gt=1d",
        "seen.gt=10m",
        "seen.lt=1h",
        "rx.ge=20M",
        "name~CORE",
        "name^=ber-",
        "name.re=^ber-(core|sw)",
        "not tag=lab",
        "tag!=lab",
        "tag=lab or (site=berlin not cpu.gt=50)",
        "pending=false",
        "disk!=5",
    ] {
        assert!(picks(yes), "{yes}");
    }
    for no in [
        "ber-core",
        "core",
        "site=ham",
        "status=offline,degraded",
        "version.gt=7.9.2",
        "disk.gt=1",
        "not all",
        "tag!=core",
        "serial=x",
        "pending=true",
    ] {
        assert!(!picks(no), "{no}");
    }
}

#[test]
fn what_is_wrong_is_marked() {
    let text = "site=berlin statsu=offline";

    let error = text.parse::<Selector>().unwrap_err();

    assert_eq!(
        error.marked(),
        "site=berlin statsu=offline\n            ^^^^^^"
    );
    assert_eq!(error.to_string(), "there is no field `statsu`");
    assert_eq!(error.hint.as_deref(), Some("did you mean `status`?"));
}

#[test]
fn each_mistake_has_its_place() {
    for (text, at) in [
        ("cpu>x", 4),
        ("(site=a", 0),
        ("site=a)", 6),
        ("name=\"abc", 5),
        ("version.lt=x", 11),
        ("name.re=(", 8),
        ("status<online", 6),
        ("and", 0),
        ("site=", 5),
        ("=x", 0),
    ] {
        let error = text.parse::<Selector>().unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
}

#[test]
fn arguments_must_all_hold() {
    let selector = Selector::from_arguments(&["site=a or site=b", "tag=c"]).unwrap();

    let same: Selector = "(site=a or site=b) (tag=c)".parse().unwrap();
    assert_eq!(selector, same);
}

#[test]
fn versions_sort_as_routeros_releases_them() {
    let order = [
        "6.49.18",
        "7.1",
        "7.9.2",
        "7.10",
        "7.20alpha3",
        "7.20beta4",
        "7.20rc1",
        "7.20",
        "7.20.1",
    ];
    for pair in order.windows(2) {
        assert!(version_key(pair[0]) < version_key(pair[1]), "{pair:?}");
    }
    assert_eq!(version_key("7.15.3 (stable)"), version_key("7.15.3"));
    assert_eq!(version_key("seven"), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        if let Err(error) = text.parse::<Selector>() {
            drop(error.marked());
        }
    }

    #[test]
    fn no_text_of_operators_makes_it_panic(text in "[a-z.=!~<>(),\" ]{0,40}") {
        if let Err(error) = text.parse::<Selector>() {
            drop(error.marked());
        }
    }
}
