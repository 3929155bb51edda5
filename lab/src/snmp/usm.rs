//! Version 3: users who sign and hide what they ask. A user is a community with passwords.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::ber::{self, Oid, Reader, Value};
use super::crypt::{Cipher, Hash, SIGNATURE, Vector};
use super::pdu::{self, Answer, Pdu};
use crate::core::Core;
use crate::device::Inner;
use crate::text;
use crate::tree::Row;

/// How far clocks may be apart, in seconds.
const WINDOW: u32 = 150;

/// Counters of what was wrong with messages: 1.3.6.1.6.3.15.1.1.
const STATS: &[u32] = &[1, 3, 6, 1, 6, 3, 15, 1, 1];

const UNSUPPORTED_LEVEL: u32 = 1;
const NOT_IN_WINDOW: u32 = 2;
const UNKNOWN_USER: u32 = 3;
const UNKNOWN_ENGINE: u32 = 4;
const WRONG_DIGEST: u32 = 5;
const UNDECIPHERABLE: u32 = 6;

/// Keys made before, because making one takes a while.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<(Hash, String, Vec<u8>), Vec<u8>>);

/// Keys that are kept.
const KEPT: usize = 256;

impl Keys {
    fn of(&mut self, hash: Hash, password: &str, engine: &[u8]) -> Vec<u8> {
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        let entry = (hash, password.to_owned(), engine.to_vec());
        let make = || hash.key(&text::encode(password), engine);
        self.0.entry(entry).or_insert_with(make).clone()
    }
}

/// The head of a message.
#[derive(Debug)]
struct Head<'a> {
    id: i64,
    flags: u8,
    engine: &'a [u8],
    boots: u32,
    time: u32,
    user: &'a [u8],
    signature: &'a [u8],
    salt: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(message: &mut Reader<'a>) -> Option<Self> {
        let mut global = message.sequence()?;
        let id = global.integer()?;
        global.integer()?;
        let flags = *global.octets()?.first()?;
        if global.integer()? != 3 {
            return None;
        }
        let mut security = Reader::new(message.octets()?).sequence()?;
        Some(Self {
            id,
            flags,
            engine: security.octets()?,
            boots: u32::try_from(security.integer()?).ok()?,
            time: u32::try_from(security.integer()?).ok()?,
            user: security.octets()?,
            signature: security.octets()?,
            salt: security.octets()?,
        })
    }

    fn is_signed(&self) -> bool {
        self.flags & 1 != 0
    }

    fn is_hidden(&self) -> bool {
        self.flags & 2 != 0
    }
}

/// A user with the keys for one device.
#[derive(Debug)]
struct User {
    hash: Hash,
    cipher: Cipher,
    signing: Vec<u8>,
    hiding: Vec<u8>,
    /// `none`, `authorized` or `private`.
    level: String,
}

impl User {
    fn of(row: &Row, engine: &[u8], keys: &mut Keys) -> Self {
        let of = |name, or| row.get(name).unwrap_or(or);
        let hash = if of("authentication-protocol", "MD5").eq_ignore_ascii_case("SHA1") {
            Hash::Sha1
        } else {
            Hash::Md5
        };
        let cipher = if of("encryption-protocol", "DES").eq_ignore_ascii_case("AES") {
            Cipher::Aes
        } else {
            Cipher::Des
        };
        Self {
            hash,
            cipher,
            signing: keys.of(hash, of("authentication-password", ""), engine),
            hiding: keys.of(hash, of("encryption-password", ""), engine),
            level: of("security", "none").to_owned(),
        }
    }
}

/// What a device is as an engine.
#[derive(Debug)]
struct Engine {
    id: Vec<u8>,
    boots: u32,
    time: u32,
}

impl Core {
    /// Describes the device as an engine; all have the same id unless they are given a suffix.
    fn engine(&self) -> Engine {
        let mut id = vec![0x80, 0x00, 0x3A, 0x8C, 0x04];
        let suffix = self
            .tree
            .single("/snmp", "engine-id-suffix")
            .unwrap_or_default();
        id.extend(hex::decode(suffix).unwrap_or_else(|_| text::encode(suffix)));
        id.truncate(32);
        Engine {
            id,
            boots: u32::try_from(self.boot + 1).unwrap_or(u32::MAX),
            time: u32::try_from(self.uptime().as_secs()).unwrap_or(u32::MAX),
        }
    }
}

