//! Whether a certificate or a host key is the trusted one: decisions as values.

use tod_proto::api::devices::TlsMode;

/// Why a certificate is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// An authority vouches for it.
    Authority,
    /// It is the pinned one.
    Pinned,
    /// Nothing was known before.
    FirstUse,
}

/// Why it is not. No password was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is another one than the pinned.
    #[error("the certificate has changed: pinned is {pinned}, offered was {offered}")]
    Changed {
        /// The fingerprint that is trusted.
        pinned: String,
        /// The one that was offered.
        offered: String,
    },
    /// Only a pinned one would do, and none is.
    #[error("no certificate is pinned; offered was {offered}")]
    NothingPinned {
        /// The fingerprint that was offered.
        offered: String,
    },
    /// Only an authority's word would do.
    #[error("no authority vouches for the certificate: {reason}")]
    NotVerified {
        /// What is wrong with it.
        reason: String,
    },
}

/// Judges a certificate by its fingerprint and by what the authorities say of it.
pub fn judge(
    mode: TlsMode,
    pin: Option<&str>,
    offered: &str,
    verified: Result<(), String>,
) -> Result<Trust, Mismatch> {
    let is_pinned = pin.is_some_and(|pin| pin.eq_ignore_ascii_case(offered));
    match (mode, verified) {
        (TlsMode::Auto | TlsMode::Verified, Ok(())) => Ok(Trust::Authority),
        (TlsMode::Verified, Err(reason)) => Err(Mismatch::NotVerified { reason }),
        (TlsMode::Auto | TlsMode::Pinned, _) if is_pinned => Ok(Trust::Pinned),
        (TlsMode::Auto, Err(_)) if pin.is_none() => Ok(Trust::FirstUse),
        (
            TlsMode::Auto | TlsMode::Pinned | TlsMode::Plain | TlsMode::Anonymous | TlsMode::Ssh,
            _,
        ) => Err(match pin {
            Some(pinned) => Mismatch::Changed {
                pinned: pinned.to_owned(),
                offered: offered.to_owned(),
            },
            None => Mismatch::NothingPinned {
                offered: offered.to_owned(),
            },
        }),
    }
}

/// What is known of an SSH host key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKey {
    /// It is the pinned one.
    Known,
    /// Nothing was known before.
    New(String),
    /// It is another one than the pinned.
    Changed {
        /// The fingerprint that is trusted.
        pinned: String,
        /// The one that was offered.
        offered: String,
    },
}

/// Judges an SSH host key by its fingerprint, `SHA256:…`.
pub fn judge_host_key(pin: Option<&str>, offered: &str) -> HostKey {
    match pin {
        None => HostKey::New(offered.to_owned()),
        Some(pin) if pin == offered => HostKey::Known,
        Some(pinned) => HostKey::Changed {
            pinned: pinned.to_owned(),
            offered: offered.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_trusts_what_it_says() {
        use TlsMode::{Anonymous, Auto, Pinned, Plain, Ssh, Verified};
        let cases = [
            (Auto, None, true, Some(Trust::Authority)),
            (Auto, None, false, Some(Trust::FirstUse)),
            (Auto, Some("aa"), false, Some(Trust::Pinned)),
            (Auto, Some("AA"), false, Some(Trust::Pinned)),
            (Auto, Some("bb"), false, None),
            (Auto, Some("bb"), true, Some(Trust::Authority)),
            (Verified, None, true, Some(Trust::Authority)),
            (Verified, None, false, None),
            (Verified, Some("aa"), false, None),
            (Pinned, Some("aa"), false, Some(Trust::Pinned)),
            (Pinned, Some("bb"), true, None),
            (Pinned, None, true, None),
            (Plain, None, true, None),
            (Anonymous, Some("aa"), true, None),
            (Ssh, Some("aa"), true, None),
        ];
        for (mode, pin, vouched, expected) in cases {
            let verified = if vouched {
                Ok(())
            } else {
                Err("expired".to_owned())
            };

            let trust = judge(mode, pin, "aa", verified).ok();

            assert_eq!(trust, expected, "{mode:?} {pin:?} {vouched}");
        }
    }

    #[test]
    fn a_changed_host_key_is_told_from_a_new_one() {
        assert_eq!(
            judge_host_key(None, "SHA256:a"),
            HostKey::New("SHA256:a".to_owned())
        );
        assert_eq!(judge_host_key(Some("SHA256:a"), "SHA256:a"), HostKey::Known);
        let changed = judge_host_key(Some("SHA256:a"), "SHA256:b");
        assert!(matches!(changed, HostKey::Changed { .. }));
    }
}
