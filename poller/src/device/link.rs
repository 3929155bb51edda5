//! A session with a device: [`routeros::session::Session`] over a connection.
//!
//! **Invariant:** a link whose [`Link::exchange`] was dropped before its end, or has failed, must not
//! be used again.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use routeros::command::Command;
use routeros::error::Trap;
use routeros::login::{Credentials, Scheme};
use routeros::row::Rows;
use routeros::session::{Budget, Event, Failure, Limits, Session, Tag};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{sleep_until, timeout};

use super::dial::{Deadlines, Dialler, Stream};
use super::error::LinkError;
use super::{Contact, Seen};

/// How much is read at once.
const CHUNK: usize = 32 << 10;
/// The most rows of one answer.
const MAX_ROWS: u64 = 20_000;
/// The most memory that one answer to a poll may take, and all of them together: some 1,400
/// interfaces. With what comes in before it is noticed, a device cannot make us hold more than a
/// mebibyte just by being polled.
const MAX_POLL: usize = 768 << 10;
/// The most memory that an answer may take that somebody waits for.
const MAX_BYTES: u64 = 8 << 20;

/// The most bytes that may come during one exchange, or unasked for.
const MAX_RAW: usize = 64 << 20;
/// The most bytes that may come during a login.
const MAX_LOGIN: usize = 64 << 10;

/// What a device answered to one command.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The records.
    pub rows: Rows,
    /// The refusal, if it refused.
    pub trap: Option<Trap>,
    /// The result, of commands that have one.
    pub ret: Option<Vec<u8>>,
    /// Why the answer is not complete, if it is not.
    pub failure: Option<Failure>,
}

/// A session that is signed in.
pub struct Link {
    session: Session,
    stream: Box<dyn Stream>,
    deadlines: Deadlines,
    first_use: Seen,
    addresses: (SocketAddr, SocketAddr),
    /// How many bytes may still come before it is too much.
    quota: usize,
    /// What the device said when it ended the session.
    farewell: String,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Connects and signs in.
    pub async fn open(dialler: &Dialler, contact: &Contact) -> Result<Self, LinkError> {
        // Never closed, so that without a permit nothing is lost but the limit.
        let _permit = dialler.budget.acquire().await.ok();
        let connection = dialler.api(contact).await?;
        let scheme = if contact.legacy_login {
            Scheme::PlainThenChallenge
        } else {
            Scheme::Plain
        };
        let password = contact.password.expose_secret().as_bytes();
        let credentials = Credentials::new(contact.username.as_bytes(), password);
        let limits = Limits {
            login: dialler.deadlines.login,
            call: poll_budget(dialler.deadlines),
            ..Limits::default()
        };
        let session = Session::new(now(), limits, credentials.with_scheme(scheme));
        let mut link = Self {
            session,
            stream: connection.stream,
            deadlines: dialler.deadlines,
            first_use: connection.first_use,
            addresses: connection.addresses,
            quota: MAX_LOGIN,
            farewell: String::new(),
        };
        link.sign_in().await?;
        link.quota = MAX_RAW;
        Ok(link)
    }

    /// What was trusted because nothing was known before.
    pub fn first_use(&self) -> &Seen {
        &self.first_use
    }

    /// The device's address, and ours.
    pub fn addresses(&self) -> (SocketAddr, SocketAddr) {
        self.addresses
    }

    /// The budget of a command that may take `total`.
    pub fn budget(&self, total: Duration) -> Budget {
        Budget {
            first_reply: Some(total),
            progress: Some(total),
            total: Some(total),
            rows: MAX_ROWS,
            bytes: MAX_BYTES,
        }
    }

    /// Sends commands as in a poll, with one write, and waits for all of their answers.
    pub async fn poll(&mut self, commands: &[Command]) -> Result<Vec<Answer>, LinkError> {
        let budget = poll_budget(self.deadlines);
        self.exchange_in(commands, budget, MAX_POLL).await
    }

    /// Sends commands with one write and waits for all of their answers.
    pub async fn exchange(
        &mut self,
        commands: &[Command],
        budget: Budget,
    ) -> Result<Vec<Answer>, LinkError> {
        self.exchange_in(commands, budget, MAX_RAW).await
    }

