//! Numbers with a letter before them: `c-17`, `r-8`.

use std::str::FromStr;

/// The number of a thing whose kind is the letter `C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<const C: char>(pub u64);

/// The number of a change.
pub type ChangeNumber = Number<'c'>;
/// The number of a run.
pub type RunNumber = Number<'r'>;

impl<const C: char> FromStr for Number<C> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text
            .strip_prefix(C)
            .and_then(|rest| rest.strip_prefix('-'))
            .unwrap_or(text);
        let number = digits
            .parse()
            .map_err(|_| format!("`{text}` is not a number like {C}-17"))?;
        Ok(Self(number))
    }
}
