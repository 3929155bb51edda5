//! Serial number and model of the board; of a virtual machine, the licence's number.

use tod_proto::bus::sample::Observation;

use super::{Collector, Read, ReadError, rows_if_any, text};
use crate::device::link::Answer;

/// Polls `/system/routerboard` and `/system/license`.
#[derive(Debug)]
pub struct Routerboard;

impl Collector for Routerboard {
    const NAME: &'static str = "routerboard";
    const READS: &'static [Read] = &[
        Read {
            menu: "/system/routerboard",
            properties: &["routerboard", "model", "serial-number"],
        },
        Read {
            menu: "/system/license",
            properties: &["software-id", "system-id"],
        },
    ];

    fn read(answers: &[Answer], seen: &mut Observation) -> Result<(), ReadError> {
        // A CHR has no such menu, a PC has `routerboard=false` and nothing else.
        let board = rows_if_any(answers, 0)?.first();
        if let Some(board) = board {
            if seen.model.is_none() {
                seen.model = text(&board, "model");
            }
            seen.serial = text(&board, "serial-number");
        }
        if seen.serial.is_none()
            && let Some(license) = rows_if_any(answers, 1)?.first()
        {
            seen.serial = text(&license, "system-id").or_else(|| text(&license, "software-id"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use routeros::error::Trap;
    use routeros::row::Row;

    use super::*;

    fn read(board: Answer, license: Row) -> Observation {
        let mut seen = Observation::default();
        let license = Answer {
            rows: [license].into(),
            ..Answer::default()
        };
        Routerboard::read(&[board, license], &mut seen).unwrap();
        seen
    }

    #[test]
    fn a_board_has_a_serial_number() {
        let board = Answer {
            rows: [Row::new()
                .with("routerboard", "true")
                .with("model", "RB750Gr3")
                .with("serial-number", "CC210E592C82")]
            .into(),
            ..Answer::default()
        };

        let seen = read(board, Row::new().with("software-id", "AAAA-BBBB"));

        assert_eq!(seen.serial, Some("CC210E592C82".into()));
        assert_eq!(seen.model, Some("RB750Gr3".into()));
    }

    #[test]
    fn a_virtual_machine_has_the_number_of_its_licence() {
        let board = Answer {
            trap: Some(Trap::new(None, b"no such command prefix")),
            ..Answer::default()
        };

        let seen = read(board, Row::new().with("system-id", "XyZ"));

        assert_eq!(seen.serial, Some("XyZ".into()));
    }

    #[test]
    fn a_pc_has_the_number_of_its_installation() {
        let board = Answer {
            rows: [Row::new().with("routerboard", "false")].into(),
            ..Answer::default()
        };

        let seen = read(board, Row::new().with("software-id", "AAAA-BBBB"));

        assert_eq!(seen.serial, Some("AAAA-BBBB".into()));
    }
}
