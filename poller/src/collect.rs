//! What a poll asks of a device, one module for each subject.
//!
//! A collector is two pure functions: what to ask, and what the answers mean. Sessions, deadlines,
//! retries and publication are the worker's business. A device that sends nonsense costs that
//! collector's part of the sample, not the poll.

pub mod health;
pub mod identity;
pub mod interfaces;
pub mod resource;
pub mod routerboard;

use routeros::capability::{Capabilities, Reply};
use routeros::command::Command;
use routeros::error::{Category, Trap, TrapKind};
use routeros::row::{FieldError, RowRef, Rows};
use routeros::session::Failure;
use routeros::text;
use tod_proto::bus::sample::Observation;
use tod_proto::untrusted::{Untrusted, plain};

use crate::device::link::Answer;

/// The most characters kept of a text that a device chose. Longer comments exist; nobody reads them
/// in a list.
const MAX_TEXT: usize = 512;

/// One question: a menu, and the properties wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// The menu, such as `/system/identity`.
    pub menu: &'static str,
    /// The properties. A device that does not know one leaves it out.
    pub properties: &'static [&'static str],
}

/// Why answers make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A property is missing or malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The device has no such menu.
    #[error("the device does not have it")]
    Unsupported,
    /// The device refused. The text is foreign and escaped.
    #[error("the device refused: {0}")]
    Refused(String),
    /// The answer did not come or was too large.
    #[error("{0}")]
    Incomplete(String),
    /// A menu that has one row always came without it.
    #[error("the answer is empty")]
    Empty,
}

/// A subject that is polled.
pub trait Collector {
    /// Names it in logs and problems.
    const NAME: &'static str;
    /// What to ask, in order.
    const READS: &'static [Read];

    /// What the answers mean; there is one for each question.
    fn read(answers: &[Answer], seen: &mut Observation) -> Result<(), ReadError>;
}

/// A collector as a value, so that there can be a list.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name.
    pub name: &'static str,
    /// What it asks.
    pub reads: &'static [Read],
    read: fn(&[Answer], &mut Observation) -> Result<(), ReadError>,
}

impl Probe {
    const fn of<C: Collector>() -> Self {
        Self {
            name: C::NAME,
            reads: C::READS,
            read: C::read,
        }
    }
}

/// Everything that a poll asks.
pub const PROBES: &[Probe] = &[
    Probe::of::<identity::Identity>(),
    Probe::of::<resource::Resource>(),
    Probe::of::<routerboard::Routerboard>(),
    Probe::of::<health::Health>(),
    Probe::of::<interfaces::Interfaces>(),
];

/// The commands of a poll of a device that may have everything.
pub fn commands() -> Vec<Command> {
    let reads = PROBES.iter().flat_map(|probe| probe.reads);
    reads.map(command).collect()
}

/// The commands of a poll: what the device is known to lack is not asked for.
pub fn commands_for(known: &Capabilities) -> Vec<Command> {
    let reads = PROBES.iter().flat_map(|probe| probe.reads);
    reads
        .filter(|read| !known.lacks(read.menu))
        .map(command)
        .collect()
}

/// The answers to [`commands_for`] as answers to [`commands`]: what was not asked for is refused.
pub fn aligned(known: &Capabilities, answers: Vec<Answer>) -> Vec<Answer> {
    let mut answers = answers.into_iter();
    let reads = PROBES.iter().flat_map(|probe| probe.reads);
    reads
        .map(|read| {
            if known.lacks(read.menu) {
                return Answer {
                    trap: Some(Trap::new(Some(Category::Missing), b"no such command")),
                    ..Answer::default()
                };
            }
            answers.next().unwrap_or_default()
        })
        .collect()
}

/// What the answers to [`Capabilities::questions`] say.
pub fn capabilities(answers: &[Answer]) -> Capabilities {
    let replies: Vec<Reply<'_>> = answers
        .iter()
        .map(|answer| Reply {
            rows: &answer.rows,
            trap: answer.trap.as_ref(),
        })
        .collect();
    Capabilities::read(&replies)
}

fn command(read: &Read) -> Command {
    Command::print(read.menu).proplist(read.properties)
}

/// What the answers to [`commands`] say.
pub fn observe(answers: &[Answer]) -> Observation {
    let mut seen = Observation::default();
    let mut rest = answers;
    for probe in PROBES {
        let (mine, others) = rest
            .split_at_checked(probe.reads.len())
            .unwrap_or((rest, &[]));
        rest = others;
        if let Err(error) = (probe.read)(mine, &mut seen) {
            let why = Untrusted::new(error.to_string());
            seen.problems.push((probe.name.to_owned(), why));
        }
    }
    seen
}

/// The rows of an answer, or why there are none.
fn rows(answers: &[Answer], at: usize) -> Result<&Rows, ReadError> {
    let answer = answers.get(at).ok_or(ReadError::Empty)?;
    if let Some(trap) = &answer.trap {
        return Err(match trap.kind() {
            TrapKind::NoSuchCommand => ReadError::Unsupported,
            _ => ReadError::Refused(plain(&clip(&trap.message))),
        });
    }
    if let Some(failure) = answer.failure {
        return Err(ReadError::Incomplete(failure.to_string()));
    }
    Ok(&answer.rows)
}

/// The rows of a menu that not every device has; none where it is missing.
fn rows_if_any(answers: &[Answer], at: usize) -> Result<&Rows, ReadError> {
    static NONE: Rows = Rows::new();
    match rows(answers, at) {
        Err(ReadError::Unsupported) => Ok(&NONE),
        other => other,
    }
}

/// Keeps what reads well when something else does not: a nonsensical field costs itself alone.
#[derive(Default)]
struct Tolerant {
    first: Option<ReadError>,
}

impl Tolerant {
    /// The field, or nothing; why there is nothing is remembered once.
    fn field<T>(&mut self, read: Result<Option<T>, impl Into<ReadError>>) -> Option<T> {
        read.unwrap_or_else(|error| {
            self.first.get_or_insert(error.into());
            None
        })
    }

    /// What was wrong first.
    fn end(self) -> Result<(), ReadError> {
        self.first.map_or(Ok(()), Err)
    }
}

/// The rows that came of an answer that was cut because it was too large.
fn rows_so_far(answers: &[Answer], at: usize) -> Option<&Rows> {
    let answer = answers.get(at)?;
    let is_cut = matches!(
        answer.failure,
        Some(Failure::TooManyRows | Failure::TooManyBytes)
    );
    is_cut.then_some(&answer.rows)
}

/// The row of a menu that always has one.
fn row(answers: &[Answer], at: usize) -> Result<RowRef<'_>, ReadError> {
    rows(answers, at)?.first().ok_or(ReadError::Empty)
}

/// A property as text, cut to a sensible length; nothing when it is empty.
fn text(row: &RowRef<'_>, name: &str) -> Option<Untrusted> {
    let raw = row.raw(name).filter(|raw| !raw.is_empty())?;
    Some(Untrusted::new(clip(&text::lossy(raw))))
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// A finite number, if the property is there.
fn number(row: &RowRef<'_>, name: &'static str) -> Result<Option<f64>, ReadError> {
    match row.maybe::<f64>(name)? {
        Some(value) if !value.is_finite() => Err(ReadError::Field(FieldError::Malformed {
            field: name.to_owned(),
            kind: "a number",
        })),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests;
