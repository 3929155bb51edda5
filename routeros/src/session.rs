//! The client's machine: signing in, tags, pipelining, deadlines and budgets.
//!
//! ```text
//! call ─► out ─► poll_output ─► socket        everything queued leaves in one buffer
//! socket ─► handle_input ─► decoder ─► reply ─► call by tag ─► poll_event
//! clock ─► handle_timeout ─► calls that took too long are cancelled and fail
//! ```
//!
//! **Invariant:** each call ends in exactly one [`Event::Done`] or [`Event::Failed`]; a tag is
//! never used twice, so a late reply can never be taken for another call's.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::command::Command;
use crate::error::{Category, ProtocolError, Trap};
use crate::login::{Credentials, Login, LoginError, Step};
use crate::reply::{Kind, Reply, ReplyTag};
use crate::row::Row;
use crate::sentence::{Decoder, Sentence};
use crate::text;

mod call;

pub use call::{Budget, Counters, Event, Failure, Limits, Tag};
use call::{Call, Owner};

/// One connection to a device.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    decoder: Decoder,
    state: State,
    calls: BTreeMap<Tag, Call>,
    last_tag: u64,
    /// What is to be written.
    out: Vec<u8>,
    /// What is to be written once signed in.
    held: Vec<u8>,
    events: VecDeque<Event>,
    counters: Counters,
}

#[derive(Debug)]
enum State {
    SigningIn { login: Login, deadline: Instant },
    Open,
    Closed,
}

impl Session {
    /// Starts signing in; the first bytes are ready at once.
    pub fn new(now: Instant, limits: Limits, credentials: Credentials) -> Self {
        let (login, command) = Login::start(credentials);
        let mut out = Vec::new();
        command.encode(None, &mut out);
        Self {
            decoder: Decoder::new(limits.sentence),
            state: State::SigningIn {
                login,
                deadline: now + limits.login,
            },
            limits,
            calls: BTreeMap::new(),
            last_tag: 0,
            out,
            held: Vec::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Sends a command, within the usual budget. Before the login is through, it is held back.
    pub fn call(&mut self, now: Instant, command: &Command) -> Tag {
        self.call_within(now, command, self.limits.call)
    }

    /// Sends a command, within a budget of its own.
    pub fn call_within(&mut self, now: Instant, command: &Command, budget: Budget) -> Tag {
        self.send(command, Call::new(now, budget, Owner::Caller))
    }

    fn send(&mut self, command: &Command, call: Call) -> Tag {
        self.last_tag += 1;
        let tag = Tag(self.last_tag);
        match self.state {
            State::SigningIn { .. } => command.encode(Some(tag.0), &mut self.held),
            State::Open => command.encode(Some(tag.0), &mut self.out),
            State::Closed => {
                let failure = Failure::Closed;
                self.events.push_back(Event::Failed { tag, failure });
                return tag;
            }
        }
        self.calls.insert(tag, call);
        tag
    }

    /// Asks the device to stop a command. It ends with a trap and [`Event::Done`], in its time.
    pub fn cancel(&mut self, now: Instant, tag: Tag) {
        if self.calls.contains_key(&tag) && !matches!(self.state, State::Closed) {
            let cancel = Command::new("/cancel").attribute("tag", tag.to_string());
            self.send(&cancel, Call::new(now, Budget::UNBOUNDED, Owner::Nobody));
        }
    }

    /// Takes in bytes from the device.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) -> Result<(), ProtocolError> {
        if matches!(self.state, State::Closed) {
            return Ok(());
        }
        self.decoder.feed(bytes);
        loop {
            match self.decoder.poll() {
                Ok(Some(sentence)) => self.on_sentence(now, sentence),
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.close();
                    return Err(error);
                }
            }
            if matches!(self.state, State::Closed) {
                return Ok(());
            }
        }
    }

