//! Commands that go on until they are cancelled.

use std::time::Duration;

use routeros::command::Command;
use routeros::error::{Category, TrapKind};
use routeros::row::Row;
use routeros::server::Response;
use routeros::session::{Budget, Event};

use crate::pair::Pair;

#[test]
fn a_listener_hears_of_changes_and_deaths_until_it_is_cancelled() {
    let mut pair = Pair::signed_in();
    let listen = Command::new("/interface/listen");
    let tag = pair
        .session
        .call_within(pair.now, &listen, Budget::UNBOUNDED);
    let request = pair.requests().remove(0);

    pair.pass(Duration::from_hours(100));
    let born = Row::new().with(".id", "*7").with("name", "v10");
    let dead = Row::new().with(".id", "*7").with(".dead", "true");
    pair.answer(&request, &[Response::row(&born), Response::row(&dead)]);

    let events = pair.events();
    let seen: Vec<_> = events
        .iter()
        .flat_map(|event| match event {
            Event::Rows { rows, .. } => rows.iter().map(|row| (row.id().unwrap(), row.is_dead())),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, [("*7", false), ("*7", true)]);
    pair.session.cancel(pair.now, tag);
    let cancel = pair.requests().remove(0);
    assert_eq!(cancel.attributes.text("tag").unwrap(), tag.to_string());
}

#[test]
fn rounds_of_a_stream_are_told_apart() {
    let mut pair = Pair::signed_in();
    pair.session
        .call(pair.now, &Command::new("/interface/monitor-traffic"));
    let request = pair.requests().remove(0);
    let row = |section: u64, name: &str| {
        let section = section.to_string();
        Response::row(&Row::new().with(".section", section).with("name", name))
    };

    pair.answer(&request, &[row(0, "a"), row(0, "b"), row(1, "a")]);

    let sections: Vec<_> = pair
        .events()
        .iter()
        .map(|event| match event {
            Event::Rows { rows, .. } => rows.first().unwrap().section(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sections, [Some(0), Some(0), Some(1)]);
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

#[test]
fn a_tag_is_never_used_twice_in_a_session() {
    let mut pair = Pair::signed_in();
    let mut used = Vec::new();
    for round in 0..50 {
        let tag = pair.session.call(pair.now, &Command::print("/a"));
        let request = pair.requests().remove(0);
        match round % 3 {
            0 => pair.answer(&request, &[Response::done()]),
            1 => pair.session.cancel(pair.now, tag),
            _ => pair.pass(Duration::from_secs(31)),
        }
        used.push(request.tag.unwrap());
        let others = pair.requests().into_iter();
        used.extend(others.map(|request| request.tag.unwrap()));
        pair.events();
    }

    let all = used.len();
    assert!(all > 80, "{all}");
    used.sort();
    used.dedup();
    assert_eq!(used.len(), all);
}

#[test]
fn words_that_nobody_knows_yet_are_counted_and_change_nothing() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/a"));
    let request = pair.requests().remove(0);
    let row = Row::new().with("name", "a");
    let mut bytes = Vec::new();
    for word in [&b"!new"[..], b"!\xff", b"word"] {
        let tag = [b".tag=", request.tag.as_deref().unwrap()].concat();
        let sentence: routeros::sentence::Sentence = [word, b"=x=y", &tag].into_iter().collect();
        sentence.encode(&mut bytes);
    }
    pair.session.handle_input(pair.now, &bytes).unwrap();
    pair.answer(&request, &[Response::row(&row), Response::done()]);

    let rows = routeros::row::Rows::from([row]);
    let done = Event::Done { tag, ret: None };
    assert_eq!(pair.events(), [Event::Rows { tag, rows }, done]);
    assert_eq!(pair.session.counters().unknown, 3);
}
