//! A session with a device: [`routeros::session::Session`] over a connection.
//!
//! **Invariant:** a link whose [`Link::exchange`] was dropped before its end, or has failed, must not
//! be used again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use routeros::command::Command;
use routeros::error::Trap;
use routeros::login::{Credentials, Scheme};
use routeros::row::Row;
use routeros::session::{Budget, Event, Failure, Limits, Session, Tag};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep_until, timeout};

use super::Contact;
use super::dial::{Deadlines, Dialler, Stream};
use super::error::LinkError;

/// How much is read at once.
const CHUNK: usize = 16 << 10;
/// The most rows of one answer to a poll.
const MAX_ROWS: u64 = 20_000;
/// The most bytes of one answer to a poll.
const MAX_BYTES: u64 = 8 << 20;

/// The most bytes that may come during one exchange, or unasked for.
const MAX_RAW: usize = 64 << 20;
/// The most bytes that may come during a login.
const MAX_LOGIN: usize = 64 << 10;

/// What a device answered to one command.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The records.
    pub rows: Vec<Row>,
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
    first_use: Option<String>,
    addresses: (SocketAddr, SocketAddr),
    buffer: Vec<u8>,
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
            buffer: vec![0; CHUNK],
            quota: MAX_LOGIN,
            farewell: String::new(),
        };
        link.sign_in().await?;
        link.quota = MAX_RAW;
        Ok(link)
    }

    /// The fingerprint of a certificate that was trusted because none was known before.
    pub fn first_use(&self) -> Option<&str> {
        self.first_use.as_deref()
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
        self.exchange(commands, poll_budget(self.deadlines)).await
    }

    /// Sends commands with one write and waits for all of their answers.
    pub async fn exchange(
        &mut self,
        commands: &[Command],
        budget: Budget,
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
            Event::Row { tag, .. } | Event::Trap { tag, .. } | Event::Empty { tag } => (*tag, 0),
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
            Event::Row { row, .. } => answer.rows.push(row),
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
        tokio::select! {
            biased;
            read = self.stream.read(&mut self.buffer) => match read {
                Ok(0) | Err(_) => self.session.handle_closed(),
                Ok(length) => {
                    self.quota = self.quota.checked_sub(length).ok_or_else(flooded)?;
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    self.session.handle_input(now(), bytes)?;
                }
            },
            () = late => self.session.handle_timeout(now()),
        }
        Ok(())
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

fn flooded() -> LinkError {
    LinkError::Excess("the device sent far too much".to_owned())
}

fn poll_budget(deadlines: Deadlines) -> Budget {
    Budget {
        first_reply: Some(deadlines.first_byte),
        progress: Some(deadlines.progress),
        total: Some(deadlines.poll),
        rows: MAX_ROWS,
        bytes: MAX_BYTES,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
