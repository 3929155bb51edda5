//! Recorded sessions: what the client writes must be what was written, and what comes of it.
//!
//! A line is a word, `>` ours and `<` the device's; a sentence begins with `/` or `!`.

use std::path::Path;
use std::time::{Duration, Instant};

use routeros::command::Command;
use routeros::error::TrapKind;
use routeros::login::{Credentials, Scheme};
use routeros::row::RowRef;
use routeros::sentence::Sentence;
use routeros::session::{Event, Limits, Session};
use routeros::value::{BitRate, DateTime, Dbm, Pair};
use routeros::version::Installed;

#[test]
fn an_old_device_signs_in_by_challenge_and_tells_its_resources() {
    let credentials = Credentials::new("admin", "secret").with_scheme(Scheme::Challenge);
    let (events, _) = replay("v6-challenge", credentials, &["/system/resource"]);

    let row = rows(&events).next().unwrap();
    assert_eq!(row.get::<Duration>("uptime").unwrap().as_secs(), 400_838);
    let version = Installed::parse(&row.text("version").unwrap()).unwrap();
    assert_eq!(version.to_string(), "6.42.5");
    let built = row.get::<DateTime>("build-time").unwrap();
    assert_eq!(built.to_string(), "2018-06-26 12:12:08");
    assert_eq!(row.get::<u8>("cpu-load"), Ok(28));
}

#[test]
fn a_new_device_answers_in_its_own_order_and_in_words_not_known_yet() {
    let menus = [
        "/interface/wireless/registration-table",
        "/interface/wifi/registration-table",
        "/ip/arp",
    ];
    let credentials = Credentials::new("admin", "secret");
    let (events, session) = replay("v7-registrations", credentials, &menus);

    let traps = events.iter().filter_map(|event| match event {
        Event::Trap { trap, .. } => Some(trap.kind()),
        _ => None,
    });
    assert_eq!(traps.collect::<Vec<_>>(), [TrapKind::NoSuchCommand]);
    let done = events
        .iter()
        .filter(|event| matches!(event, Event::Done { .. }));
    assert_eq!(done.count(), 3);
    assert_eq!(session.counters().unknown, 1);
    let row = rows(&events).next().unwrap();
    assert_eq!(row.get::<Dbm>("signal-strength"), Ok(Dbm(-62)));
    assert_eq!(row.get::<BitRate>("tx-rate"), Ok(BitRate(72_200_000)));
    let bytes = row.get::<Pair<u64>>("bytes").unwrap();
    assert_eq!((bytes.first, bytes.second), (17_536_671, 2_966_351));
    assert_eq!(
        row.get::<Duration>("last-activity").unwrap().as_millis(),
        170
    );
}

#[test]
fn a_session_that_is_ended_says_why() {
    let now = Instant::now();
    let mut session = Session::new(now, Limits::default(), Credentials::new("admin", "secret"));
    session.call(now, &Command::new("/quit"));
    let events = drive(&mut session, "v7-fatal", now);
    let reason = "session terminated on request".to_owned();
    assert_eq!(events[1], Event::Fatal { reason });
    assert!(session.is_closed());
}

fn replay(name: &str, credentials: Credentials, menus: &[&str]) -> (Vec<Event>, Session) {
    let now = Instant::now();
    let mut session = Session::new(now, Limits::default(), credentials);
    for menu in menus {
        session.call(now, &Command::print(menu));
    }
    let events = drive(&mut session, name, now);
    assert_eq!(events[0], Event::LoggedIn);
    assert_eq!(session.open_calls(), 0);
    (events, session)
}

fn drive(session: &mut Session, name: &str, now: Instant) -> Vec<Event> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("corpus/api/{name}.txt"));
    let mut written = Vec::new();
    for (is_ours, sentence) in sentences(&std::fs::read_to_string(path).unwrap()) {
        let mut bytes = Vec::new();
        sentence.encode(&mut bytes);
        if is_ours {
            written.extend(session.poll_output().unwrap_or_default());
            assert!(
                written.starts_with(&bytes),
                "{name}: {:?}",
                sentence.words().next()
            );
            written.drain(..bytes.len());
        } else {
            session.handle_input(now, &bytes).unwrap();
        }
    }
    assert_eq!(written, [0; 0]);
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn sentences(text: &str) -> Vec<(bool, Sentence)> {
    let mut sentences: Vec<(bool, Sentence)> = Vec::new();
    for line in text.lines() {
        let (side, word) = line.split_at(2);
        if word.starts_with(['/', '!']) {
            sentences.push((side == "> ", Sentence::default()));
        }
        sentences.last_mut().unwrap().1.push(word.as_bytes());
    }
    sentences
}

fn rows(events: &[Event]) -> impl Iterator<Item = RowRef<'_>> {
    let rows = events.iter().filter_map(|event| match event {
        Event::Rows { rows, .. } => Some(rows.iter()),
        _ => None,
    });
    rows.flatten()
}
