//! Two ends in memory, with a clock that is made up.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use routeros::command::Command;
use routeros::error::{Category, ProtocolError, TrapKind};
use routeros::login::{Credentials, LoginError, Scheme, challenge_response};
use routeros::row::{Row, Rows};
use routeros::server::{Receiver, Request, Response};
use routeros::session::{Event, Failure, Limits, Session};

#[test]
fn commands_before_the_login_leave_with_one_write_after_it() {
    let mut pair = Pair::new();
    pair.session.call(pair.now, &Command::print("/interface"));
    pair.session.call(pair.now, &Command::print("/ip/address"));
    let login = pair.requests();
    assert_eq!(login.len(), 1);

    pair.answer(&login[0], &[Response::done()]);

    assert_eq!(pair.events(), [Event::LoggedIn]);
    let paths: Vec<_> = pair.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/interface/print", "/ip/address/print"]);
}

#[test]
fn answers_may_interleave() {
    let mut pair = Pair::signed_in();
    let a = pair.session.call(pair.now, &Command::print("/a"));
    let b = pair.session.call(pair.now, &Command::print("/b"));
    let requests = pair.requests();
    let row = |name: &str| Row::new().with("name", name);

    pair.answer(&requests[1], &[Response::row(&row("b1"))]);
    pair.answer(&requests[0], &[Response::empty(), Response::done()]);
    pair.answer(&requests[1], &[Response::done_with("*1")]);

    assert_eq!(
        pair.events(),
        [
            Event::Rows {
                tag: b,
                rows: Rows::from([row("b1")])
            },
            Event::Empty { tag: a },
            Event::Done { tag: a, ret: None },
            Event::Done {
                tag: b,
                ret: Some(b"*1".to_vec())
            },
        ]
    );
    assert_eq!(pair.session.open_calls(), 0);
}

#[test]
fn a_refusal_is_a_trap_and_then_the_end() {
    let mut pair = Pair::signed_in();
    let tag = pair
        .session
        .call(pair.now, &Command::print("/interface/wifi"));
    let request = pair.requests().remove(0);
    let trap = Response::trap(Some(Category::Missing), "no such command prefix");

    pair.answer(&request, &[trap, Response::done()]);

    let events = pair.events();
    let Event::Trap { trap, .. } = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(trap.kind(), TrapKind::NoSuchCommand);
    assert_eq!(events[1], Event::Done { tag, ret: None });
}

#[test]
fn a_wrong_password_closes_the_session_and_its_calls() {
    let mut pair = Pair::new();
    let tag = pair.session.call(pair.now, &Command::print("/a"));
    let login = pair.requests().remove(0);
    let trap = Response::trap(None, "invalid user name or password (6)");

    pair.answer(&login, &[trap, Response::done()]);

    let events = pair.events();
    let Event::LoginFailed(LoginError::Refused(trap)) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(trap.kind(), TrapKind::LoginRefused);
    let failure = Failure::Closed;
    assert_eq!(events[1..], [Event::Failed { tag, failure }]);
    assert!(pair.session.is_closed() && pair.requests().is_empty());
}

#[test]
fn an_old_device_is_answered_when_that_was_allowed() {
    let now = Instant::now();
    let credentials = Credentials::new("admin", "pw").with_scheme(Scheme::PlainThenChallenge);
    let mut pair = Pair::with(Session::new(now, Limits::default(), credentials), now);
    let challenge = [0xAB; 16];

    let login = pair.requests().remove(0);
    pair.answer(&login, &[Response::done_with("ab".repeat(16))]);
    let login = pair.requests().remove(0);

    assert_eq!(
        login.attributes.raw("response").unwrap(),
        challenge_response(b"pw", &challenge).as_bytes()
    );
    pair.answer(&login, &[Response::done()]);
    assert_eq!(pair.events(), [Event::LoggedIn]);
}

#[test]
fn rows_that_come_together_are_handed_out_together_and_before_what_follows() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/a"));
    let other = pair.session.call(pair.now, &Command::print("/b"));
    let requests = pair.requests();
    let row = |name: &str| Row::new().with("name", name);
    let mut bytes = Vec::new();
    for (request, response) in [
        (0, Response::row(&row("a1"))),
        (1, Response::row(&row("b1"))),
        (0, Response::row(&row("a2"))),
        (0, Response::trap(None, "interrupted")),
        (1, Response::row(&row("b2"))),
    ] {
        requests[request].respond(response).encode(&mut bytes);
    }

    pair.session.handle_input(pair.now, &bytes).unwrap();

    let events = pair.events();
    let rows = |tag, names: [&str; 2]| Event::Rows {
        tag,
        rows: names.map(row).into(),
    };
    assert_eq!(events[0], rows(tag, ["a1", "a2"]));
    assert!(matches!(events[1], Event::Trap { .. }));
    assert_eq!(events[2..], [rows(other, ["b1", "b2"])]);
}

