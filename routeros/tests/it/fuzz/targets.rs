//! What is fuzzed: each target asserts what must hold for any bytes at all.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use routeros::command::Command;
use routeros::error::ProtocolError;
use routeros::login::Credentials;
use routeros::row::Row;
use routeros::sentence::{Decoder, Limits, Sentence};
use routeros::server::Receiver;
use routeros::session::{Budget, Event, Session};
use routeros::text;
use routeros::value::{
    BitRate, Date, DateTime, Dbm, Elapsed, Id, List, LogTime, Pair, Quantity, Time, Value, compare,
    format_duration, same,
};
use routeros::version::Installed;
use routeros::word;

fn shape(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// A word is taken whole or not at all, and survives being written again.
pub(crate) fn word(input: &[u8]) -> u64 {
    match word::decode(input) {
        Ok(Some((word, taken))) => {
            assert!(taken <= input.len() && word.len() < taken);
            let mut again = Vec::new();
            word::encode(word, &mut again);
            assert!(again.len() <= taken, "we write the shortest form");
            assert_eq!(word::decode(&again), Ok(Some((word, again.len()))));
            shape((
                0,
                taken - word.len(),
                again.len() < taken,
                word.len().ilog2_or_zero(),
            ))
        }
        Ok(None) => shape((1, input.len().min(6))),
        Err(error) => shape((2, error.to_string())),
    }
}

trait Log2 {
    fn ilog2_or_zero(self) -> u32;
}

impl Log2 for usize {
    fn ilog2_or_zero(self) -> u32 {
        self.checked_ilog2().unwrap_or(0)
    }
}

/// How bytes arrive in pieces does not matter, and limits hold.
pub(crate) fn sentence(input: &[u8]) -> u64 {
    let limits = Limits {
        word: 200,
        words: 8,
        bytes: 256,
    };
    let whole = sentences(limits, std::iter::once(input));
    let piece = usize::from(input.first().copied().unwrap_or(0) % 7) + 1;
    assert_eq!(sentences(limits, input.chunks(piece)), whole);
    for words in &whole.0 {
        assert!((1..=8).contains(&words.len()));
        assert!(words.iter().map(Vec::len).sum::<usize>() <= 256);
        let sentence: Sentence = words.iter().map(Vec::as_slice).collect();
        let mut again = Vec::new();
        sentence.encode(&mut again);
        let one = sentences(limits, std::iter::once(again.as_slice()));
        assert_eq!(one, (vec![words.clone()], None));
    }
    let words: Vec<usize> = whole.0.iter().map(Vec::len).collect();
    shape((words, whole.1.map(|error| error.to_string())))
}

type Words = Vec<Vec<u8>>;

fn sentences<'a>(
    limits: Limits,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Words>, Option<ProtocolError>) {
    let mut decoder = Decoder::new(limits);
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.poll() {
                Ok(Some(sentence)) => seen.push(sentence.words().map(<[u8]>::to_vec).collect()),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
    }
    (seen, None)
}

/// A session survives any device: every call ends exactly once, and nothing exceeds its budget.
pub(crate) fn reply(input: &[u8]) -> u64 {
    let mut now = Instant::now();
    let mut session = Session::new(now, <_>::default(), Credentials::new("admin", "pw"));
    session.handle_input(now, b"\x05!done\x00").unwrap();
    let budget = Budget {
        rows: 5,
        bytes: 500,
        ..Budget::DEFAULT
    };
    let calls = [
        session.call_within(now, &Command::print("/a"), budget),
        session.call_within(now, &Command::print("/b"), budget),
    ];
    let mut error = None;
    for piece in input.chunks(input.len() / 3 + 1) {
        error = error.or(session.handle_input(now, piece).err());
        now += Duration::from_secs(7);
        session.handle_timeout(now);
    }
    session.handle_closed();
    let events: Vec<Event> = std::iter::from_fn(|| session.poll_event()).collect();
    for call in calls {
        let is_end = |event: &&Event| match event {
            Event::Done { tag, .. } | Event::Failed { tag, .. } => *tag == call,
            _ => false,
        };
        assert_eq!(events.iter().filter(is_end).count(), 1, "{call}");
        let rows = events.iter().filter_map(|event| match event {
            Event::Rows { tag, rows } if *tag == call => Some(rows.len()),
            _ => None,
        });
        assert!(rows.sum::<usize>() <= 5);
    }
    let mut receiver = Receiver::new();
    receiver.feed(input);
    let requests = std::iter::from_fn(|| receiver.poll().ok().flatten())
        .take(64)
        .count();
    let kinds: Vec<_> = events.iter().map(std::mem::discriminant).collect();
    let error = error.map(|error| error.to_string());
    shape((
        kinds,
        error,
        requests.min(3),
        session.counters().unknown.min(2),
    ))
}

/// What reads as a value is written and read as the same value; comparing is sound.
pub(crate) fn value(input: &[u8]) -> u64 {
    let half = input
        .iter()
        .position(|&b| b == b'\n')
        .unwrap_or(input.len());
    let (a, b) = (&input[..half], input.get(half + 1..).unwrap_or_default());
    assert!(same(a, a) && compare(a, a).is_eq());
    assert_eq!(same(a, b), same(b, a));
    assert_eq!(compare(a, b), compare(b, a).reverse());
    let text = text::lossy(a);
    let shown = text::escape(&text);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    let row = Row::new().with("v", a);
    assert_eq!(row.raw("v"), Some(a));
    if let Some(id) = Id::parse(a) {
        assert_eq!(id.as_str().as_bytes(), a);
    }
    if let Some(version) = Installed::parse(&text) {
        assert_eq!(Installed::parse(&version.to_string()), Some(version));
    }
    shape((
        written_again::<Duration>(a, |v| format_duration(*v)),
        written_again::<DateTime>(a, ToString::to_string),
        written_again::<Date>(a, |v| v.to_old_string()),
        written_again::<Time>(a, ToString::to_string),
        written_again::<IpAddr>(a, ToString::to_string),
        written_again::<u64>(a, ToString::to_string),
        written_again::<i64>(a, ToString::to_string),
        (
            Elapsed::parse(a).is_some(),
            LogTime::parse(a).is_some(),
            bool::parse(a),
        ),
        (
            Dbm::parse(a).is_some(),
            BitRate::parse(a).is_some(),
            same(a, b),
        ),
        (
            Quantity::parse(a).is_some_and(|quantity| quantity.bytes().is_some()),
            Pair::<u64>::parse(a).is_some(),
            List::parse(a).map(|list| list.0.len().min(3)),
        ),
    ))
}

fn written_again<T: Value + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    write: impl Fn(&T) -> String,
) -> bool {
    let Some(value) = T::parse(bytes) else {
        return false;
    };
    assert_eq!(T::parse(write(&value).as_bytes()), Some(value), "{bytes:?}");
    true
}
