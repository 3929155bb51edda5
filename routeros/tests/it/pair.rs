//! Two ends in memory, with a clock that is made up.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use routeros::command::Command;
use routeros::error::{Category, ProtocolError, TrapKind};
use routeros::login::{Credentials, LoginError, Scheme, challenge_response};
use routeros::row::Row;
use routeros::server::{Receiver, Request, Response};
use routeros::session::{Budget, Event, Failure, Limits, Session};

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
            Event::Row {
                tag: b,
                row: row("b1")
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
fn silence_ends_a_call_and_late_answers_belong_to_nobody() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/slow"));
    let request = pair.requests().remove(0);

    pair.pass(Duration::from_secs(30));

    let failure = Failure::NoReply;
    assert_eq!(pair.events(), [Event::Failed { tag, failure }]);
    let cancel = pair.requests().remove(0);
    assert_eq!(cancel.path, "/cancel");
    assert_eq!(cancel.attributes.text("tag").unwrap(), tag.to_string());

    pair.answer(&request, &[Response::row(&Row::new()), Response::done()]);
    pair.answer(&cancel, &[Response::done()]);
    assert_eq!(pair.events(), []);
    assert_eq!(pair.session.counters().late, 1);
    assert_eq!(pair.session.poll_timeout(), None);
}

#[test]
fn an_answer_that_stalls_is_told_from_one_that_never_came() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/a"));
    let request = pair.requests().remove(0);

    pair.pass(Duration::from_secs(29));
    pair.answer(&request, &[Response::row(&Row::new())]);
    pair.pass(Duration::from_secs(29));
    assert_eq!(pair.events().len(), 1);
    pair.pass(Duration::from_secs(1));

    let failure = Failure::Stalled;
    assert_eq!(pair.events(), [Event::Failed { tag, failure }]);
}

#[test]
fn endless_rows_end() {
    let mut pair = Pair::signed_in();
    let budget = Budget {
        rows: 2,
        ..Budget::DEFAULT
    };
    let tag = pair
        .session
        .call_within(pair.now, &Command::print("/a"), budget);
    let request = pair.requests().remove(0);

    pair.answer(&request, &vec![Response::row(&Row::new()); 10]);

    let events = pair.events();
    let failure = Failure::TooManyRows;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2], Event::Failed { tag, failure });
    assert_eq!(pair.session.counters().late, 7);
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

#[test]
fn a_cancelled_call_ends_as_the_device_says() {
    let mut pair = Pair::signed_in();
    let listen = Command::new("/interface/listen");
    let tag = pair
        .session
        .call_within(pair.now, &listen, Budget::UNBOUNDED);
    let request = pair.requests().remove(0);

    pair.session.cancel(pair.now, tag);
    let cancel = pair.requests().remove(0);
    let trap = Response::trap(Some(Category::Interrupted), "interrupted");
    pair.answer(&request, &[trap]);
    pair.answer(&cancel, &[Response::done()]);
    pair.answer(&request, &[Response::done()]);

    let events = pair.events();
    assert!(matches!(&events[0], Event::Trap { trap, .. } if trap.kind() == TrapKind::Interrupted));
    assert_eq!(events[1..], [Event::Done { tag, ret: None }]);
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

struct Pair {
    session: Session,
    receiver: Receiver,
    now: Instant,
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

    fn signed_in() -> Self {
        let mut pair = Self::new();
        let login = pair.requests().remove(0);
        pair.answer(&login, &[Response::done()]);
        assert_eq!(pair.events(), [Event::LoggedIn]);
        pair
    }

    /// Everything the client writes, which is one write.
    fn requests(&mut self) -> Vec<Request> {
        self.receiver
            .feed(&self.session.poll_output().unwrap_or_default());
        assert_eq!(self.session.poll_output(), None);
        std::iter::from_fn(|| self.receiver.poll().unwrap()).collect()
    }

    fn answer(&mut self, request: &Request, responses: &[Response]) {
        for response in responses {
            self.send(&request.respond(response.clone()));
        }
    }

    fn send(&mut self, response: &Response) {
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        self.session.handle_input(self.now, &bytes).unwrap();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }
}