/// Answers a message, with what it asks or with what is wrong about it.
pub(super) fn answer(
    device: &Arc<Inner>,
    whole: &[u8],
    mut message: Reader<'_>,
    peer: IpAddr,
    keys: &mut Keys,
) -> Option<Vec<u8>> {
    let head = Head::read(&mut message)?;
    let core = device.core();
    let engine = core.engine();
    let report = |what| Some(reported(&engine, &head, what, None));
    if head.engine != engine.id {
        return report(UNKNOWN_ENGINE);
    }
    let Some(row) = core.community(&text::decode(head.user), peer) else {
        return report(UNKNOWN_USER);
    };
    let user = User::of(&row, &engine.id, keys);
    let is_enough = match user.level.as_str() {
        "private" => head.is_hidden() && head.is_signed(),
        "authorized" => head.is_signed(),
        _ => true,
    };
    let can = (!head.is_signed() || !user.signing.is_empty())
        && (!head.is_hidden() || head.is_signed() && !user.hiding.is_empty());
    if !is_enough || !can {
        return report(UNSUPPORTED_LEVEL);
    }
    if head.is_signed() {
        if !is_genuine(&head, &user, whole) {
            return report(WRONG_DIGEST);
        }
        if head.boots != engine.boots || head.time.abs_diff(engine.time) > WINDOW {
            return Some(reported(&engine, &head, NOT_IN_WINDOW, Some(&user)));
        }
    }
    let shown;
    let mut scoped = if head.is_hidden() {
        let vector = Vector {
            boots: head.boots,
            time: head.time,
            salt: head.salt.try_into().ok()?,
        };
        shown = user.cipher.show(&user.hiding, vector, message.octets()?);
        let Some(scoped) = shown.as_deref().and_then(|s| Reader::new(s).sequence()) else {
            return report(UNDECIPHERABLE);
        };
        scoped
    } else {
        message.sequence()?
    };
    let (_, context) = (scoped.octets()?, scoped.octets()?);
    let pdu = Pdu::read(&mut scoped)?;
    let answer = pdu::answer(&pdu, &core.mib(), false);
    drop(core);
    Some(write(&engine, &head, context, &answer, Some(&user)))
}

/// Checks the signature, which is made with zeros in its own place.
fn is_genuine(head: &Head<'_>, user: &User, whole: &[u8]) -> bool {
    if head.signature.len() != SIGNATURE {
        return false;
    }
    let at = whole.windows(SIGNATURE).position(|w| w == head.signature);
    let Some(at) = at else { return false };
    let mut blank = whole.to_vec();
    if let Some(place) = blank.get_mut(at..at + SIGNATURE) {
        place.fill(0);
    }
    user.hash.sign(&user.signing, &blank) == head.signature
}

fn reported(engine: &Engine, head: &Head<'_>, what: u32, user: Option<&User>) -> Vec<u8> {
    let name: Oid = [STATS, &[what, 0]].concat();
    let answer = Answer {
        tag: 0xA8,
        id: head.id,
        error: (0, 0),
        binds: vec![(name, Value::Counter32(1))],
    };
    // A report of the wrong time is signed, so that the right one can be trusted.
    let level = u8::from(user.is_some());
    let head = Head {
        flags: level,
        engine: head.engine,
        user: head.user,
        signature: head.signature,
        salt: &[],
        ..*head
    };
    write(engine, &head, &[], &answer, user)
}

/// Writes an answer, signed and hidden as the question was.
fn write(
    engine: &Engine,
    head: &Head<'_>,
    context: &[u8],
    answer: &Answer,
    user: Option<&User>,
) -> Vec<u8> {
    let mut scoped = Vec::new();
    ber::put(&mut scoped, ber::OCTETS, &engine.id);
    ber::put(&mut scoped, ber::OCTETS, context);
    scoped.extend(answer.write());
    let mut data = Vec::new();
    ber::put(&mut data, ber::SEQUENCE, &scoped);
    let mut salt = Vec::new();
    if let Some(user) = user.filter(|_| head.is_hidden()) {
        let vector = Vector {
            boots: engine.boots,
            time: engine.time,
            salt: rand::random(),
        };
        salt = vector.salt.to_vec();
        let hidden = user.cipher.hide(&user.hiding, vector, &data);
        data.clear();
        ber::put(&mut data, ber::OCTETS, &hidden.unwrap_or_default());
    }
    let signed = user.filter(|_| head.is_signed());
    let blank = if signed.is_some() {
        vec![0; SIGNATURE]
    } else {
        Vec::new()
    };
    let (out, at) = assemble(engine, head, &data, &salt, &blank);
    let Some(user) = signed else { return out };
    let signature = user.hash.sign(&user.signing, &out);
    let mut out = out;
    if let Some(place) = out.get_mut(at..at + SIGNATURE) {
        place.copy_from_slice(&signature);
    }
    out
}

/// Puts a message together; returns where its signature is.
fn assemble(
    engine: &Engine,
    head: &Head<'_>,
    data: &[u8],
    salt: &[u8],
    signature: &[u8],
) -> (Vec<u8>, usize) {
    let mut after = Vec::new();
    ber::put(&mut after, ber::OCTETS, salt);
    let mut security = Vec::new();
    ber::put(&mut security, ber::OCTETS, &engine.id);
    ber::put_integer(&mut security, ber::INTEGER, i64::from(engine.boots));
    ber::put_integer(&mut security, ber::INTEGER, i64::from(engine.time));
    ber::put(&mut security, ber::OCTETS, head.user);
    ber::put(&mut security, ber::OCTETS, signature);
    security.extend(&after);
    let mut sequence = Vec::new();
    ber::put(&mut sequence, ber::SEQUENCE, &security);
    let mut global = Vec::new();
    ber::put_integer(&mut global, ber::INTEGER, head.id);
    ber::put_integer(&mut global, ber::INTEGER, 65_507);
    ber::put(&mut global, ber::OCTETS, &[head.flags & 3]);
    ber::put_integer(&mut global, ber::INTEGER, 3);
    let mut content = Vec::new();
    ber::put_integer(&mut content, ber::INTEGER, 3);
    ber::put(&mut content, ber::SEQUENCE, &global);
    ber::put(&mut content, ber::OCTETS, &sequence);
    content.extend(data);
    let mut out = Vec::new();
    ber::put(&mut out, ber::SEQUENCE, &content);
    let at = out.len() - data.len() - after.len() - signature.len();
    (out, at)
}
