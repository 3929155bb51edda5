//! What a broken or hostile device makes of its replies, when a fault asks for it.

use std::io;

use routeros::row::Row as Record;
use routeros::server::{Request, Response};
use tod_proto::lab::Fault;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Step;
use crate::core::Core;

/// Another protocol than the one that is due.
#[derive(Debug, Clone, Copy)]
pub(super) enum Other {
    Http,
    Ssh,
}

/// Returns the protocol that is spoken instead of the API.
pub(super) fn other_protocol(core: &Core) -> Option<Other> {
    if core.has_fault(|f| *f == Fault::SpeaksHttp) {
        Some(Other::Http)
    } else {
        core.has_fault(|f| *f == Fault::SpeaksSsh)
            .then_some(Other::Ssh)
    }
}

/// Speaks it, once.
pub(super) async fn speak(other: Other, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut heard = [0; 512];
    let said = match other {
        Other::Ssh => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await,
        Other::Http => match stream.read(&mut heard).await {
            Ok(1..) => {
                let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
                stream.write_all(answer).await
            }
            _ => return,
        },
    };
    if said.is_ok() && matches!(other, Other::Ssh) {
        swallow(stream).await;
    }
}

/// Reads and answers nothing, until the client goes.
pub(super) async fn swallow(stream: &mut (impl AsyncRead + Unpin)) {
    let mut heard = [0; 4096];
    while matches!(stream.read(&mut heard).await, Ok(1..)) {}
}

/// A reply that never ends.
#[derive(Debug, Clone)]
pub(super) struct Flood {
    begin: Vec<u8>,
    again: Vec<u8>,
}

impl Flood {
    /// Writes until the client goes.
    pub(super) async fn pour(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        stream.write_all(&self.begin).await?;
        let many = self.again.repeat(4096 / self.again.len().max(1));
        loop {
            stream.write_all(&many).await?;
        }
    }
}

/// Decides over a command before it runs: a step if it is not to run at all.
pub(super) fn instead(core: &Core, request: &Request, out: &mut Vec<u8>) -> Option<Step> {
    let is_print = request.path.ends_with("/print") || request.path.ends_with("/getall");
    for fault in &core.faults {
        match fault {
            Fault::Garbage => {
                out.extend_from_slice(b"\x05!reHTTP/1.1 400 Bad Request\r\n\r\n\xff\xf8");
            }
            Fault::HugeWord => out.extend_from_slice(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF, b'!']),
            Fault::ControlByte => out.extend_from_slice(&[0xF8, 0x01, 0x00]),
            Fault::EndlessRows if is_print => {
                let row = Record::new().with(".id", "*1").with("name", "again");
                let mut again = Vec::new();
                request.respond(Response::row(&row)).encode(&mut again);
                let begin = Vec::new();
                return Some(Step::Flood(Flood { begin, again }));
            }
            Fault::EndlessWords => {
                let (begin, again) = (b"\x03!re".to_vec(), b"\x06=a=bcd".to_vec());
                return Some(Step::Flood(Flood { begin, again }));
            }
            Fault::EndlessEmpty => {
                let (begin, again) = (Vec::new(), vec![0]);
                return Some(Step::Flood(Flood { begin, again }));
            }
            Fault::FatalText { text } => {
                Response::fatal(text).encode(out);
                return Some(Step::End);
            }
            _ => continue,
        }
        return Some(Step::Answered);
    }
    None
}

/// Alters the rows of an answer.
pub(super) fn rows(core: &Core, request: &Request, rows: &mut Vec<Record>) {
    for fault in &core.faults {
        match fault {
            Fault::OddNumbers => rows.iter_mut().for_each(odd),
            Fault::PartialRows { menu } if request.menu_and_verb().0 == menu => {
                rows.truncate(rows.len() / 2);
            }
            Fault::CounterWrap => rows.iter_mut().for_each(wrap),
            _ => {}
        }
    }
}

/// Makes of a row's numbers what no number should be.
fn odd(row: &mut Record) {
    let is_number = |v: &[u8]| !v.is_empty() && v.iter().all(u8::is_ascii_digit);
    let numbers = row.iter().filter(|(_, v)| is_number(v));
    let names: Vec<String> = numbers.map(|(k, _)| k.to_owned()).collect();
    for (n, name) in names.iter().enumerate() {
        match n % 5 {
            0 => row.set(name, "-5"),
            1 => row.set(name, "18446744073709551616"),
            2 => row.set(name, "1.5MiB"),
            3 => {
                row.unset(name);
            }
            _ => row.push(name, "7"),
        }
    }
}

fn wrap(row: &mut Record) {
    let counters: Vec<(String, u64)> = row
        .iter()
        .filter(|(k, _)| k.ends_with("-byte") || k.ends_with("-packet"))
        .filter_map(|(k, v)| Some((k.to_owned(), std::str::from_utf8(v).ok()?.parse().ok()?)))
        .collect();
    for (name, value) in counters {
        row.set(&name, (value % (1 << 32)).to_string());
    }
}

