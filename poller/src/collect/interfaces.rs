//! The interfaces and their traffic counters.

use routeros::row::RowRef;
use tod_proto::bus::sample::{InterfaceCounters, Observation};

use super::{Collector, Read, ReadError, Tolerant, rows, rows_so_far, text};
use crate::device::link::Answer;

/// Polls `/interface`.
#[derive(Debug)]
pub struct Interfaces;

impl Collector for Interfaces {
    const NAME: &'static str = "interfaces";
    const READS: &'static [Read] = &[Read {
        menu: "/interface",
        properties: &[
            "name",
            "type",
            "running",
            "disabled",
            "comment",
            "mac-address",
            "mtu",
            "actual-mtu",
            "rx-byte",
            "tx-byte",
            "rx-packet",
            "tx-packet",
            "rx-error",
            "tx-error",
            "rx-drop",
            "tx-drop",
        ],
    }];

    fn read(answers: &[Answer], seen: &mut Observation) -> Result<(), ReadError> {
        let mut tolerant = Tolerant::default();
        let rows = match (rows(answers, 0), rows_so_far(answers, 0)) {
            (Ok(rows), _) => rows,
            (Err(error), Some(rows)) => {
                tolerant.field::<()>(Err(error));
                rows
            }
            (Err(error), None) => return Err(error),
        };
        let interfaces = rows.iter().filter_map(|row| counters(&row, &mut tolerant));
        seen.interfaces = Some(interfaces.collect());
        tolerant.end()
    }
}

fn counters(row: &RowRef<'_>, tolerant: &mut Tolerant) -> Option<InterfaceCounters> {
    // An interface without a name cannot be told from another.
    let name = text(row, "name");
    if name.is_none() {
        tolerant.field::<()>(Err(ReadError::Empty));
    }
    Some(InterfaceCounters {
        name: name?,
        kind: text(row, "type").unwrap_or_default(),
        running: row.flag("running"),
        disabled: row.flag("disabled"),
        comment: text(row, "comment"),
        mac: text(row, "mac-address"),
        mtu: mtu(row, tolerant),
        rx_bytes: tolerant.field(row.maybe("rx-byte")),
        tx_bytes: tolerant.field(row.maybe("tx-byte")),
        rx_packets: tolerant.field(row.maybe("rx-packet")),
        tx_packets: tolerant.field(row.maybe("tx-packet")),
        errors: both(row, "rx-error", "tx-error", tolerant),
        drops: both(row, "rx-drop", "tx-drop", tolerant),
    })
}

/// The MTU in use. A disabled interface has none, and `mtu` may be `auto`.
fn mtu(row: &RowRef<'_>, tolerant: &mut Tolerant) -> Option<u32> {
    let actual = tolerant.field(row.maybe("actual-mtu"));
    actual.or_else(|| row.maybe("mtu").ok().flatten())
}

/// The sum of two counters, if either is there.
fn both(row: &RowRef<'_>, rx: &str, tx: &str, tolerant: &mut Tolerant) -> Option<u64> {
    let rx = tolerant.field(row.maybe::<u64>(rx));
    let tx = tolerant.field(row.maybe::<u64>(tx));
    match (rx, tx) {
        (None, None) => None,
        (rx, tx) => Some(rx.unwrap_or(0).saturating_add(tx.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use routeros::row::Row;
    use routeros::session::Failure;

    use super::*;

    fn read(rows: Vec<Row>) -> (Vec<InterfaceCounters>, Result<(), ReadError>) {
        read_answer(&Answer {
            rows: rows.into(),
            ..Answer::default()
        })
    }

    fn read_answer(answer: &Answer) -> (Vec<InterfaceCounters>, Result<(), ReadError>) {
        let mut seen = Observation::default();
        let read = Interfaces::read(std::slice::from_ref(answer), &mut seen);
        (seen.interfaces.unwrap_or_default(), read)
    }

    fn ether1() -> Row {
        Row::new()
            .with("name", "ether1")
            .with("type", "ether")
            .with("running", "true")
            .with("rx-byte", "18446744073709551615")
            .with("tx-byte", "20")
    }

    #[test]
    fn counters_use_all_64_bits() {
        let (seen, _) = read(vec![ether1().with("actual-mtu", "1500")]);

        assert_eq!(seen[0].rx_bytes, Some(u64::MAX));
        assert_eq!(seen[0].mtu, Some(1500));
        assert!(seen[0].running && !seen[0].disabled);
    }

    #[test]
    fn a_missing_counter_is_absent_and_not_a_zero() {
        let (seen, _) = read(vec![ether1().with("tx-drop", "3")]);

        assert_eq!(seen[0].rx_packets, None);
        assert_eq!(seen[0].errors, None);
        assert_eq!(seen[0].drops, Some(3));
    }

    #[test]
    fn a_counter_that_is_no_number_costs_itself_alone_and_is_told() {
        for nonsense in ["-1", "18446744073709551616", "1.5MiB", ""] {
            let row = ether1().with("rx-packet", nonsense);

            let (seen, read) = read(vec![row, ether1()]);

            assert!(matches!(read, Err(ReadError::Field(_))), "{nonsense}");
            assert_eq!(seen.len(), 2);
            assert_eq!((seen[0].rx_packets, seen[0].tx_bytes), (None, Some(20)));
        }
    }

    #[test]
    fn an_interface_without_a_name_is_left_out_and_told() {
        let (seen, read) = read(vec![Row::new().with("type", "ether"), ether1()]);

        assert_eq!(read, Err(ReadError::Empty));
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn of_too_many_interfaces_the_first_are_kept_and_it_is_told() {
        let (seen, read) = read_answer(&Answer {
            rows: [ether1()].into(),
            failure: Some(Failure::TooManyBytes),
            ..Answer::default()
        });

        assert!(matches!(read, Err(ReadError::Incomplete(_))));
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn an_automatic_mtu_is_not_an_error() {
        assert_eq!(read(vec![ether1().with("mtu", "auto")]).0[0].mtu, None);
        assert_eq!(
            read(vec![ether1().with("mtu", "1280")]).0[0].mtu,
            Some(1280)
        );
    }
}
