//! Printing in the manner of real devices, of rows that are equivalent to theirs.

use routeros::row::Row as Record;

use super::{Mode, Page};

mod fixtures;

fn page(path: &str, is_modern: bool, mode: Mode) -> Page<'_> {
    Page {
        path,
        is_modern,
        mode,
        width: 80,
    }
}

fn addresses() -> Vec<Record> {
    vec![
        Record::new()
            .with("address", "10.0.0.1/24")
            .with("network", "10.0.0.0")
            .with("interface", "ether1")
            .with("disabled", "false"),
        Record::new()
            .with("address", "192.168.88.1/24")
            .with("network", "192.168.88.0")
            .with("interface", "bridge")
            .with("disabled", "true")
            .with("comment", "LAN"),
    ]
}

fn trimmed(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

#[test]
fn version_6_numbers_rows_and_puts_comments_beside_the_number() {
    let text = page("/ip/address", false, Mode::Usual).show(&addresses());

    assert_eq!(
        trimmed(&text),
        [
            "Flags: X - disabled, I - invalid, D - dynamic",
            " #   ADDRESS            NETWORK         INTERFACE",
            " 0   10.0.0.1/24        10.0.0.0        ether1",
            " 1 X ;;; LAN",
            "     192.168.88.1/24    192.168.88.0    bridge",
        ]
    );
}

#[test]
fn version_7_names_columns_and_puts_comments_above() {
    let text = page("/ip/address", true, Mode::Usual).show(&addresses());

    assert_eq!(
        trimmed(&text),
        [
            "Flags: X - DISABLED",
            "Columns: ADDRESS, NETWORK, INTERFACE",
            "#   ADDRESS          NETWORK       INTERFACE",
            "0   10.0.0.1/24      10.0.0.0      ether1",
            ";;; LAN",
            "1 X 192.168.88.1/24  192.168.88.0  bridge",
        ]
    );
}

#[test]
fn detail_wraps_between_words_and_quotes_texts() {
    let row = Record::new()
        .with("name", "a long name of an interface")
        .with("type", "ether")
        .with("mtu", "1500")
        .with("mac-address", "48:A9:8A:00:00:01")
        .with("running", "true")
        .with("comment", "uplink");
    let rows = [row];

    let detail = page("/interface", false, Mode::Detail).show(&rows);
    let terse = page("/interface", true, Mode::Terse).show(&rows);

    assert_eq!(
        trimmed(&detail),
        [
            "Flags: D - dynamic, X - disabled, R - running, S - slave",
            " 0  R  ;;; uplink",
            r#"       name="a long name of an interface" type="ether" mtu=1500"#,
            "       mac-address=48:A9:8A:00:00:01",
        ]
    );
    assert_eq!(
        terse.trim_end(),
        "0  R   comment=uplink name=a long name of an interface type=ether mtu=1500 \
         mac-address=48:A9:8A:00:00:01"
    );
}

#[test]
fn one_record_is_ranged_at_its_colons_and_counted_in_units() {
    let row = Record::new()
        .with("uptime", "1w2d")
        .with("free-memory", "42152755")
        .with("free-hdd-space", "1224704")
        .with("cpu-load", "7");

    let text = page("/system/resource", true, Mode::Single).show(&[row]);

    assert_eq!(
        trimmed(&text),
        [
            "          uptime: 1w2d",
            "     free-memory: 40.2MiB",
            "  free-hdd-space: 1196.0KiB",
            "        cpu-load: 7%",
        ]
    );
}
