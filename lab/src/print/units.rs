//! Values as a console spells them: with units, in groups of digits, with yes and no.

use routeros::value::Value as _;

use super::Page;
use crate::text;

impl Page<'_> {
    /// Spells a value as a console does.
    pub(super) fn value(self, name: &str, value: &[u8]) -> String {
        let text = text::decode(value);
        match (text.as_str(), self.path, name) {
            ("true", ..) => "yes".to_owned(),
            ("false", ..) => "no".to_owned(),
            (_, "/system/resource", _) => resource(name, text),
            (_, "/file" | "/system/package", "size") => sized(text),
            (_, "/ip/firewall/connection", _) => connection(name, text),
            (_, path, _) if path.ends_with("/registration-table") => radio(name, text),
            (_, path, _) if path.starts_with("/interface") => port(name, text),
            _ => text,
        }
    }
}

/// Adds the unit to what `/system/resource` counts.
fn resource(name: &str, text: String) -> String {
    match name {
        "free-memory" | "total-memory" | "free-hdd-space" | "total-hdd-space" => {
            u64::parse(text.as_bytes()).map_or(text, size)
        }
        "cpu-frequency" => with_unit(text, "MHz"),
        "cpu-load" | "bad-blocks" => with_unit(text, "%"),
        _ => text,
    }
}

/// Groups the digits of what a connection counts, and adds the unit to its rates.
fn connection(name: &str, text: String) -> String {
    if name.ends_with("-bytes") || name.ends_with("-packets") {
        grouped(&text)
    } else if name.ends_with("-rate") {
        with_unit(text, "bps")
    } else {
        text
    }
}

/// Adds the units to what a radio measures.
fn radio(name: &str, text: String) -> String {
    let is_level = name == "signal-strength" || name.starts_with("signal-strength-ch");
    match name {
        "signal-to-noise" => with_unit(text, "dB"),
        "tx-ccq" | "rx-ccq" => with_unit(text, "%"),
        "tx-signal-strength" => with_unit(text, "dBm"),
        _ if is_level => match text.split_once('@') {
            Some((level, rate)) => with_unit(level.to_owned(), "dBm") + "@" + rate,
            None => with_unit(text, "dBm"),
        },
        _ => text,
    }
}

/// Adds the units to what a port and its module measure.
fn port(name: &str, text: String) -> String {
    let unit = match name {
        "sfp-wavelength" => "nm",
        "sfp-temperature" => "C",
        "sfp-supply-voltage" | "poe-out-voltage" => "V",
        "sfp-tx-bias-current" | "poe-out-current" => "mA",
        "sfp-tx-power" | "sfp-rx-power" => "dBm",
        "poe-out-power" => "W",
        _ if name.starts_with("sfp-link-length-") => "m",
        _ if name.ends_with("-bits-per-second") => return rate(text),
        _ if name.ends_with("-per-second") => return grouped(&text),
        _ => return text,
    };
    with_unit(text, unit)
}

/// Spells bits per second.
fn rate(text: String) -> String {
    let Some(bits) = u64::parse(text.as_bytes()) else {
        return text;
    };
    let units = [
        (1_000_000_000, "Gbps"),
        (1_000_000, "Mbps"),
        (1_000, "kbps"),
    ];
    let Some((whole, unit)) = units.into_iter().find(|(whole, _)| bits >= *whole) else {
        return format!("{bits}bps");
    };
    let tenths = bits * 10 / whole;
    format!("{}.{}{unit}", tenths / 10, tenths % 10)
}

/// Adds a unit to a bare number.
fn with_unit(text: String, unit: &str) -> String {
    match text.chars().last() {
        Some(last) if last.is_ascii_digit() => text + unit,
        _ => text,
    }
}

/// Writes a blank between every three digits.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Spells the size of a file.
fn sized(text: String) -> String {
    match u64::parse(text.as_bytes()) {
        Some(bytes) if bytes >= 1 << 10 => size(bytes),
        _ => text,
    }
}

/// Spells a size: kibibytes below ten mebibytes, mebibytes above.
fn size(bytes: u64) -> String {
    let (whole, unit) = if bytes < 10 << 20 {
        (1 << 10, "KiB")
    } else {
        (1 << 20, "MiB")
    };
    let tenths = (bytes * 10 + whole / 2) / whole;
    format!("{}.{}{unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::{grouped, port, radio, rate};

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!(grouped("7"), "7");
        assert_eq!(grouped("610596"), "610 596");
        assert_eq!(grouped("1234567"), "1 234 567");
    }

    #[test]
    fn what_a_port_measures_has_its_unit() {
        assert_eq!(port("sfp-wavelength", "850".to_owned()), "850nm");
        assert_eq!(port("sfp-tx-power", "-2.843".to_owned()), "-2.843dBm");
        assert_eq!(port("poe-out-current", "93mA".to_owned()), "93mA");
        assert_eq!(rate("999".to_owned()), "999bps");
        assert_eq!(rate("315120".to_owned()), "315.1kbps");
        assert_eq!(rate("94500000".to_owned()), "94.5Mbps");
    }

    #[test]
    fn a_level_has_its_unit_before_its_rate() {
        let level = |text: &str| radio("signal-strength", text.to_owned());
        assert_eq!(level("-62@1Mbps"), "-62dBm@1Mbps");
        assert_eq!(level("-76"), "-76dBm");
        assert_eq!(level("-65dBm@1Mbps"), "-65dBm@1Mbps");
    }
}
