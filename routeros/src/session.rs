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

use std::collections::VecDeque;
use std::time::Instant;

use crate::command::Command;
use crate::error::{Category, ProtocolError, Trap};
use crate::login::{Credentials, Login, LoginError, Step};
use crate::reply::{Kind, Replies, ReplyRef, ReplyTag};
use crate::row::RowRef;
use crate::text;

mod call;

pub use call::{Budget, Counters, Event, Failure, Limits, Tag};
use call::{Call, Late, Owner};

/// One connection to a device.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    replies: Replies,
    state: State,
    /// Calls that have not ended, by tag: a new one is always the last.
    calls: Vec<(Tag, Call)>,
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
    SigningIn {
        login: Box<Login>,
        deadline: Instant,
    },
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
            replies: Replies::new(limits.sentence),
            state: State::SigningIn {
                login: Box::new(login),
                deadline: now + limits.login,
            },
            limits,
            calls: Vec::new(),
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
        self.send(command, Call::new(now, budget))
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
        self.calls.push((tag, call));
        tag
    }

    /// Asks the device to stop a command. It ends with a trap and [`Event::Done`], in its time.
    pub fn cancel(&mut self, now: Instant, tag: Tag) {
        if self.find(tag).is_some() && !matches!(self.state, State::Closed) {
            let cancel = Command::new("/cancel").attribute("tag", tag.to_string());
            self.send(&cancel, Call::unowned(now));
        }
    }

    /// Takes in bytes from the device.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) -> Result<(), ProtocolError> {
        // What is found lies in it while the session changes.
        let mut replies = std::mem::replace(&mut self.replies, Replies::unused());
        let outcome = self.take_in(now, &mut replies, bytes);
        self.replies = replies;
        self.hand_out();
        if outcome.is_err() {
            self.close();
        }
        outcome
    }

    fn take_in(
        &mut self,
        now: Instant,
        replies: &mut Replies,
        mut bytes: &[u8],
    ) -> Result<(), ProtocolError> {
        while !matches!(self.state, State::Closed) {
            let left = bytes.len();
            let Some(reply) = replies.next(&mut bytes)? else {
                return Ok(());
            };
            self.on_reply(now, &reply, left);
        }
        Ok(())
    }

    /// Ends what has taken too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::SigningIn { deadline, .. } = self.state {
            if deadline <= now {
                self.fail_login(LoginError::TimedOut);
            }
            return;
        }
        let late: Vec<(Tag, Late)> = self
            .calls
            .iter()
            .filter_map(|(tag, call)| Some((*tag, call.late(now)?)))
            .collect();
        for (tag, late) in late {
            match late {
                Late::Failed(failure) => self.give_up(now, tag, failure),
                Late::Forgotten => {
                    self.calls.retain(|(other, _)| *other != tag);
                    self.counters.lost += 1;
                }
            }
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
            State::Open => self
                .calls
                .iter()
                .filter_map(|(_, call)| call.deadline())
                .min(),
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
        let is_open = |(_, call): &&(Tag, Call)| call.owner == Owner::Caller;
        self.calls.iter().filter(is_open).count()
    }

    /// What was odd so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn on_reply(&mut self, now: Instant, reply: &ReplyRef<'_>, left: usize) {
        if let State::SigningIn { login, .. } = &mut self.state {
            let step = login.on(reply);
            return self.on_login(now, step);
        }
        if reply.kind == Kind::Fatal {
            return self.on_fatal(reply);
        }
        let at = match reply.tag {
            ReplyTag::Number(number) => self.find(Tag(number)),
            ReplyTag::Absent | ReplyTag::Foreign => None,
        };
        match at {
            Some(at) => self.on_answer(now, at, reply, left),
            None => self.counters.foreign += 1,
        }
    }

    fn on_login(&mut self, now: Instant, step: Step) {
        match step {
            Step::Wait => self.counters.unknown += 1,
            Step::Send(command) => command.encode(None, &mut self.out),
            Step::Failed(error) => self.fail_login(error),
            Step::Done => {
                self.state = State::Open;
                self.out.append(&mut self.held);
                self.held = Vec::new();
                for (_, call) in &mut self.calls {
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

    fn on_fatal(&mut self, reply: &ReplyRef<'_>) {
        self.hand_out();
        let reason = reply.bare.or_else(|| reply.row.raw("message"));
        let reason = text::lossy(reason.unwrap_or_default()).into_owned();
        self.events.push_back(Event::Fatal { reason });
        self.close();
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.out = Vec::new();
        self.held = Vec::new();
        for (tag, call) in std::mem::take(&mut self.calls) {
            if call.owner == Owner::Caller {
                let failure = Failure::Closed;
                self.events.push_back(Event::Failed { tag, failure });
            }
        }
    }

    fn find(&self, tag: Tag) -> Option<usize> {
        self.calls.binary_search_by_key(&tag, |(tag, _)| *tag).ok()
    }

    /// A reply to a call; so many bytes, of this one and others, are still to be looked at.
    fn on_answer(&mut self, now: Instant, at: usize, reply: &ReplyRef<'_>, left: usize) {
        let Some((tag, call)) = self.calls.get_mut(at) else {
            return;
        };
        let tag = *tag;
        if call.owner == Owner::Nobody {
            if reply.kind == Kind::Done {
                self.calls.remove(at);
            } else {
                self.counters.late += 1;
            }
            return;
        }
        if let Some(failure) = call.progress(now, reply) {
            return self.give_up(now, tag, failure);
        }
        let event = match reply.kind {
            Kind::Re => return call.keep(&reply.row, left),
            Kind::Done => Event::Done {
                tag,
                ret: reply.row.raw("ret").map(<[u8]>::to_vec),
            },
            Kind::Trap => Event::Trap {
                tag,
                trap: trap(&reply.row),
            },
            Kind::Empty => Event::Empty { tag },
            Kind::Fatal | Kind::Other => {
                self.counters.unknown += 1;
                return;
            }
        };
        hand_out(&mut self.events, tag, call);
        if reply.kind == Kind::Done {
            self.calls.remove(at);
        }
        self.events.push_back(event);
    }

    /// Hands out the records that have come.
    fn hand_out(&mut self) {
        for (tag, call) in &mut self.calls {
            hand_out(&mut self.events, *tag, call);
        }
    }

    /// Fails a call, and lets the device know that nobody listens.
    fn give_up(&mut self, now: Instant, tag: Tag, failure: Failure) {
        self.cancel(now, tag);
        if let Some((_, call)) = self.find(tag).and_then(|at| self.calls.get_mut(at)) {
            hand_out(&mut self.events, tag, call);
            call.abandon(now);
            self.events.push_back(Event::Failed { tag, failure });
        }
    }
}

fn hand_out(events: &mut VecDeque<Event>, tag: Tag, call: &mut Call) {
    if !call.fresh.is_empty() {
        let rows = std::mem::take(&mut call.fresh);
        events.push_back(Event::Rows { tag, rows });
    }
}

fn trap(row: &RowRef<'_>) -> Trap {
    Trap::new(
        row.raw("category").and_then(Category::parse),
        row.raw("message").unwrap_or_default(),
    )
}
