//! Temperature and voltage, where a board measures them.

use routeros::row::Rows;
use tod_proto::bus::sample::Observation;

use super::{Collector, Read, ReadError, number, rows_if_any};
use crate::device::link::Answer;

/// Polls `/system/health`.
#[derive(Debug)]
pub struct Health;

/// Sensors of the whole device, the most telling first. Names differ from board to board.
const TEMPERATURES: &[&str] = &[
    "temperature",
    "board-temperature",
    "board-temperature1",
    "cpu-temperature",
    "cpu-temp",
    "phy-temperature",
    "switch-temperature",
    "sfp-temperature",
];

/// Supplies, the most telling first.
const VOLTAGES: &[&str] = &["voltage", "psu-voltage", "psu1-voltage", "psu2-voltage"];

impl Collector for Health {
    const NAME: &'static str = "health";
    const READS: &'static [Read] = &[Read {
        menu: "/system/health",
        properties: &[
            "name",
            "value",
            "type",
            "temperature",
            "board-temperature",
            "board-temperature1",
            "cpu-temperature",
            "cpu-temp",
            "phy-temperature",
            "switch-temperature",
            "sfp-temperature",
            "voltage",
            "psu-voltage",
            "psu1-voltage",
            "psu2-voltage",
        ],
    }];

    fn read(answers: &[Answer], seen: &mut Observation) -> Result<(), ReadError> {
        let rows = rows_if_any(answers, 0)?;
        seen.temperature_celsius = first(rows, TEMPERATURES)?;
        seen.voltage = first(rows, VOLTAGES)?;
        Ok(())
    }
}

/// The first of the sensors that there is. Version 6 has one row with a property for each, version
/// 7 a row for each.
fn first(rows: &Rows, sensors: &'static [&'static str]) -> Result<Option<f64>, ReadError> {
    for sensor in sensors {
        for row in rows.iter() {
            let value = match row.raw("name") {
                Some(name) if name == sensor.as_bytes() => number(&row, "value")?,
                Some(_) => None,
                None => number(&row, sensor)?,
            };
            if value.is_some() {
                return Ok(value);
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use routeros::row::Row;

    use super::*;

    fn read(rows: Vec<Row>) -> (Option<f64>, Option<f64>) {
        let answer = Answer {
            rows: rows.into(),
            ..Answer::default()
        };
        let mut seen = Observation::default();
        Health::read(&[answer], &mut seen).unwrap();
        (seen.temperature_celsius, seen.voltage)
    }

    fn sensor(name: &str, value: &str, unit: &str) -> Row {
        let row = Row::new().with("name", name);
        row.with("value", value).with("type", unit)
    }

    #[test]
    fn version_6_has_one_row() {
        let row = Row::new().with("voltage", "24.1").with("temperature", "38");

        assert_eq!(read(vec![row]), (Some(38.0), Some(24.1)));
    }

    #[test]
    fn version_7_has_a_row_for_each_sensor() {
        let rows = vec![
            sensor("cpu-temperature", "58", "C"),
            sensor("fan1-speed", "6090", "RPM"),
            sensor("board-temperature1", "45", "C"),
            sensor("psu1-state", "ok", ""),
        ];

        assert_eq!(read(rows), (Some(45.0), None));
    }

    #[test]
    fn a_board_without_sensors_has_no_health() {
        assert_eq!(read(Vec::new()), (None, None));
    }
}
