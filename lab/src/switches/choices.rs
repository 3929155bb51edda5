//! Switches with more than two positions.

use serde::{Deserialize, Serialize};

/// A word for a row that is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dead {
    /// As the release does: `yes` before 7, `true` since.
    #[default]
    Usual,
    /// `yes`, as the manual says.
    Yes,
    /// `true`, as was seen.
    True,
}

/// Which commands are answered with `!empty` before their `!done`, since the release that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Empty {
    /// `print`, when there are no rows.
    #[default]
    Usual,
    /// Every command that gives nothing.
    Every,
    /// None.
    Never,
}

/// How refusals are worded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Traps {
    /// With a category where one was seen, and a number at the end of a few.
    #[default]
    Usual,
    /// Without categories.
    Bare,
    /// With a number at the end of each.
    Numbered,
}

/// Under which name a row tells what hinders it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notes {
    /// `.about`.
    #[default]
    Dotted,
    /// `about`.
    Plain,
    /// It does not tell over the API.
    None,
}

/// What `/system/health` is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// One record before 7, a row for each sensor since.
    #[default]
    Usual,
    /// One record.
    Record,
    /// A row for each sensor.
    Rows,
}

/// What meets one connection too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverLimit {
    /// It is reset at once.
    #[default]
    Reset,
    /// It is closed at once.
    Close,
    /// It is taken and not answered.
    Silent,
}

/// What the clock shows after a boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootClock {
    /// The time: a battery kept it, or a server told it.
    #[default]
    Kept,
    /// The time that was last saved, an hour ago.
    Behind,
    /// The second day of 1970.
    Lost,
}

/// When entries of the scheduler run that were there before a boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootTimers {
    /// At their start and whole intervals after it.
    #[default]
    Grid,
    /// One interval after the boot.
    Afresh,
    /// With the boot.
    AtOnce,
}

/// The status of a command over SSH that has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecStatus {
    /// 0, and 1 since 7.16.
    #[default]
    Usual,
    /// 0.
    Zero,
    /// 1.
    One,
}

/// What a shell may ask before its first prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Greeting {
    /// Whether to show the licence.
    Licence,
    /// Nothing more than the Enter key, for want of a licence.
    Unlicensed,
    /// What to do with the factory's configuration.
    DefaultConfiguration,
    /// A new password.
    NewPassword,
}