/// Alters an answer that is written from `mark` on; returns whether the session hangs now, and
/// whether the device reboots.
pub(super) fn after(
    core: &Core,
    request: &Request,
    mark: usize,
    out: &mut Vec<u8>,
) -> (bool, bool) {
    let (mut hangs, mut reboots) = (false, false);
    let path = &request.path;
    for fault in &core.faults {
        let mut answer = sentences(out.get(mark..).unwrap_or_default());
        match fault {
            Fault::LoseReplyTo { command } if command == path => answer.clear(),
            Fault::RebootMid { command } if command == path => {
                answer.clear();
                reboots = true;
            }
            Fault::HangMid { command } if command == path => {
                out.truncate(mark + (out.len() - mark) / 2);
                hangs = true;
                continue;
            }
            Fault::NoDone => answer.retain(|s| !is(s, b"!done")),
            Fault::UnknownReply => {
                let tag = answer.first().and_then(tag_of);
                let words = [Some(b"!what".to_vec()), Some(b"=x=y".to_vec()), tag];
                answer.insert(0, words.into_iter().flatten().collect());
            }
            Fault::EmptyAlways => {
                let tag = answer.first().and_then(tag_of);
                let words = [Some(b"!empty".to_vec()), tag];
                answer.insert(0, words.into_iter().flatten().collect());
            }
            Fault::ForeignTag => {
                let tags = answer.iter_mut().flatten();
                for tag in tags.filter(|w| w.starts_with(b".tag=")) {
                    tag.extend_from_slice(b"999");
                }
            }
            Fault::LongLengths => {
                let written = spell(&answer, true);
                out.truncate(mark);
                out.extend(written);
                continue;
            }
            _ => continue,
        }
        let written = spell(&answer, false);
        out.truncate(mark);
        out.extend(written);
    }
    (hangs, reboots)
}

/// Goes on replying to what was cancelled.
pub(super) fn cancelled(core: &Core, request: &Request, out: &mut Vec<u8>) {
    let tag = request.attributes.raw("tag");
    if let Some(tag) = tag.filter(|_| core.has_fault(|f| *f == Fault::RepliesAfterCancel)) {
        let row = Record::new().with("late", "true");
        for _ in 0..3 {
            Response::row(&row).tagged(Some(tag)).encode(out);
        }
    }
}

type Words = Vec<Vec<u8>>;

fn is(sentence: &Words, word: &[u8]) -> bool {
    sentence.first().is_some_and(|w| w == word)
}

fn tag_of(sentence: &Words) -> Option<Vec<u8>> {
    sentence.iter().find(|w| w.starts_with(b".tag=")).cloned()
}

/// Reads back what was encoded.
fn sentences(mut bytes: &[u8]) -> Vec<Words> {
    let (mut all, mut words) = (Vec::new(), Vec::new());
    while let Some((length, rest)) = length(bytes) {
        let Some((word, rest)) = rest.split_at_checked(length) else {
            break;
        };
        bytes = rest;
        if word.is_empty() {
            all.push(std::mem::take(&mut words));
        } else {
            words.push(word.to_vec());
        }
    }
    all
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let first = *bytes.first()?;
    let (more, mask) = match first {
        0..=0x7F => (0, 0x7F),
        0x80..=0xBF => (1, 0x3F),
        0xC0..=0xDF => (2, 0x1F),
        0xE0..=0xEF => (3, 0x0F),
        _ => (4, 0x00),
    };
    let (tail, rest) = bytes.get(1..)?.split_at_checked(more)?;
    let start = usize::from(first & mask);
    let length = tail.iter().fold(start, |n, b| n << 8 | usize::from(*b));
    Some((length, rest))
}

/// Writes sentences, with lengths of five bytes if they are to be long.
fn spell(sentences: &[Words], is_long: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for words in sentences {
        for word in words {
            put_length(&mut out, word.len(), is_long);
            out.extend_from_slice(word);
        }
        put_length(&mut out, 0, is_long);
    }
    out
}

fn put_length(out: &mut Vec<u8>, length: usize, is_long: bool) {
    let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let [a, b, c, d] = bytes;
    match length {
        _ if is_long => {
            out.push(0xF0);
            out.extend_from_slice(&bytes);
        }
        0..0x80 => out.push(d),
        0x80..0x4000 => out.extend_from_slice(&[0x80 | c, d]),
        0x4000..0x20_0000 => out.extend_from_slice(&[0xC0 | b, c, d]),
        0x20_0000..0x1000_0000 => out.extend_from_slice(&[0xE0 | a, b, c, d]),
        _ => {
            out.push(0xF0);
            out.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{sentences, spell};

    #[test]
    fn sentences_come_back_in_both_spellings() {
        let long = vec![b'x'; 300];
        let all = vec![
            vec![b"!re".to_vec(), long, b".tag=1".to_vec()],
            vec![b"!done".to_vec(), vec![b'y'; 0x4001]],
        ];

        assert_eq!(sentences(&spell(&all, false)), all);
        assert_eq!(sentences(&spell(&all, true)), all);
    }
}
