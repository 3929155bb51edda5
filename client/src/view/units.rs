//! Numbers and times as people read them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// One decimal below 100, none above.
fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut unit = units.first().copied().unwrap_or_default();
    for next in units.iter().skip(1) {
        // 999.95 would be shown as 1000.
        if value.abs() < step - 0.5 {
            break;
        }
        value /= step;
        unit = next;
    }
    if value.abs() >= 99.95 || value.fract() == 0.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn float(value: u64) -> f64 {
    value as f64
}

/// A rate in bits a second: `8.8 Gb/s`.
pub fn bps(value: u64) -> String {
    scaled(
        float(value),
        1000.0,
        &["b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"],
    )
}

/// An amount of bytes: `9.8 GiB`.
pub fn bytes(value: u64) -> String {
    scaled(
        float(value),
        1024.0,
        &["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
    )
}

/// A share: `97%`.
pub fn percent(value: f64) -> String {
    format!("{value:.0}%")
}

/// A span in its largest unit: `21d`, `4h`, `3m`, `6s`.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A span in its two largest units: `112d 4h`.
pub fn span_long(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3_600);
    let (minutes, rest) = (seconds % 3_600 / 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest}s"),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// How long ago: below seven days a span, then a date. What lies ahead is `in 3m`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at);
    let seconds = passed.unsigned_abs().as_secs();
    if seconds >= 7 * 86_400 {
        return at.to_zoned(TimeZone::system()).strftime("%F").to_string();
    }
    if passed < SignedDuration::from_secs(-1) {
        format!("in {}", span(seconds))
    } else {
        span(seconds)
    }
}

/// For programs: RFC 3339, UTC, milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The time of day where the reader is: `14:03:21`.
pub fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%T").to_string()
}

/// Thousands apart: `9,812`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A line of eight heights for values between `low` and `high`.
pub fn spark(values: &[f64], low: f64, high: f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let range = (high - low).max(f64::MIN_POSITIVE);
    let bar = |value: &f64| {
        let height = ((value - low) / range * 8.0).clamp(0.0, 7.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=7"
        )]
        let height = height as usize;
        BARS.get(height).copied().unwrap_or(' ')
    };
    values.iter().map(bar).collect()
}
