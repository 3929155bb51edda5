//! Numbers as the console writes them, with a unit: `40.2MiB`, `650MHz`, `1%`, `33C`.

use super::{Value, utf8};

/// A number with its unit, which the API leaves out and the console does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// The number.
    pub number: f64,
    /// The unit as it is written; empty when there is none.
    pub unit: String,
}

/// Units of memory and how many bytes they have.
const MEMORY: [(&str, f64); 6] = [
    ("", 1.0),
    ("B", 1.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

impl Quantity {
    /// As bytes, if it is memory: `40.2MiB`, or a plain number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the sign is looked at and the cast saturates"
    )]
    pub fn bytes(&self) -> Option<u64> {
        let (_, factor) = MEMORY.iter().find(|(unit, _)| *unit == self.unit)?;
        (self.number >= 0.0).then(|| (self.number * factor).round() as u64)
    }
}

impl Value for Quantity {
    const KIND: &'static str = "a number with a unit";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = utf8(bytes)?;
        let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-');
        let end = text.find(|c| !is_of_number(c)).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        let is_of_unit = |c: char| c.is_ascii_alphabetic() || matches!(c, '%' | '/');
        let number: f64 = number
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())?;
        unit.chars().all(is_of_unit).then(|| Self {
            number,
            unit: unit.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_console_have_units() {
        for (text, number, unit, bytes) in [
            ("40.2MiB", 40.2, "MiB", Some(42_152_755)),
            ("16.0KiB", 16.0, "KiB", Some(16_384)),
            ("1073741824", 1_073_741_824.0, "", Some(1_073_741_824)),
            ("650MHz", 650.0, "MHz", None),
            ("1%", 1.0, "%", None),
            ("33C", 33.0, "C", None),
            ("-12dBm", -12.0, "dBm", None),
            ("-5", -5.0, "", None),
        ] {
            let read = Quantity::parse(text.as_bytes()).unwrap();
            assert_eq!((read.number, read.unit.as_str()), (number, unit), "{text}");
            assert_eq!(read.bytes(), bytes, "{text}");
        }
        for text in ["", "MiB", "1.2.3", "1 MiB", "1\u{e9}", "--1", "."] {
            assert_eq!(Quantity::parse(text.as_bytes()), None, "{text}");
        }
    }
}