    /// The same; all answers together may take so many bytes of memory.
    async fn exchange_in(
        &mut self,
        commands: &[Command],
        budget: Budget,
        room: usize,
    ) -> Result<Vec<Answer>, LinkError> {
        let start = now();
        self.quota = MAX_RAW;
        let calls: Vec<Tag> = commands
            .iter()
            .map(|command| self.session.call_within(start, command, budget))
            .collect();
        let mut answers = vec![Answer::default(); calls.len()];
        let mut open = calls.len();
        while open > 0 {
            while let Some(event) = self.session.poll_event() {
                open -= self.take(event, &calls, &mut answers);
            }
            if answers
                .iter()
                .map(|answer| answer.rows.size())
                .sum::<usize>()
                > room
            {
                return Err(flooded());
            }
            if open > 0 {
                self.step().await?;
            }
        }
        // Commands that were given up are cancelled with what is still to be written.
        self.flush().await?;
        if self.session.is_closed() {
            return Err(LinkError::Closed(std::mem::take(&mut self.farewell)));
        }
        Ok(answers)
    }

    /// Waits until the device ends the session, which it should not.
    pub async fn idle(&mut self) -> LinkError {
        loop {
            if let Err(error) = self.step().await {
                return error;
            }
            while let Some(event) = self.session.poll_event() {
                self.take(event, &[], &mut []);
            }
        }
    }

    async fn sign_in(&mut self) -> Result<(), LinkError> {
        loop {
            match self.session.poll_event() {
                Some(Event::LoggedIn) => return Ok(()),
                Some(Event::LoginFailed(error)) => return Err(error.into()),
                Some(_) => {}
                None => self.step().await?,
            }
        }
    }

    /// Puts what happened where it belongs. Returns how many answers are complete by it.
    fn take(&mut self, event: Event, calls: &[Tag], answers: &mut [Answer]) -> usize {
        let find = |tag: Tag| calls.iter().position(|&call| call == tag);
        let (tag, ended) = match &event {
            Event::Rows { tag, .. } | Event::Trap { tag, .. } | Event::Empty { tag } => (*tag, 0),
            Event::Done { tag, .. } | Event::Failed { tag, .. } => (*tag, 1),
            Event::Fatal { reason } => {
                self.farewell.clone_from(reason);
                return 0;
            }
            Event::LoggedIn | Event::LoginFailed(_) => return 0,
        };
        let Some(answer) = find(tag).and_then(|at| answers.get_mut(at)) else {
            return 0;
        };
        match event {
            Event::Rows { rows, .. } => answer.rows.append(rows),
            // The first refusal is the reason, what follows are consequences.
            Event::Trap { trap, .. } => {
                answer.trap.get_or_insert(trap);
            }
            Event::Done { ret, .. } => answer.ret = ret,
            Event::Failed { failure, .. } => answer.failure = Some(failure),
            Event::Empty { .. } | Event::Fatal { .. } | Event::LoggedIn | Event::LoginFailed(_) => {
            }
        }
        ended
    }

    /// Writes what is to be written, then waits for bytes or for a deadline.
    async fn step(&mut self) -> Result<(), LinkError> {
        self.flush().await?;
        if self.session.is_closed() {
            return Err(LinkError::Closed(std::mem::take(&mut self.farewell)));
        }
        let deadline = self.session.poll_timeout();
        let late = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let Self {
            session,
            stream,
            quota,
            ..
        } = self;
        tokio::select! {
            biased;
            taken = take_in(session, stream, quota) => taken,
            () = late => {
                self.session.handle_timeout(now());
                Ok(())
            }
        }
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        while let Some(bytes) = self.session.poll_output() {
            let written = timeout(self.deadlines.progress, async {
                self.stream.write_all(&bytes).await?;
                self.stream.flush().await
            });
            match written.await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => self.session.handle_closed(),
                Err(_) => return Err(LinkError::Timeout(Failure::Stalled)),
            }
        }
        Ok(())
    }
}

thread_local! {
    /// Where bytes lie between the socket and the session: a session that waits holds nothing.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// Reads what there is and hands it to the session at once.
async fn take_in(
    session: &mut Session,
    stream: &mut Box<dyn Stream>,
    quota: &mut usize,
) -> Result<(), LinkError> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    let bytes = buffer.filled();
                    *quota = quota.checked_sub(bytes.len()).ok_or_else(flooded)?;
                    session.handle_input(now(), bytes)?;
                }
                Ok(()) | Err(_) => session.handle_closed(),
            }
            Poll::Ready(Ok(()))
        })
    })
    .await
}

fn flooded() -> LinkError {
    LinkError::Excess("the device sent far too much".to_owned())
}

fn poll_budget(deadlines: Deadlines) -> Budget {
    Budget {
        first_reply: Some(deadlines.first_byte),
        progress: Some(deadlines.progress),
        total: Some(deadlines.poll),
        rows: MAX_ROWS,
        bytes: MAX_POLL as u64,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