#[test]
fn tags_are_never_used_again() {
    let mut pair = Pair::signed_in();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let tag = pair.session.call(pair.now, &Command::print("/a"));
        let requests = pair.requests();
        assert!(seen.insert(tag) && requests.len() == 1);
        pair.answer(&requests[0], &[Response::done(), Response::done()]);
        assert_eq!(pair.events(), [Event::Done { tag, ret: None }]);
    }
    assert_eq!(pair.session.counters().foreign, 100);
}

#[test]
fn a_padded_length_ends_everything() {
    let mut pair = Pair::signed_in();
    let error = pair.session.handle_input(pair.now, &[0x80, 0x05]);
    assert_eq!(error, Err(ProtocolError::PaddedLength));
    assert!(pair.session.is_closed());
}

#[test]
fn every_byte_survives_in_names_and_comments() {
    let mut pair = Pair::signed_in();
    pair.session.call(pair.now, &Command::print("/a"));
    let request = pair.requests().remove(0);
    let all: Vec<u8> = (0..=255).collect();
    let long = vec![b'='; 64 << 10];
    let row = Row::new().with("comment", &all).with("note", &long);

    pair.answer(&request, &[Response::row(&row)]);

    let events = pair.events();
    let Event::Rows { rows, .. } = &events[0] else {
        panic!("{events:?}");
    };
    let got = rows.first().unwrap();
    assert_eq!(got.raw("comment"), Some(all.as_slice()));
    assert_eq!(got.raw("note"), Some(long.as_slice()));
    let set = Command::new("/a/set").attribute("comment", got.raw("comment").unwrap());
    pair.session.call(pair.now, &set);
    let request = pair.requests().remove(0);
    assert_eq!(request.attributes.raw("comment"), Some(all.as_slice()));
}

#[test]
fn replies_with_tags_that_nobody_gave_are_counted() {
    let mut pair = Pair::signed_in();
    for tag in [&b"77"[..], b"x", b""] {
        pair.send(&Response::row(&Row::new()).tagged(Some(tag)));
    }
    assert_eq!(pair.events(), []);
    assert_eq!(pair.session.counters().foreign, 3);
}

#[test]
fn a_fatal_reply_fails_what_is_open() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::new("/quit"));

    pair.send(&Response::fatal("session terminated on request"));

    let reason = "session terminated on request".to_owned();
    let failure = Failure::Closed;
    assert_eq!(
        pair.events(),
        [Event::Fatal { reason }, Event::Failed { tag, failure }]
    );
    let tag = pair.session.call(pair.now, &Command::print("/a"));
    assert_eq!(pair.events(), [Event::Failed { tag, failure }]);
}

#[test]
fn a_control_byte_ends_everything() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/a"));

    let error = pair.session.handle_input(pair.now, &[0xF8]);

    assert_eq!(error, Err(ProtocolError::ReservedByte(0xF8)));
    let failure = Failure::Closed;
    assert_eq!(pair.events(), [Event::Failed { tag, failure }]);
}

proptest! {
    #[test]
    fn no_bytes_panic_a_session(
        signed_in in any::<bool>(),
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..16),
    ) {
        let mut pair = if signed_in { Pair::signed_in() } else { Pair::new() };
        let tag = pair.session.call(pair.now, &Command::print("/a"));
        for chunk in chunks {
            if pair.session.handle_input(pair.now, &chunk).is_err() {
                break;
            }
        }
        pair.session.handle_closed();
        let ends = pair.events().into_iter().filter(|event| match event {
            Event::Done { tag: ended, .. } | Event::Failed { tag: ended, .. } => *ended == tag,
            _ => false,
        });
        prop_assert_eq!(ends.count(), 1);
    }
}

pub(crate) struct Pair {
    pub(crate) session: Session,
    receiver: Receiver,
    pub(crate) now: Instant,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let credentials = Credentials::new("admin", "pw");
        Self::with(Session::new(now, Limits::default(), credentials), now)
    }

    fn with(session: Session, now: Instant) -> Self {
        Self {
            session,
            receiver: Receiver::new(),
            now,
        }
    }

    pub(crate) fn signed_in() -> Self {
        let mut pair = Self::new();
        let login = pair.requests().remove(0);
        pair.answer(&login, &[Response::done()]);
        assert_eq!(pair.events(), [Event::LoggedIn]);
        pair
    }

    /// Everything the client writes, which is one write.
    pub(crate) fn requests(&mut self) -> Vec<Request> {
        self.receiver
            .feed(&self.session.poll_output().unwrap_or_default());
        assert_eq!(self.session.poll_output(), None);
        std::iter::from_fn(|| self.receiver.poll().unwrap()).collect()
    }

    pub(crate) fn answer(&mut self, request: &Request, responses: &[Response]) {
        for response in responses {
            self.send(&request.respond(response.clone()));
        }
    }

    fn send(&mut self, response: &Response) {
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        self.session.handle_input(self.now, &bytes).unwrap();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }
}
