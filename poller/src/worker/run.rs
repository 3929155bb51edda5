//! The shell around the machine: waits for what comes first, and does it.

use std::sync::Arc;
use std::time::Duration;

use routeros::capability::Capabilities;
use tod_proto::api::devices::TlsMode;
use tod_proto::bus::sample::FailureKind;
use tod_proto::bus::task::Report;
use tod_proto::id::ChangeId;
use tod_proto::untrusted::plain;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::machine::Machine;
use super::{Ask, Job, Kit};
use crate::collect;
use crate::device::error::LinkError;
use crate::device::link::Link;
use crate::device::{Contact, Seen, Target};
use crate::push::{self, Memory};
use crate::task;

mod poll;

use self::poll::Polled;

/// How often it is tried again when a device that takes one session still counts the last one.
const AGAIN: u32 = 5;
/// How long is waited before that.
const PAUSE: Duration = Duration::from_millis(100);

/// Talks to one device.
#[derive(Debug)]
pub struct Worker {
    kit: Arc<Kit>,
    target: Arc<Target>,
    edits: watch::Receiver<Arc<Target>>,
    asks: mpsc::Receiver<Ask>,
    stop: CancellationToken,
    machine: Machine,
    /// When the next poll may connect, if it has to wait for that.
    turn: Option<std::time::Instant>,
    link: Option<Link>,
    /// Logins since the last sample.
    logins: u32,
    /// What was trusted at first use, until the server has pinned it.
    first: Seen,
    /// The change that is being made.
    memory: Option<Memory>,
    /// What the device can do; unknown until it is asked, with the next poll.
    known: watch::Sender<Option<Capabilities>>,
}

/// What comes next.
enum Next {
    Stop,
    Edited,
    Asked(Ask),
    Due,
    Ended,
}

impl Worker {
    /// A worker that polls for the first time after `phase`.
    pub fn new(
        kit: Arc<Kit>,
        mut edits: watch::Receiver<Arc<Target>>,
        asks: mpsc::Receiver<Ask>,
        stop: CancellationToken,
        phase: Duration,
    ) -> Self {
        let target = Arc::clone(&edits.borrow_and_update());
        Self {
            machine: Machine::new(Instant::now().into_std(), target.period, phase)
                .with_breaker(kit.breaker),
            kit,
            target,
            edits,
            asks,
            stop,
            turn: None,
            link: None,
            logins: 0,
            first: Seen::default(),
            memory: None,
            known: watch::Sender::new(None),
        }
    }