    /// Ends what has taken too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::SigningIn { deadline, .. } = self.state {
            if deadline <= now {
                self.fail_login(LoginError::TimedOut);
            }
            return;
        }
        let late: Vec<(Tag, Failure)> = self
            .calls
            .iter()
            .filter_map(|(&tag, call)| Some((tag, call.late(now)?)))
            .collect();
        for (tag, failure) in late {
            self.give_up(now, tag, failure);
        }
    }

    /// Tells the machine that the connection is gone: every call that is open fails.
    pub fn handle_closed(&mut self) {
        if matches!(self.state, State::SigningIn { .. }) {
            self.fail_login(LoginError::Fatal("connection closed".to_owned()));
        } else {
            self.close();
        }
    }

    /// Everything that is to be written, in one buffer for one write.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::SigningIn { deadline, .. } => Some(*deadline),
            State::Open => self.calls.values().filter_map(Call::deadline).min(),
            State::Closed => None,
        }
    }

    /// Whether the login is through and the connection is of use.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether nothing more will come.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// How many calls have not ended.
    pub fn open_calls(&self) -> usize {
        let is_open = |call: &&Call| call.owner == Owner::Caller;
        self.calls.values().filter(is_open).count()
    }

    /// What was odd so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn on_sentence(&mut self, now: Instant, sentence: Sentence) {
        let size = sentence.byte_len();
        let reply = Reply::parse(sentence);
        if let State::SigningIn { login, .. } = &mut self.state {
            let step = login.on(&reply);
            return self.on_login(now, step);
        }
        if reply.kind == Kind::Fatal {
            return self.on_fatal(&reply);
        }
        let tag = match reply.tag {
            ReplyTag::Number(number) => Tag(number),
            ReplyTag::Absent | ReplyTag::Foreign => {
                self.counters.foreign += 1;
                return;
            }
        };
        self.on_reply(now, tag, reply, size);
    }

    fn on_login(&mut self, now: Instant, step: Step) {
        match step {
            Step::Wait => self.counters.unknown += 1,
            Step::Send(command) => command.encode(None, &mut self.out),
            Step::Failed(error) => self.fail_login(error),
            Step::Done => {
                self.state = State::Open;
                self.out.append(&mut self.held);
                for call in self.calls.values_mut() {
                    call.restart(now);
                }
                self.events.push_back(Event::LoggedIn);
            }
        }
    }

    fn fail_login(&mut self, error: LoginError) {
        self.events.push_back(Event::LoginFailed(error));
        self.close();
    }

    fn on_fatal(&mut self, reply: &Reply) {
        let reason = reply.bare.as_deref().or_else(|| reply.row.raw("message"));
        let reason = text::lossy(reason.unwrap_or_default()).into_owned();
        self.events.push_back(Event::Fatal { reason });
        self.close();
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.out.clear();
        self.held.clear();
        for (tag, call) in std::mem::take(&mut self.calls) {
            if call.owner == Owner::Caller {
                let failure = Failure::Closed;
                self.events.push_back(Event::Failed { tag, failure });
            }
        }
    }

    fn on_reply(&mut self, now: Instant, tag: Tag, reply: Reply, size: usize) {
        let Some(call) = self.calls.get_mut(&tag) else {
            self.counters.foreign += 1;
            return;
        };
        if call.owner == Owner::Nobody {
            if reply.kind == Kind::Done {
                self.calls.remove(&tag);
            } else {
                self.counters.late += 1;
            }
            return;
        }
        if let Some(failure) = call.progress(now, &reply.kind, size) {
            return self.give_up(now, tag, failure);
        }
        match event(tag, reply) {
            Some(event) => {
                if matches!(event, Event::Done { .. }) {
                    self.calls.remove(&tag);
                }
                self.events.push_back(event);
            }
            None => self.counters.unknown += 1,
        }
    }

    /// Fails a call, and lets the device know that nobody listens.
    fn give_up(&mut self, now: Instant, tag: Tag, failure: Failure) {
        self.cancel(now, tag);
        if let Some(call) = self.calls.get_mut(&tag) {
            call.abandon();
            self.events.push_back(Event::Failed { tag, failure });
        }
    }
}

fn event(tag: Tag, reply: Reply) -> Option<Event> {
    Some(match reply.kind {
        Kind::Re => Event::Row {
            tag,
            row: reply.row,
        },
        Kind::Done => Event::Done {
            tag,
            ret: ret(&reply.row),
        },
        Kind::Trap => Event::Trap {
            tag,
            trap: trap(&reply.row),
        },
        Kind::Empty => Event::Empty { tag },
        Kind::Fatal | Kind::Other(_) => return None,
    })
}

fn ret(row: &Row) -> Option<Vec<u8>> {
    row.raw("ret").map(<[u8]>::to_vec)
}

fn trap(row: &Row) -> Trap {
    Trap::new(
        row.raw("category").and_then(Category::parse),
        row.raw("message").unwrap_or_default(),
    )
}
