//! Versions of RouterOS, their order, and what each can do.

use std::fmt;

/// How finished a version is, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// `7.20alpha1`
    Alpha(u16),
    /// `7.20beta2`
    Beta(u16),
    /// `7.20rc3`
    Candidate(u16),
    /// `7.20`
    Release,
}

/// A version: `7.20rc1` < `7.20` < `7.20.1`, and 7.9 < 7.15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// 6 or 7.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number; 0 when it is not written.
    pub patch: u16,
    /// How finished it is.
    pub stage: Stage,
}

/// Where a version comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `stable`, once `current`.
    Stable,
    /// `long-term`, once `bugfix`.
    LongTerm,
    /// `testing`, once `release-candidate`.
    Testing,
    /// `development`.
    Development,
    /// Another word.
    Other(String),
}

/// What a device says that it runs: `7.20rc1 (testing)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Installed {
    /// The version.
    pub version: Version,
    /// The channel; versions before 6.44 or so do not tell.
    pub channel: Option<Channel>,
}

/// Something that came with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Login in one step.
    PlainLogin,
    /// Dates are `2023-07-21`, not `jul/21/2023`.
    IsoDates,
    /// `/interface/wifi` is in the base package, `wireless` is one of its own.
    WifiMenu,
    /// `/file/read`, and `:serialize` in scripts.
    FileRead,
    /// `/ip/service` has `max-sessions`.
    MaxSessions,
    /// New devices are in a restricted `device-mode`.
    DeviceMode,
    /// The `/safe-mode` menu.
    SafeModeMenu,
    /// `!empty` replies.
    EmptyReply,
    /// REST.
    Rest,
    /// Secrets are left out of exports unless asked for.
    HiddenSecrets,
    /// The `/interface/wireguard` menu.
    WireGuard,
}

impl Feature {
    /// The first version that has it.
    pub fn since(self) -> Version {
        let (major, minor) = match self {
            Self::PlainLogin => (6, 43),
            Self::HiddenSecrets => (7, 0),
            Self::Rest | Self::WireGuard => (7, 1),
            Self::IsoDates => (7, 10),
            Self::WifiMenu | Self::FileRead => (7, 13),
            Self::MaxSessions => (7, 16),
            Self::DeviceMode => (7, 17),
            Self::SafeModeMenu | Self::EmptyReply => (7, 18),
        };
        Version {
            major,
            minor,
            patch: 0,
            stage: Stage::Alpha(0),
        }
    }
}

impl Version {
    /// A finished version.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
            stage: Stage::Release,
        }
    }

    /// Reads `7.20.4`, `7.20rc1`, `6.49`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, rest) = number(text)?;
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        let (patch, rest) = match rest.strip_prefix('.') {
            Some(rest) => number(rest)?,
            None => (0, rest),
        };
        let stage = stage(rest)?;
        Some(Self {
            major,
            minor,
            patch,
            stage,
        })
    }

    /// Whether this version has a feature.
    pub fn has(self, feature: Feature) -> bool {
        self >= feature.since()
    }
}

fn number(text: &str) -> Option<(u16, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

fn stage(text: &str) -> Option<Stage> {
    if text.is_empty() {
        return Some(Stage::Release);
    }
    let with_number = |word: &str| text.strip_prefix(word)?.parse().ok();
    let alpha = with_number("alpha").map(Stage::Alpha);
    alpha
        .or_else(|| with_number("beta").map(Stage::Beta))
        .or_else(|| with_number("rc").map(Stage::Candidate))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 {
            write!(f, ".{}", self.patch)?;
        }
        match self.stage {
            Stage::Alpha(n) => write!(f, "alpha{n}"),
            Stage::Beta(n) => write!(f, "beta{n}"),
            Stage::Candidate(n) => write!(f, "rc{n}"),
            Stage::Release => Ok(()),
        }
    }
}

impl Channel {
    fn parse(word: &str) -> Self {
        match word {
            "stable" | "current" => Self::Stable,
            "long-term" | "bugfix" => Self::LongTerm,
            "testing" | "release-candidate" => Self::Testing,
            "development" => Self::Development,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The word that current versions use.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stable => "stable",
            Self::LongTerm => "long-term",
            Self::Testing => "testing",
            Self::Development => "development",
            Self::Other(word) => word,
        }
    }
}

impl Installed {
    /// Reads `7.15.2 (stable)`, `6.27`, `7.15.1 (stable) 2024-06-07 12:49:11`.
    pub fn parse(text: &str) -> Option<Self> {
        let (version, rest) = match text.trim().split_once(' ') {
            Some((version, rest)) => (version, rest.trim_start()),
            None => (text.trim(), ""),
        };
        let channel = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(word, _)| Channel::parse(word));
        Some(Self {
            version: Version::parse(version)?,
            channel,
        })
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.version)?;
        match &self.channel {
            Some(channel) => write!(f, " ({})", channel.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_and_stage() {
        let ordered = [
            "6.43.8",
            "6.49.18",
            "7.1.5",
            "7.9",
            "7.15",
            "7.15.3",
            "7.20alpha1",
            "7.20beta2",
            "7.20beta10",
            "7.20rc1",
            "7.20",
            "7.20.1",
        ];
        let parsed: Vec<_> = ordered.iter().map(|v| Version::parse(v).unwrap()).collect();
        assert!(parsed.is_sorted_by(|a, b| a < b));
        let printed: Vec<_> = parsed.iter().map(ToString::to_string).collect();
        assert_eq!(printed, ordered);
    }

    #[test]
    fn channels_are_read() {
        let installed = Installed::parse("7.20rc1 (testing)").unwrap();
        assert_eq!(installed.channel, Some(Channel::Testing));
        assert_eq!(installed.to_string(), "7.20rc1 (testing)");
        let neighbour = Installed::parse("7.15.1 (stable) 2024-06-07 12:49:11").unwrap();
        assert_eq!(neighbour.to_string(), "7.15.1 (stable)");
        assert_eq!(Installed::parse("6.27").unwrap().channel, None);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "", "7", "7.", "7.x", "7.20foo1", "7.20rc", "99999.1", "7.1.2.3", "é.1",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn features_come_with_the_first_test_version() {
        assert!(
            Version::parse("7.18beta2")
                .unwrap()
                .has(Feature::SafeModeMenu)
        );
        assert!(!Version::new(7, 17, 2).has(Feature::SafeModeMenu));
        assert!(Version::new(6, 43, 8).has(Feature::PlainLogin));
    }
}
