//! One worker for each device: it alone talks to it.
//!
//! ```text
//! fleet ── edits (watch) ──►┐                    ┌──► spool (samples)
//! task ─── asks (16) ──────►│ worker ── link ────┤
//! machine ── due ──────────►┘    │               └──► replies (oneshot)
//!                                └── push: one step at a time
//! ```
//!
//! One thing happens at a time: a poll, a command or a push step. What is asked waits for what
//! runs, which has a deadline. A withdrawal ends all of it at once.

pub mod machine;
pub mod pace;
mod run;

use std::sync::Arc;

use routeros::capability::Capabilities;
use tod_proto::bus::task::{PushStep, Report};
use tod_proto::id::{ChangeId, PollerId};
use tod_service::clock::Clock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::machine::Breaker;
use self::pace::Pace;
pub use self::run::Worker;
use crate::device::Target;
use crate::device::dial::Dialler;
use crate::report::Spool;

/// What all workers share.
#[derive(Debug)]
pub struct Kit {
    /// Who we are.
    pub poller: PollerId,
    /// Connections.
    pub dialler: Arc<Dialler>,
    /// How fast polls may connect.
    pub pace: Pace,
    /// The time.
    pub clock: Clock,
    /// Where samples go.
    pub spool: Spool,
    /// When a device that does not answer is tried less often.
    pub breaker: Breaker,
}

/// Something to do, and where the answer goes.
#[derive(Debug)]
pub struct Ask {
    /// What.
    pub job: Job,
    /// When the answer is of no use any more.
    pub deadline: Instant,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Report>,
}

/// What a worker can be asked.
#[derive(Debug)]
pub enum Job {
    /// Runs one command.
    Command {
        /// The path with its verb.
        command: String,
        /// Its words.
        arguments: Vec<String>,
    },
    /// Polls now.
    Poll,
    /// Does one step of a change.
    Push {
        /// The change.
        change: ChangeId,
        /// Its number.
        number: u64,
        /// The step.
        step: Box<PushStep>,
    },
    /// Remembers a host key that a relay trusted at first use.
    HostKey(String),
}

/// How others reach a worker.
#[derive(Clone, Debug)]
pub struct Handle {
    /// The device as it is to be treated from now on.
    pub target: watch::Sender<Arc<Target>>,
    /// What the device can do, once it has been asked.
    pub known: watch::Receiver<Option<Capabilities>>,
    /// What it is asked.
    pub asks: mpsc::Sender<Ask>,
    /// Ends it.
    pub stop: CancellationToken,
}

impl Handle {
    /// Whether the worker is there.
    pub fn is_alive(&self) -> bool {
        !self.asks.is_closed() && !self.stop.is_cancelled()
    }
}
