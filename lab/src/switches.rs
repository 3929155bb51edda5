//! Switches: what a device does where nobody has seen for certain what RouterOS does.
//!
//! A client must hold under every position of every switch; [`positions`] has them all.

use serde::{Deserialize, Serialize};

use crate::profile::Release;

mod choices;
mod table;

pub use choices::{
    BootClock, BootTimers, Dead, Empty, ExecStatus, Greeting, Health, Notes, OverLimit, Traps,
};
pub use table::{Position, positions};

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
    /// Which commands are answered with `!empty`.
    pub empty: Empty,
    /// How refusals are worded.
    pub traps: Traps,
    /// Under which name a row tells what hinders it.
    pub notes: Notes,
    /// What `/system/health` is.
    pub health: Health,
    /// The tag of a reply stands behind its attributes.
    pub late_tags: bool,
    /// Rows carry `.nextid` and `.flags` as well.
    pub dotted_keys: bool,
    /// Flags in rows are `yes` and `no`, as a console has them.
    pub plain_flags: bool,
    /// Durations in rows are written as `1d02:03:04`.
    pub clock_durations: bool,
    /// Properties that are not set are there, and empty.
    pub shows_unset: bool,
    /// `count-only` is not known: the rows come.
    pub ignores_count: bool,
    /// Queries know flags as `true` and `false` alone, not also as `yes` and `no`.
    pub strict_queries: bool,
    /// A `/cancel` is answered when what it cancels has ended, and not before.
    pub late_cancels: bool,
    /// A `/cancel` of what is not there is answered as if it were.
    pub lenient_cancels: bool,
    /// What meets a connection beyond `max-sessions`.
    pub over_limit: OverLimit,
    /// Sessions of the API end after so many seconds in which nothing is said; 0 is never.
    pub idle_logout_s: u32,
    /// Sessions end with the service that they came in by.
    pub ends_sessions: bool,
    /// Rows have other ids after each boot.
    pub new_ids: bool,
    /// What the clock shows after a boot.
    pub boot_clock: BootClock,
    /// When entries of the scheduler run that were there before a boot.
    pub boot_timers: BootTimers,
    /// An entry of the scheduler that has an interval alone runs at once, too.
    pub eager_timers: bool,
    /// A power failure loses what was changed in so many seconds before it.
    pub flash_delay_s: u32,
    /// Shells ask the terminal how large it is, and show nothing until it answers.
    pub probes_terminal: bool,
    /// What shells ask before their first prompt, in this order.
    pub greets: Vec<Greeting>,
    /// The status of a command over SSH that has failed.
    pub exec_status: ExecStatus,
    /// SSH asks for the password as a question, and takes it in no other way.
    pub asks_password: bool,
    /// SSH offers what devices of long ago did, and nothing newer.
    pub old_ssh: bool,
    /// The API over TLS offers nothing newer than version 1.2.
    pub old_tls: bool,
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

    /// Says whether health is a row for each sensor.
    pub(crate) fn has_sensor_rows(&self, release: Release) -> bool {
        match self.health {
            Health::Rows => true,
            Health::Usual => release.at_least(7, 0),
            Health::Record => false,
        }
    }

    /// Returns the status of a command over SSH that has failed.
    pub(crate) fn failed_status(&self, release: Release) -> u32 {
        match self.exec_status {
            ExecStatus::One => 1,
            ExecStatus::Usual => u32::from(release.at_least(7, 16)),
            ExecStatus::Zero => 0,
        }
    }
}

/// Says whether a release still takes the hashed password of its elders beside the new sign-in.
pub(crate) fn has_challenge(release: Release) -> bool {
    !release.at_least(6, 45)
}
