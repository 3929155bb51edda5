//! Requests and answers of versions 1 and 2c, and inside those of version 3.

use super::ber::{self, Oid, Reader, Value};

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Next,
    Set,
    /// How many are asked once, and how often the others.
    Bulk(i64, i64),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pdu {
    pub(super) verb: Verb,
    pub(super) id: i64,
    pub(super) names: Vec<Oid>,
}

/// The most objects that one request may name.
const NAMES: usize = 128;

impl Pdu {
    /// Reads a request.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (tag, content) = reader.any()?;
        let mut inside = Reader::new(content);
        let id = inside.integer()?;
        let (first, second) = (inside.integer()?, inside.integer()?);
        let verb = match tag {
            0xA0 => Verb::Get,
            0xA1 => Verb::Next,
            0xA3 => Verb::Set,
            0xA5 => Verb::Bulk(first, second),
            _ => return None,
        };
        let mut list = inside.sequence()?;
        let mut names = Vec::new();
        while !list.is_empty() {
            let mut bind = list.sequence()?;
            names.push(bind.oid()?);
            if names.len() > NAMES {
                return None;
            }
        }
        Some(Self { verb, id, names })
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// `0xA2`, or `0xA8` for a report.
    pub(super) tag: u8,
    pub(super) id: i64,
    /// What went wrong, and with which object.
    pub(super) error: (i64, i64),
    pub(super) binds: Vec<(Oid, Value)>,
}

impl Answer {
    /// Writes the answer.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for (name, value) in &self.binds {
            let mut bind = Vec::new();
            ber::put_oid(&mut bind, name);
            ber::put_value(&mut bind, value);
            ber::put(&mut list, ber::SEQUENCE, &bind);
        }
        let mut content = Vec::new();
        ber::put_integer(&mut content, ber::INTEGER, self.id);
        ber::put_integer(&mut content, ber::INTEGER, self.error.0);
        ber::put_integer(&mut content, ber::INTEGER, self.error.1);
        ber::put(&mut content, ber::SEQUENCE, &list);
        let mut out = Vec::new();
        ber::put(&mut out, self.tag, &content);
        out
    }
}

/// Nobody is given more than this many objects at once.
const MOST: usize = 96;

/// Answers a request from what a device has; `is_v1` knows no exceptions, only errors.
pub(super) fn answer(pdu: &Pdu, mib: &super::mib::Mib, is_v1: bool) -> Answer {
    let mut answer = Answer {
        tag: 0xA2,
        id: pdu.id,
        error: (0, 0),
        binds: Vec::new(),
    };
    match pdu.verb {
        Verb::Get => answer.binds = each(pdu, |name| (name.clone(), mib.get(name))),
        Verb::Next => answer.binds = each(pdu, |name| mib.next(name)),
        Verb::Set => {
            // Version 1 says that there is no such name, later ones that it cannot be written.
            answer.error = (if is_v1 { 2 } else { 17 }, 1);
            answer.binds = each(pdu, |name| (name.clone(), Value::Null));
        }
        Verb::Bulk(once, often) => answer.binds = bulk(pdu, mib, once, often),
    }
    let is_missing = |v: &Value| {
        matches!(
            v,
            Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfView | Value::Counter64(_)
        )
    };
    if is_v1 && let Some(at) = answer.binds.iter().position(|(_, v)| is_missing(v)) {
        answer.error = (2, i64::try_from(at + 1).unwrap_or(0));
        answer.binds = each(pdu, |name| (name.clone(), Value::Null));
    }
    answer
}

fn each(pdu: &Pdu, find: impl Fn(&Oid) -> (Oid, Value)) -> Vec<(Oid, Value)> {
    pdu.names.iter().map(find).collect()
}

fn bulk(pdu: &Pdu, mib: &super::mib::Mib, once: i64, often: i64) -> Vec<(Oid, Value)> {
    let once = usize::try_from(once).unwrap_or(0).min(pdu.names.len());
    let (first, rest) = pdu.names.split_at_checked(once).unwrap_or_default();
    let mut binds: Vec<_> = first.iter().map(|name| mib.next(name)).collect();
    let mut at: Vec<Oid> = rest.to_vec();
    for _ in 0..often.clamp(0, 64) {
        if at.is_empty() || binds.len() + at.len() > MOST {
            break;
        }
        let row: Vec<_> = at.iter().map(|name| mib.next(name)).collect();
        let is_over = row.iter().all(|(_, v)| *v == Value::EndOfView);
        at = row.iter().map(|(name, _)| name.clone()).collect();
        binds.extend(row);
        if is_over {
            break;
        }
    }
    binds
}
