//! What an answer may take: time, rows, memory; and what is left of it when it took more.

use std::time::Duration;

use routeros::command::Command;
use routeros::row::{Row, Rows};
use routeros::server::Response;
use routeros::session::{Budget, Event, Failure, Tag};

use crate::pair::Pair;

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

    let failure = Failure::TooManyRows;
    assert_eq!(
        pair.events(),
        [one_row(tag), one_row(tag), Event::Failed { tag, failure }]
    );
    assert_eq!(pair.session.counters().late, 7);
}

fn one_row(tag: Tag) -> Event {
    let rows = Rows::from([Row::new()]);
    Event::Rows { tag, rows }
}

#[test]
fn a_flood_of_tiny_attributes_is_counted_by_the_memory_that_it_takes() {
    let mut pair = Pair::signed_in();
    let budget = Budget {
        bytes: 10_000,
        ..Budget::DEFAULT
    };
    let tag = pair
        .session
        .call_within(pair.now, &Command::print("/a"), budget);
    let request = pair.requests().remove(0);
    let row: Row = (0..100).map(|_| ("a", "")).collect();

    pair.answer(&request, &vec![Response::row(&row); 20]);

    let events = pair.events();
    let failure = Failure::TooManyBytes;
    assert_eq!(events.last(), Some(&Event::Failed { tag, failure }));
    let sizes = events.iter().map(|event| match event {
        Event::Rows { rows, .. } => rows.size(),
        _ => 0,
    });
    assert!(sizes.sum::<usize>() <= 10_000);
}

#[test]
fn what_was_given_up_is_forgotten_when_the_device_never_ends_it() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/slow"));
    let request = pair.requests().remove(0);
    pair.pass(Duration::from_secs(30));
    let failure = Failure::NoReply;
    assert_eq!(pair.events(), [Event::Failed { tag, failure }]);
    assert!(pair.session.poll_timeout().is_some());

    pair.pass(Duration::from_mins(1));

    assert_eq!(pair.session.poll_timeout(), None);
    assert_eq!(pair.session.counters().lost, 2);
    pair.answer(&request, &[Response::row(&Row::new()), Response::done()]);
    assert_eq!(pair.events(), []);
    assert_eq!(pair.session.counters().foreign, 2);
}

#[test]
fn an_answer_that_never_ends_is_given_up_in_the_end() {
    let mut pair = Pair::signed_in();
    let tag = pair.session.call(pair.now, &Command::print("/a"));
    let request = pair.requests().remove(0);
    for _ in 0..14 {
        pair.pass(Duration::from_secs(20));
        pair.answer(&request, &[Response::row(&Row::new())]);
        assert_eq!(pair.events(), [one_row(tag)]);
    }

    pair.pass(Duration::from_secs(20));

    let failure = Failure::TooLong;
    assert_eq!(pair.events(), [Event::Failed { tag, failure }]);
}
