//! Calls: what one command may take, what it took, and what came of it.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Trap;
use crate::login::LoginError;
use crate::reply::{Kind, ReplyRef};
use crate::row::{RowRef, Rows};
use crate::sentence;

/// The number of a call. It is never used twice on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub(super) u64);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long until its first reply.
    pub first_reply: Option<Duration>,
    /// How long between two replies.
    pub progress: Option<Duration>,
    /// How long in all.
    pub total: Option<Duration>,
    /// How many rows.
    pub rows: u64,
    /// How many bytes of memory all of its replies may take.
    pub bytes: u64,
}

impl Budget {
    /// Fits a poll. A loaded CHR takes 20 ms per request, a small MIPS board 10 s for wide rows.
    pub const DEFAULT: Self = Self {
        first_reply: Some(Duration::from_secs(30)),
        progress: Some(Duration::from_secs(30)),
        total: Some(Duration::from_mins(5)),
        rows: 100_000,
        bytes: 64 << 20,
    };

    /// For commands that last until they are cancelled.
    pub const UNBOUNDED: Self = Self {
        first_reply: None,
        progress: None,
        total: None,
        rows: u64::MAX,
        bytes: u64::MAX,
    };
}

/// What a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long signing in may take.
    pub login: Duration,
    /// How large a sentence may be.
    pub sentence: sentence::Limits,
    /// What a call may take unless it is told otherwise.
    pub call: Budget,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(10),
            sentence: sentence::Limits::CLIENT,
            call: Budget::DEFAULT,
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The login is through.
    LoggedIn,
    /// The login is not; the connection is of no use.
    LoginFailed(LoginError),
    /// Records, as many as came at once.
    Rows {
        /// The call.
        tag: Tag,
        /// The records.
        rows: Rows,
    },
    /// The device says that there are no records. [`Event::Done`] follows.
    Empty {
        /// The call.
        tag: Tag,
    },
    /// The device refuses. [`Event::Done`] follows.
    Trap {
        /// The call.
        tag: Tag,
        /// The refusal.
        trap: Trap,
    },
    /// The call has ended.
    Done {
        /// The call.
        tag: Tag,
        /// The result, of commands that have one.
        ret: Option<Vec<u8>>,
    },
    /// The call has been given up. Nothing follows.
    Failed {
        /// The call.
        tag: Tag,
        /// Why.
        failure: Failure,
    },
    /// The device ended the conversation. The text is foreign: escape it.
    Fatal {
        /// What it says.
        reason: String,
    },
}

/// Why a call was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No reply came in time.
    #[error("no answer in time")]
    NoReply,
    /// Replies came, then none.
    #[error("the answer stalled")]
    Stalled,
    /// It took too long in all.
    #[error("the answer took too long")]
    TooLong,
    /// It had too many rows.
    #[error("the answer had too many rows")]
    TooManyRows,
    /// It had too many bytes.
    #[error("the answer was too large")]
    TooManyBytes,
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
}

/// How often something odd was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Replies of a kind that is not known.
    pub unknown: u64,
    /// Replies without a tag of ours.
    pub foreign: u64,
    /// Replies to calls that were given up.
    pub late: u64,
    /// Calls that were given up and have not ended since.
    pub lost: u64,
}

/// Who waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Caller,
    Nobody,
}

/// How long a call that was given up, or a `/cancel`, is remembered when it does not end.
const MEMORY: Duration = Duration::from_mins(1);

/// The most bytes of records that memory is taken for before they are there.
const EXPECTED: usize = 8 << 10;

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) owner: Owner,
    budget: Budget,
    started: Instant,
    last_reply: Option<Instant>,
    rows: u64,
    bytes: u64,
    /// Records that have come and were not handed out.
    pub(super) fresh: Rows,
}

/// What a time without a reply comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// The caller has to know.
    Failed(Failure),
    /// Nobody waits for it, and it can be forgotten.
    Forgotten,
}

impl Call {
    pub(super) fn new(now: Instant, budget: Budget) -> Self {
        Self {
            owner: Owner::Caller,
            budget,
            started: now,
            last_reply: None,
            rows: 0,
            bytes: 0,
            fresh: Rows::new(),
        }
    }

    /// A call of our own, whose answer is of no interest.
    pub(super) fn unowned(now: Instant) -> Self {
        let mut call = Self::new(now, Budget::UNBOUNDED);
        call.abandon(now);
        call
    }

    /// Counts from now, because only now it is sent.
    pub(super) fn restart(&mut self, now: Instant) {
        self.started = now;
    }

    /// Nobody waits for it from here on; it stays known until its `!done`, or for a while.
    pub(super) fn abandon(&mut self, now: Instant) {
        self.owner = Owner::Nobody;
        self.started = now;
        self.budget = Budget {
            total: Some(MEMORY),
            ..Budget::UNBOUNDED
        };
    }

    /// Takes a reply into account; tells if that is too much.
    pub(super) fn progress(&mut self, now: Instant, reply: &ReplyRef<'_>) -> Option<Failure> {
        self.last_reply = Some(now);
        self.bytes = self.bytes.saturating_add(reply.row.size() as u64);
        if reply.kind == Kind::Re {
            self.rows += 1;
        }
        if self.rows > self.budget.rows {
            return Some(Failure::TooManyRows);
        }
        (self.bytes > self.budget.bytes).then_some(Failure::TooManyBytes)
    }

    /// Keeps a record; `expected` bytes may be of this call as well.
    pub(super) fn keep(&mut self, row: &RowRef<'_>, expected: usize) {
        if self.fresh.is_empty() {
            self.fresh = Rows::with_capacity(expected.min(EXPECTED));
        }
        self.fresh.push(row);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let pause = self.pause_ends().map(|(at, _)| at);
        let total = self.total_ends();
        pause.into_iter().chain(total).min()
    }

    pub(super) fn late(&self, now: Instant) -> Option<Late> {
        if self.total_ends().is_some_and(|at| at <= now) {
            return Some(match self.owner {
                Owner::Caller => Late::Failed(Failure::TooLong),
                Owner::Nobody => Late::Forgotten,
            });
        }
        self.pause_ends()
            .filter(|&(at, _)| at <= now)
            .map(|(_, failure)| Late::Failed(failure))
    }

    fn pause_ends(&self) -> Option<(Instant, Failure)> {
        match self.last_reply {
            None => Some((self.started + self.budget.first_reply?, Failure::NoReply)),
            Some(last) => Some((last + self.budget.progress?, Failure::Stalled)),
        }
    }

    fn total_ends(&self) -> Option<Instant> {
        Some(self.started + self.budget.total?)
    }
}
