//! Texts with their secrets hidden: scripts, plans, what a device said.
//!
//! Three things tell of a secret: the name that a value is given to, the value itself, which is
//! known from a script or a device, and a string that holds one again. Errs towards hiding: what is
//! hidden wrongly is a smaller harm than what is shown wrongly.

mod scan;
mod values;

use std::collections::BTreeSet;

/// Values shorter than this are hidden by their names alone: as words they are everywhere.
const LEAST: usize = 3;

/// The values that must not be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Veil {
    values: BTreeSet<Vec<u8>>,
}

impl Veil {
    /// Knows what a script gives to properties that hold secrets. Of a script that cannot be read,
    /// it knows what its lines look like.
    pub fn of_script(script: &[u8]) -> Self {
        let mut veil = Self::default();
        for value in values::of_script(script) {
            veil.add(&value);
        }
        veil
    }

    /// Knows one more value.
    pub fn add(&mut self, value: &[u8]) {
        if value.len() >= LEAST {
            self.values.insert(value.to_vec());
        }
    }

    /// The values that it knows.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().map(Vec::as_slice)
    }

    /// The text with `mark` of each secret in the place of it. A text that was hidden once stays
    /// as it is.
    pub fn hide(&self, text: &str, mark: &mut dyn FnMut(&[u8]) -> String) -> String {
        scan::hide(self, text.as_bytes(), mark)
    }

    fn knows(&self, word: &[u8]) -> bool {
        self.values.contains(word)
    }
}

/// How many there are; not which.
impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Veil")
            .field("values", &self.values.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
