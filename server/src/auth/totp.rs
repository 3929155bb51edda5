//! One-time codes: by the clock (RFC 6238), and on paper.
//!
//! SHA-1, six digits and steps of thirty seconds are what every authenticator expects; others are
//! ignored by some of them. SHA-1 is sound here: HMAC does not need it free of collisions.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use jiff::Timestamp;
use tod_proto::id::UserId;

use crate::api::error::Error;
use crate::auth::secret;

/// Bytes of a secret: as long as what SHA-1 makes of it.
pub const SECRET: usize = 20;
/// How many codes on paper there are.
pub const ON_PAPER: usize = 10;
/// Bytes of a code on paper: too many to try, so a plain hash of it can be kept.
const PAPER: usize = 10;
const STEP: i64 = 30;
const DIGITS: u32 = 6;
/// How many steps an authenticator's clock may be off, either way.
const DRIFT: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What somebody has typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Six digits.
    Clock(String),
    /// The hash of a code on paper.
    Paper(Vec<u8>),
}

impl Code {
    /// Reads what somebody has typed, with or without blanks and hyphens.
    pub fn read(user: UserId, typed: &str) -> Option<Self> {
        if typed.len() > 64 {
            return None;
        }
        let text: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Clock(text));
        }
        let fits = text.len() == PAPER * 8 / 5 && text.bytes().all(|byte| BASE32.contains(&byte));
        fits.then(|| Self::Paper(paper_hash(user, &text)))
    }
}

/// The step of thirty seconds that a moment lies in.
fn step(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP)
}

/// The step whose code it is, if it is that of now or of a neighbour. All are computed, whichever
/// it is.
pub fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let around = step(now).saturating_sub(DRIFT)..=step(now).saturating_add(DRIFT);
    around.fold(None, |found, step| {
        let right = digits(secret, step, DIGITS);
        let same = verify_slices_are_equal(right.as_bytes(), code.as_bytes()).is_ok();
        if same { Some(step) } else { found }
    })
}

/// The code of a step: RFC 4226, section 5.3.
fn digits(secret: &[u8], step: i64, count: u32) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
    let four = tag.iter().skip(at).take(4);
    let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
    let width = usize::try_from(count).unwrap_or_default();
    format!("{:0width$}", number % 10_u32.pow(count))
}

/// Makes a secret.
pub fn generate() -> Result<zeroize::Zeroizing<[u8; SECRET]>, Error> {
    let mut bytes = zeroize::Zeroizing::new([0; SECRET]);
    fill(&mut *bytes)?;
    Ok(bytes)
}

/// Makes the codes on paper: how they are shown, and what is kept of them.
pub fn on_paper(user: UserId) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut codes = Vec::with_capacity(ON_PAPER);
    for _ in 0..ON_PAPER {
        let mut bytes = [0; PAPER];
        fill(&mut bytes)?;
        let text = base32(&bytes);
        let groups: Vec<_> = text
            .as_bytes()
            .chunks(4)
            .map(String::from_utf8_lossy)
            .collect();
        codes.push((groups.join("-"), paper_hash(user, &text)));
    }
    Ok(codes)
}

fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| Error::internal(anyhow::anyhow!("no randomness")))
}

fn paper_hash(user: UserId, text: &str) -> Vec<u8> {
    secret::hash(&format!("{user} {text}"))
}

/// Base 32 of RFC 4648, without padding.
pub fn base32(bytes: &[u8]) -> String {
    let groups = bytes.chunks(5).flat_map(|chunk| {
        let five = (0..5).map(|at| chunk.get(at).copied().unwrap_or_default());
        let bits = five.fold(0_u64, |bits, byte| bits << 8 | u64::from(byte));
        let count = (chunk.len() * 8).div_ceil(5);
        (0..count).map(move |at| {
            let digit = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or_default();
            char::from(BASE32[digit & 31])
        })
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B, the rows of SHA-1.
    #[test]
    fn the_vectors_of_rfc_6238_come_out() {
        for (at, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let at = Timestamp::from_second(at).unwrap();
            assert_eq!(digits(RFC, step(at), 8), code);
            assert_eq!(digits(RFC, step(at), 6), code[2..]);
            assert_eq!(step_of(RFC, &code[2..], at), Some(step(at)));
        }
    }

    #[test]
    fn a_code_is_good_one_step_before_and_after_its_own() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let code = digits(RFC, 1000, 6);

        for second in [1000 * 30 - 30, 1000 * 30, 1000 * 30 + 59] {
            assert_eq!(step_of(RFC, &code, at(second)), Some(1000), "{second}");
        }
        for second in [1000 * 30 - 31, 1000 * 30 + 60] {
            assert_eq!(step_of(RFC, &code, at(second)), None, "{second}");
        }
        assert_eq!(step_of(b"another secret of 20", &code, at(30_000)), None);
        for wrong in ["", "0", "00000", "0000000", "94287082"] {
            assert_eq!(step_of(RFC, wrong, at(59)), None);
        }
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "MY"),
            (b"fo", "MZXQ"),
            (b"foo", "MZXW6"),
            (b"foob", "MZXW6YQ"),
            (b"fooba", "MZXW6YTB"),
            (b"foobar", "MZXW6YTBOI"),
            (RFC, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        ] {
            assert_eq!(base32(bytes), text);
        }
    }

    #[test]
    fn what_is_typed_is_a_code_of_the_clock_or_of_the_paper_or_nothing() {
        let user = UserId::generate();
        let codes = on_paper(user).unwrap();
        assert_eq!(codes.len(), ON_PAPER);

        assert_eq!(
            Code::read(user, " 123 456 "),
            Some(Code::Clock("123456".to_owned()))
        );
        let (shown, kept) = &codes[0];
        assert_eq!(shown.len(), 19, "{shown}");
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " ")] {
            assert_eq!(Code::read(user, &typed), Some(Code::Paper(kept.clone())));
        }
        assert_ne!(
            Code::read(UserId::generate(), shown),
            Some(Code::Paper(kept.clone())),
            "it is that of one person"
        );
        for nothing in [
            "",
            "12345",
            "1234567",
            "12345a",
            "0000-0000-0000-0000",
            "１２３４５６",
        ] {
            assert_eq!(Code::read(user, nothing), None, "{nothing}");
        }
        assert_eq!(Code::read(user, &"1 ".repeat(100)), None);
    }
}