    /// Works until it is stopped.
    pub async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Stop => break,
                Next::Edited => self.take_edits(),
                Next::Ended => self.link = None,
                Next::Due => {
                    if self.may_begin()
                        && let Some(polled) = self.interruptible().await
                    {
                        self.settle(polled);
                    }
                }
                Next::Asked(ask) => {
                    let stop = self.stop.clone();
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => break,
                        () = self.answer(ask) => {}
                    }
                }
            }
        }
        let name = plain(&self.target.name);
        tracing::debug!(device.id = %self.target.device, "letting go of `{name}`");
    }

    /// The device.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The session, opened if there is none.
    pub async fn link(&mut self) -> Result<&mut Link, LinkError> {
        if self.link.is_none() {
            let link = self.open().await?;
            return Ok(self.link.insert(link));
        }
        self.link
            .as_mut()
            .ok_or_else(|| LinkError::Closed(String::new()))
    }

    /// A session that is new, so that it shows whether the device can be reached at all. The old one
    /// is ended before, so that there is never more than one.
    pub async fn fresh_link(&mut self) -> Result<&mut Link, LinkError> {
        let had_link = self.link.take().is_some();
        let mut tries = if had_link && self.is_crowded() {
            AGAIN
        } else {
            0
        };
        loop {
            match self.open().await {
                Ok(link) => return Ok(self.link.insert(link)),
                // The device has not yet noticed that the only place is free.
                Err(error) if tries > 0 && is_refusal(&error) => tries -= 1,
                Err(error) => return Err(error),
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether the device takes one session of the API and no more.
    fn is_crowded(&self) -> bool {
        let service = match self.target.contact.tls {
            TlsMode::Plain | TlsMode::Ssh => "api",
            TlsMode::Auto | TlsMode::Verified | TlsMode::Pinned | TlsMode::Anonymous => "api-ssl",
        };
        let known = self.known.borrow();
        let most = known
            .as_ref()
            .and_then(|known| known.most_sessions(service));
        most.is_some_and(|most| most < 2)
    }

    /// What the device can do, for others.
    pub fn known(&self) -> watch::Receiver<Option<Capabilities>> {
        self.known.subscribe()
    }

    /// What the device can do, as it was found out last; asked for if it was not yet.
    pub async fn capabilities(&mut self, deadline: Instant) -> Result<Capabilities, LinkError> {
        let known = self.known.borrow().clone();
        match known {
            Some(known) => Ok(known),
            None => self.learn(deadline).await,
        }
    }

    /// Asks the device what it can do.
    pub async fn learn(&mut self, deadline: Instant) -> Result<Capabilities, LinkError> {
        let questions = Capabilities::questions(&self.target.contact.username);
        let link = self.link().await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let answers = link.exchange(&questions, link.budget(left)).await?;
        if let Some(failure) = answers.iter().find_map(|answer| answer.failure) {
            return Err(failure.into());
        }
        let known = collect::capabilities(&answers);
        self.known.send_replace(Some(known.clone()));
        Ok(known)
    }

    /// Whether there is a session.
    pub fn has_link(&self) -> bool {
        self.link.is_some()
    }

    /// What is remembered of a change.
    pub fn memory(&self, change: ChangeId) -> Option<Memory> {
        self.memory.filter(|memory| memory.is_of(change))
    }

    /// Remembers how far a change is.
    pub fn remember(&mut self, memory: Memory) {
        self.memory = Some(memory);
    }

    /// Gives the session up, because it failed or was left in the middle of something.
    pub fn drop_link(&mut self) {
        self.link = None;
    }

    async fn open(&mut self) -> Result<Link, LinkError> {
        let link = Link::open(&self.kit.dialler, &self.contact()).await?;
        self.logins += 1;
        let Seen {
            certificate,
            host_key,
        } = link.first_use().clone();
        self.first.certificate = certificate.or(self.first.certificate.take());
        self.first.host_key = host_key.or(self.first.host_key.take());
        Ok(link)
    }

    /// The contact, with what was trusted at first use pinned even before the server knows of it.
    fn contact(&self) -> Contact {
        let mut contact = self.target.contact.clone();
        if contact.tls_pin.is_none() {
            contact.tls_pin.clone_from(&self.first.certificate);
        }
        if contact.ssh_pin.is_none() {
            contact.ssh_pin.clone_from(&self.first.host_key);
        }
        contact
    }

    async fn next(&mut self) -> Next {
        let turn = self.turn;
        let due = self
            .machine
            .due()
            .map(|due| turn.map_or(due, |turn| turn.max(due)));
        let is_due = async {
            match due {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            match &mut self.link {
                Some(link) => link.idle().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Next::Stop,
            Ok(()) = self.edits.changed() => Next::Edited,
            Some(ask) = self.asks.recv() => Next::Asked(ask),
            () = is_due => Next::Due,
            error = ended => {
                tracing::debug!(device.id = %self.target.device, %error, "the session ended");
                Next::Ended
            }
        }
    }

    /// Whether a poll may begin now. One that has to connect waits for its turn, and what is asked
    /// of the device meanwhile is done first.
    fn may_begin(&mut self) -> bool {
        if self.turn.take().is_some() || self.link.is_some() {
            return true;
        }
        let now = Instant::now().into_std();
        let turn = self.kit.pace.turn(now);
        self.turn = Some(turn).filter(|turn| *turn > now);
        self.turn.is_none()
    }

    /// Takes a new record. What is wrong with it shows at the next poll, which is now if where or
    /// how the device is reached has changed.
    fn take_edits(&mut self) {
        let new = Arc::clone(&self.edits.borrow_and_update());
        let old = std::mem::replace(&mut self.target, Arc::clone(&new));
        let is_same = old.contact.is_same(&new.contact, &self.first);
        let now = Instant::now().into_std();
        if !is_same {
            self.link = None;
            // It may be another device, and surely another account's view.
            self.known.send_replace(None);
        }
        if !is_same || self.machine.is_parked() && old.revision != new.revision {
            self.machine.edited(now, new.period);
        } else if old.period != new.period {
            self.machine.retimed(now, new.period);
        }
        // The server has pinned what we saw, or wants it forgotten.
        if old.revision != new.revision {
            if !is_same || new.contact.tls_pin.is_some() {
                self.first.certificate = None;
            }
            if old.contact.ssh_pin.is_some() || new.contact.ssh_pin.is_some() {
                self.first.host_key = None;
            }
        }
    }

    /// A poll that a withdrawal ends, and an edit of the contact begins anew.
    async fn interruptible(&mut self) -> Option<Result<Polled, LinkError>> {
        let (stop, mut edits) = (self.stop.clone(), self.edits.clone());
        let old = Arc::clone(&self.target);
        let edited = async {
            while edits.changed().await.is_ok() {
                if !old
                    .contact
                    .is_same(&edits.borrow_and_update().contact, &Seen::default())
                {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let polled = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = edited => None,
            polled = self.poll() => polled,
        };
        if polled.is_none() {
            // It was left in the middle of an answer.
            self.link = None;
        }
        polled
    }

    async fn answer(&mut self, ask: Ask) {
        let is_news = matches!(ask.job, Job::HostKey(_));
        let is_late = ask.reply.is_closed() || ask.deadline <= Instant::now();
        if is_late && !is_news {
            return;
        }
        let report = match ask.job {
            Job::Poll => self.poll_soon(),
            Job::HostKey(fingerprint) => {
                self.first.host_key = Some(fingerprint);
                self.poll_soon()
            }
            _ if self.machine.is_parked() => task::parked(),
            Job::Command { command, arguments } => {
                task::command(self, &command, &arguments, ask.deadline).await
            }
            Job::Push {
                change,
                number,
                step,
            } => {
                let change = push::Change {
                    id: change,
                    number,
                    deadline: ask.deadline,
                };
                push::perform(self, change, *step).await
            }
        };
        // Nobody may wait for it any more; what was done is done.
        drop(ask.reply.send(report));
    }

    fn poll_soon(&mut self) -> Report {
        if self.machine.asked(Instant::now().into_std()) {
            Report::Polling
        } else {
            task::parked()
        }
    }
}

/// Whether the device did not want the connection.
fn is_refusal(error: &LinkError) -> bool {
    matches!(error.kind(), FailureKind::Unreachable | FailureKind::Closed)
}
