//! Version, load, memory, disk and uptime.

use std::time::Duration;

use routeros::row::RowRef;
use routeros::text as bytes;
use routeros::version::Installed;
use tod_proto::bus::sample::Observation;
use tod_proto::untrusted::Untrusted;

use super::{Collector, Read, ReadError, Tolerant, clip, number, row, text};
use crate::device::link::Answer;

/// Polls `/system/resource`.
#[derive(Debug)]
pub struct Resource;

impl Collector for Resource {
    const NAME: &'static str = "resource";
    const READS: &'static [Read] = &[Read {
        menu: "/system/resource",
        properties: &[
            "uptime",
            "version",
            "cpu-load",
            "free-memory",
            "total-memory",
            "free-hdd-space",
            "total-hdd-space",
            "architecture-name",
            "board-name",
        ],
    }];

    fn read(answers: &[Answer], seen: &mut Observation) -> Result<(), ReadError> {
        let row = &row(answers, 0)?;
        seen.arch = text(row, "architecture-name");
        seen.model = text(row, "board-name");
        read_version(row, seen);
        let mut tolerant = Tolerant::default();
        let uptime = tolerant.field(row.maybe::<Duration>("uptime"));
        seen.uptime_seconds = uptime.map(|up| up.as_secs());
        let load = tolerant.field(number(row, "cpu-load"));
        seen.cpu_percent = load.map(|load| load.clamp(0.0, 100.0));
        seen.mem_free_bytes = tolerant.field(row.maybe("free-memory"));
        seen.mem_total_bytes = tolerant.field(row.maybe("total-memory"));
        seen.disk_free_bytes = tolerant.field(row.maybe("free-hdd-space"));
        seen.disk_total_bytes = tolerant.field(row.maybe("total-hdd-space"));
        tolerant.end()
    }
}

/// `7.15.2 (stable)`; before 6.44 or so there is no channel. What does not read is kept as it is.
fn read_version(row: &RowRef<'_>, seen: &mut Observation) {
    let Some(raw) = row.raw("version") else {
        return;
    };
    let said = clip(&bytes::lossy(raw));
    match Installed::parse(&said) {
        Some(installed) => {
            seen.version = Some(Untrusted::new(installed.version.to_string()));
            seen.channel = installed.channel.map(|channel| channel.as_str().into());
        }
        None => seen.version = Some(Untrusted::new(said)),
    }
}

#[cfg(test)]
mod tests {
    use routeros::row::Row;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Observation, Result<(), ReadError>) {
        let mut seen = Observation::default();
        let answer = Answer {
            rows: [pairs.iter().copied().collect::<Row>()].into(),
            ..Answer::default()
        };
        let result = Resource::read(&[answer], &mut seen);
        (seen, result)
    }

    #[test]
    fn version_7_reads() {
        let (seen, result) = read(&[
            ("uptime", "1w2d3h4m5s"),
            ("version", "7.15.2 (stable)"),
            ("cpu-load", "12"),
            ("free-memory", "36741120"),
            ("total-memory", "67108864"),
            ("free-hdd-space", "116649984"),
            ("total-hdd-space", "134217728"),
            ("architecture-name", "arm"),
            ("board-name", "L009UiGS"),
        ]);

        assert_eq!(result, Ok(()));
        assert_eq!(seen.uptime_seconds, Some(788_645));
        assert_eq!(seen.version, Some("7.15.2".into()));
        assert_eq!(seen.channel, Some("stable".into()));
        assert_eq!(seen.cpu_percent, Some(12.0));
        assert_eq!(seen.mem_free_bytes, Some(36_741_120));
        assert_eq!(seen.disk_total_bytes, Some(134_217_728));
        assert_eq!(seen.model, Some("L009UiGS".into()));
    }

    #[test]
    fn version_6_has_no_channel() {
        let (seen, result) = read(&[("uptime", "4d15h20m38s"), ("version", "6.27")]);

        assert_eq!(result, Ok(()));
        assert_eq!(seen.version, Some("6.27".into()));
        assert_eq!(seen.channel, None);
        assert_eq!(seen.cpu_percent, None);
    }

    #[test]
    fn a_number_that_is_none_is_an_error_and_what_came_before_it_is_kept() {
        let (seen, result) = read(&[("version", "7.20"), ("free-memory", "1.5MiB")]);

        assert!(matches!(result, Err(ReadError::Field(_))), "{result:?}");
        assert_eq!(seen.version, Some("7.20".into()));
        assert_eq!(read(&[("cpu-load", "nan")]).0.cpu_percent, None);
    }

    #[test]
    fn a_version_that_is_none_is_kept_as_text() {
        let (seen, _) = read(&[("version", "eleven")]);

        assert_eq!(seen.version, Some("eleven".into()));
    }
}
