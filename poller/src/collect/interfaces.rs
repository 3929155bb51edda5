//! The interfaces and their traffic counters.

use routeros::row::Row;
use tod_proto::bus::sample::{InterfaceCounters, Observation};

use super::{Collector, Read, ReadError, rows, text};
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
        let rows = rows(answers, 0)?;
        seen.interfaces = Some(rows.iter().map(counters).collect::<Result<_, _>>()?);
        Ok(())
    }
}

fn counters(row: &Row) -> Result<InterfaceCounters, ReadError> {
    Ok(InterfaceCounters {
        // An interface without a name cannot be told from another.
        name: text(row, "name").ok_or(ReadError::Empty)?,
        kind: text(row, "type").unwrap_or_default(),
        running: row.flag("running"),
        disabled: row.flag("disabled"),
        comment: text(row, "comment"),
        mac: text(row, "mac-address"),
        mtu: mtu(row)?,
        rx_bytes: row.maybe("rx-byte")?,
        tx_bytes: row.maybe("tx-byte")?,
        rx_packets: row.maybe("rx-packet")?,
        tx_packets: row.maybe("tx-packet")?,
        errors: both(row, "rx-error", "tx-error")?,
        drops: both(row, "rx-drop", "tx-drop")?,
    })
}

/// The MTU in use. A disabled interface has none, and `mtu` may be `auto`.
fn mtu(row: &Row) -> Result<Option<u32>, ReadError> {
    if let Some(actual) = row.maybe("actual-mtu")? {
        return Ok(Some(actual));
    }
    Ok(row.maybe("mtu").ok().flatten())
}

/// The sum of two counters, if either is there.
fn both(row: &Row, rx: &str, tx: &str) -> Result<Option<u64>, ReadError> {
    let (rx, tx) = (row.maybe::<u64>(rx)?, row.maybe::<u64>(tx)?);
    Ok(match (rx, tx) {
        (None, None) => None,
        (rx, tx) => Some(rx.unwrap_or(0).saturating_add(tx.unwrap_or(0))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: Vec<Row>) -> Result<Vec<InterfaceCounters>, ReadError> {
        let answer = Answer {
            rows,
            ..Answer::default()
        };
        let mut seen = Observation::default();
        Interfaces::read(&[answer], &mut seen).map(|()| seen.interfaces.unwrap_or_default())
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
        let seen = read(vec![ether1().with("actual-mtu", "1500")]).unwrap();

        assert_eq!(seen[0].rx_bytes, Some(u64::MAX));
        assert_eq!(seen[0].mtu, Some(1500));
        assert!(seen[0].running && !seen[0].disabled);
    }

    #[test]
    fn a_missing_counter_is_absent_and_not_a_zero() {
        let seen = read(vec![ether1().with("tx-drop", "3")]).unwrap();

        assert_eq!(seen[0].rx_packets, None);
        assert_eq!(seen[0].errors, None);
        assert_eq!(seen[0].drops, Some(3));
    }

    #[test]
    fn a_counter_that_is_no_number_is_an_error() {
        let row = ether1().with("rx-packet", "-1");

        assert!(matches!(read(vec![row]), Err(ReadError::Field(_))));
    }

    #[test]
    fn an_automatic_mtu_is_not_an_error() {
        assert_eq!(
            read(vec![ether1().with("mtu", "auto")]).unwrap()[0].mtu,
            None
        );
        assert_eq!(
            read(vec![ether1().with("mtu", "1280")]).unwrap()[0].mtu,
            Some(1280)
        );
    }
}
