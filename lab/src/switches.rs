//! Switches: what a device does where nobody has seen for certain what RouterOS does.
//!
//! A client must hold under every position of every switch.

use serde::{Deserialize, Serialize};

use crate::profile::Release;

/// How a device behaves where that is not known for certain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of these switches has two positions"
)]
pub struct Switches {
    /// What `listen` says of a row that is gone.
    pub dead: Dead,
    /// What meets a connection beyond `max-sessions`.
    pub over_limit: OverLimit,
    /// Queries know flags as `true` and `false` alone, not also as `yes` and `no`.
    pub strict_queries: bool,
    /// Shells ask the terminal how large it is, and show nothing until it answers.
    pub probes_terminal: bool,
    /// What shells ask before their first prompt, in this order.
    pub greets: Vec<Greeting>,
    /// An entry of the scheduler that has an interval alone runs at once, too.
    pub eager_timers: bool,
    /// SSH offers what devices of long ago did, and nothing newer.
    pub old_ssh: bool,
}

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

/// What meets one connection too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverLimit {
    /// It is reset at once.
    #[default]
    Reset,
    /// It is closed at once.
    Close,
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

impl Switches {
    /// Returns the word for a row that is gone.
    pub(crate) fn dead_word(&self, release: Release) -> &'static str {
        match self.dead {
            Dead::True => "true",
            Dead::Usual if release.at_least(7, 0) => "true",
            Dead::Yes | Dead::Usual => "yes",
        }
    }
}

/// Says whether a release still takes the hashed password of its elders beside the new sign-in.
pub(crate) fn has_challenge(release: Release) -> bool {
    !release.at_least(6, 45)
}
