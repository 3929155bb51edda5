//! Tests of views of records.

use std::collections::BTreeSet;

use tod_proto::api::account::Session;
use tod_proto::api::changes::{Change, ChangeState};
use tod_proto::api::devices::{Device, Interface, Status};
use tod_proto::api::events::Event;
use tod_proto::api::runs::{Run, RunResult};
use tod_proto::api::tenants::Tenant;
use tod_proto::api::users::User;

use super::units::{ago, bps, bytes, count, span, span_long, spark};
use super::*;

fn keys<T: View>() -> Vec<&'static str> {
    T::COLUMNS.iter().map(|column| column.key).collect()
}

#[test]
fn a_column_is_named_once() {
    for keys in [
        keys::<Device>(),
        keys::<Interface>(),
        keys::<Change>(),
        keys::<Run>(),
        keys::<RunResult>(),
        keys::<Event>(),
        keys::<Tenant>(),
        keys::<User>(),
        keys::<Session>(),
    ] {
        let unique: BTreeSet<_> = keys.iter().collect();
        assert_eq!(unique.len(), keys.len(), "{keys:?}");
    }
}

#[test]
fn a_status_is_a_mark_and_a_word() {
    let all = [
        Status::Online,
        Status::Degraded,
        Status::Offline,
        Status::Unknown,
    ];

    let texts = all.map(|status| device::status(status).text);

    assert_eq!(texts, ["● up", "▲ degr", "✗ down", "◌ unkn"]);
}

#[test]
fn the_marks_of_states_that_end_differ() {
    let ends = ChangeState::ALL
        .into_iter()
        .filter(|state| state.is_final());
    let marks: BTreeSet<char> = ends.map(change::glyph).collect();

    assert_eq!(marks.len(), 5);
}

#[test]
fn units_are_short() {
    assert_eq!(
        [bps(0), bps(999), bps(8_800_000_000)],
        ["0 b/s", "999 b/s", "8.8 Gb/s"]
    );
    assert_eq!([bps(999_999), bps(123_456)], ["1.0 Mb/s", "123 kb/s"]);
    assert_eq!([bytes(1536), bytes(10_522_669_875)], ["1.5 KiB", "9.8 GiB"]);
    assert_eq!(
        [span(59), span(7200), span(1_843_204)],
        ["59s", "2h", "21d"]
    );
    assert_eq!(span_long(9_691_869), "112d 4h");
    assert_eq!(
        [count(7), count(9812), count(1_000_000)],
        ["7", "9,812", "1,000,000"]
    );
    assert_eq!(spark(&[0.0, 50.0, 100.0], 0.0, 100.0), "▁▅█");
}

#[test]
fn times_are_relative_for_a_week() {
    let now: Timestamp = "2026-03-18T14:07:00Z".parse().unwrap();
    let at = |text: &str| ago(text.parse().unwrap(), now);

    assert_eq!(at("2026-03-18T14:03:10Z"), "3m");
    assert_eq!(at("2026-03-18T14:10:00Z"), "in 3m");
    assert_eq!(at("2026-03-01T12:00:00Z"), "2026-03-01");
}

#[test]
fn what_a_device_chose_is_escaped_in_both_forms() {
    let cell = Cell::text("a\x1b]0;x\x07\u{202e}\r\nb");

    assert_eq!(cell.text, "a\\x1b]0;x\\x07\\u{202e}\\r\\nb");
    assert_eq!(cell.value, cell.text);
}
