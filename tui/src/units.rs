//! Numbers as people read them.

use jiff::Timestamp;
use tod_proto::api::devices::Status;

/// `8.8 Gb/s`.
pub fn bps(value: u64) -> String {
    scaled(
        as_float(value),
        1000.0,
        &["b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"],
    )
}

/// `9.8 GiB`.
pub fn bytes(value: u64) -> String {
    scaled(
        as_float(value),
        1024.0,
        &["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
    )
}

fn scaled(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= step && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {name}")
    } else {
        format!("{value:.1} {name}")
    }
}

/// `21d`, `4h`, `3m`, `12s`.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long ago something was.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    span(seconds.unsigned_abs())
}

/// `14:07:22`, in the time zone of this machine.
pub fn clock(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system())
        .strftime("%H:%M:%S")
        .to_string()
}

/// A percentage without decimals.
pub fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}%"))
}

/// A glyph and a word of at most five characters.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Online => "● up",
        Status::Degraded => "▲ degr",
        Status::Offline => "✗ down",
        Status::Unknown => "◌ unkn",
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn as_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_at_most_one_decimal() {
        assert_eq!(bps(999), "999 b/s");
        assert_eq!(bps(8_812_000_000), "8.8 Gb/s");
        assert_eq!(bps(412_400_000), "412 Mb/s");
        assert_eq!(bytes(10_522_669_875), "9.8 GiB");
        assert_eq!(span(86_400 * 21 + 5), "21d");
    }
}
