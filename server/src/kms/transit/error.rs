//! Why the key service did not do what it was asked.

/// What went wrong. No message holds a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransitError {
    /// A setting cannot be used.
    #[error("`{setting}`: {reason}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// Why not.
        reason: String,
    },
    /// Nobody answers, or nobody whom the settings trust.
    #[error("`keys.transit.address`: OpenBao at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// It does not answer in time.
    #[error("OpenBao has not answered within {seconds} s")]
    Slow {
        /// How long was waited.
        seconds: u64,
    },
    /// It is sealed.
    #[error("OpenBao is sealed: unseal it with `bao operator unseal`")]
    Sealed,
    /// It was never initialised.
    #[error("OpenBao is not initialised: `bao operator init`")]
    Uninitialised,
    /// It is well for others, but cannot serve us.
    #[error("OpenBao is not ready: it answers {status}")]
    NotReady {
        /// The status of its answer.
        status: u16,
    },
    /// It points elsewhere. We do not carry a token there.
    #[error(
        "`keys.transit.address`: OpenBao answers with a redirect ({status}), which is not followed"
    )]
    Redirected {
        /// The status of its answer.
        status: u16,
    },
    /// It does not let us in.
    #[error("`{setting}`: OpenBao does not let us in: {reason}")]
    NotLetIn {
        /// What is wrong.
        setting: &'static str,
        /// What it says.
        reason: String,
    },
    /// The token may not do all that is needed.
    #[error(
        "the policy of the token for OpenBao lacks {missing}: docs/kms.md has the whole policy"
    )]
    Rights {
        /// What is missing: "update on transit/encrypt/tod-*".
        missing: String,
    },
    /// It refuses.
    #[error("OpenBao refuses ({status}): {reason}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// Its answer is too long.
    #[error("the answer of OpenBao is longer than {bound} bytes")]
    Huge {
        /// How much would have been read.
        bound: usize,
    },
    /// Its answer makes no sense.
    #[error("the answer of OpenBao makes no sense: {0}")]
    Nonsense(String),
    /// A call before this one has failed a moment ago; this one was not made.
    #[error("OpenBao has failed a moment ago: {0}")]
    Resting(Box<TransitError>),
}

impl TransitError {
    /// Whether the same call may succeed later, without anybody changing a setting or a key.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::Sealed
            | Self::Uninitialised
            | Self::NotReady { .. }
            | Self::Redirected { .. }
            | Self::Huge { .. }
            | Self::Nonsense(_)
            | Self::Resting(_) => true,
            Self::Setting { .. }
            | Self::NotLetIn { .. }
            | Self::Rights { .. }
            | Self::Refused { .. } => false,
        }
    }
}
