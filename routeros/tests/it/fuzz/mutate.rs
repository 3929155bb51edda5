//! What can be done to an input: a byte changed, a piece lost, doubled, moved or taken from another.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// The longest input.
const MAX: usize = 4096;

/// Bytes at which somebody decides something.
const BYTES: &[u8] =
    b"\x00\x01\x7f\x80\x81\xbf\xc0\xdf\xe0\xef\xf0\xf1\xf8\xff=!.?/*:,-@ \"\\$\n\r{}[]();09";

/// Pieces that mean something to one of the targets.
const TOKENS: &[&[u8]] = &[
    b"!re",
    b"!done",
    b"!trap",
    b"!fatal",
    b"!empty",
    b".tag=1",
    b".tag=2",
    b"=ret=",
    b"=message=interrupted",
    b"=category=2",
    b"=.id=*1A",
    b"=.dead=true",
    b"=.section=0",
    b"\x03!re\x06.tag=1\x00",
    b"\x05!done\x06.tag=1\x00",
    b"\xf0\xff\xff\xff\xff",
    b"\x80\x05",
    b"18446744073709551616",
    b"-1",
    b"1.5MiB",
    b"never",
    b"1w2d3h4m5s",
    b"00:00:01",
    b"jul/21/2023",
    b"2023-07-21",
    b"true",
    b"yes",
    b"*FFFFFFFF",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"add ",
    b"set ",
    b"find ",
    b"/ip address",
    b" \\\n    ",
    b"do={",
    b"\\_",
    b"\\0A",
    b"# ",
];

/// Changes an input in one to six places.
pub(crate) fn mutate(rng: &mut StdRng, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..rng.random_range(1..=6) {
        step(rng, input, other);
    }
    input.truncate(MAX);
}

fn step(rng: &mut StdRng, input: &mut Vec<u8>, other: &[u8]) {
    let (from, to) = range(rng, input.len());
    match rng.random_range(0..9) {
        0 => {
            if let Some(byte) = input.get_mut(from) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(from) {
                *byte = BYTES[rng.random_range(0..BYTES.len())];
            }
        }
        2 => insert(input, from, &[BYTES[rng.random_range(0..BYTES.len())]]),
        3 => insert(input, from, TOKENS[rng.random_range(0..TOKENS.len())]),
        4 => drop(input.drain(from..to)),
        5 => {
            let piece = input[from..to].to_vec();
            insert(input, rng.random_range(0..=input.len()), &piece);
        }
        6 => {
            let piece: Vec<u8> = input.drain(from..to).collect();
            insert(input, rng.random_range(0..=input.len()), &piece);
        }
        7 => {
            let (start, end) = range(rng, other.len());
            insert(input, from, &other[start..end]);
        }
        _ => input.truncate(to),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}

/// A piece of something so long; mostly a short one.
fn range(rng: &mut StdRng, length: usize) -> (usize, usize) {
    let from = rng.random_range(0..=length);
    let most = if rng.random_bool(0.8) { 16 } else { MAX };
    (from, from + rng.random_range(0..=(length - from).min(most)))
}
