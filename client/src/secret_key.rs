//! The Secret Key: 128 random bits that never leave the person's machines.
//!
//! It is written as `A3-7KQ2MN-…`: the version, six digits that tell accounts apart, then 26
//! digits of the key and a check digit, all in Crockford's base 32.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What the text starts with. It goes into the derivation: another version is another key.
const VERSION: &str = "A3";
/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many digits tell accounts apart.
const HINT: usize = 6;
/// How many digits hold 128 bits.
const KEY: usize = 26;

/// A Secret Key. Its `Debug` shows nothing; [`SecretKey::reveal`] is the only way to its text.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    hint: [u8; HINT],
    bytes: [u8; 16],
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Why text is not a Secret Key. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// It does not start with `A3`.
    #[error("a Secret Key starts with A3: this one is of another kind or version")]
    Version,
    /// It has too few or too many digits.
    #[error("a Secret Key has 33 digits after A3: this one has {0}")]
    Length(usize),
    /// It has a character that is no digit.
    #[error("`{0}` does not occur in Secret Keys")]
    Digit(char),
    /// The check digit is wrong.
    #[error("there is a typing mistake in the Secret Key")]
    Check,
}

impl SecretKey {
    /// Makes a new key for an account.
    pub fn generate(email: &str) -> Self {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes);
        Self {
            hint: hint(email),
            bytes,
        }
    }

    /// Whether it was made for this account. A key of another account cannot sign in.
    pub fn is_for(&self, email: &str) -> bool {
        self.hint == hint(email)
    }

    /// Its text. Whoever holds it only lacks the password.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut digits = Zeroizing::new(Vec::with_capacity(HINT + KEY + 1));
        digits.extend(self.hint.iter().copied());
        let value = u128::from_be_bytes(self.bytes);
        digits.extend((0..KEY).rev().map(|place| low5(value >> (place * 5))));
        let check = check_digit(&digits);
        digits.push(check);
        let mut text = Zeroizing::new(String::with_capacity(48));
        text.push_str(VERSION);
        let mut rest = &digits[..];
        for size in [6, 6, 6, 5, 5, 5] {
            let (group, tail) = rest.split_at(size.min(rest.len()));
            text.push('-');
            text.extend(group.iter().map(|&digit| letter(digit)));
            rest = tail;
        }
        text
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// Version and account: they go into the derivation too.
    pub(crate) fn context(&self) -> String {
        let hint: String = self.hint.iter().map(|&digit| letter(digit)).collect();
        format!("{VERSION}-{hint}")
    }
}

impl FromStr for SecretKey {
    type Err = SecretKeyError;

    /// Takes the key as people type it: any case, with or without hyphens, O for 0, I and L for 1.
    fn from_str(text: &str) -> Result<Self, SecretKeyError> {
        let ignored = |c: &char| matches!(c, '-' | ' ' | '\t' | '\r' | '\n');
        let clean: String = text.chars().filter(|c| !ignored(c)).collect();
        let clean = Zeroizing::new(clean.to_ascii_uppercase());
        let rest = clean.strip_prefix(VERSION).ok_or(SecretKeyError::Version)?;
        let digits = rest
            .chars()
            .map(digit)
            .collect::<Result<Vec<u8>, _>>()
            .map(Zeroizing::new)?;
        if digits.len() != HINT + KEY + 1 {
            return Err(SecretKeyError::Length(digits.len()));
        }
        let (body, check) = digits.split_at(HINT + KEY);
        if check != [check_digit(body)] {
            return Err(SecretKeyError::Check);
        }
        let (hint, key) = body.split_at(HINT);
        let value = key.iter().try_fold(0_u128, |value, &digit| {
            value.checked_mul(32)?.checked_add(u128::from(digit))
        });
        Ok(Self {
            hint: hint.try_into().map_err(|_| SecretKeyError::Check)?,
            bytes: value.ok_or(SecretKeyError::Check)?.to_be_bytes(),
        })
    }
}

fn low5(value: u128) -> u8 {
    u8::try_from(value & 31).unwrap_or_default()
}

fn letter(digit: u8) -> char {
    char::from(DIGITS[usize::from(digit) & 31])
}

fn digit(c: char) -> Result<u8, SecretKeyError> {
    let plain = match c {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    let place = DIGITS.iter().position(|&digit| char::from(digit) == plain);
    place
        .and_then(|place| u8::try_from(place).ok())
        .ok_or(SecretKeyError::Digit(c))
}

/// Six digits that follow from the account's address, so that both ends of a copy can be told
/// to belong together without asking a server.
fn hint(email: &str) -> [u8; HINT] {
    let text = format!("tod account\n{}", crate::srp::account(email));
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut hint = [0; HINT];
    for (digit, byte) in hint.iter_mut().zip(digest.as_ref()) {
        *digit = byte & 31;
    }
    hint
}

/// A weighted sum in the field of 32 elements: the digit at place `i` counts `2^i` times, and 2 has
/// order 31 there. So every wrong digit changes the sum, and so does every swap of two digits that
/// are less than 31 places apart.
fn check_digit(digits: &[u8]) -> u8 {
    let sum = digits
        .iter()
        .fold(0, |sum, &digit| twice(sum) ^ (digit & 31));
    twice(sum)
}

/// Twice a number of the field, whose polynomial is `x^5 + x^2 + 1`.
fn twice(value: u8) -> u8 {
    let value = value << 1;
    if value & 32 == 0 {
        value
    } else {
        value ^ 0b10_0101
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_survives_its_text() {
        let key = SecretKey::generate("Ana@Example.org");

        let text = key.reveal();
        let again: SecretKey = text.to_lowercase().replace('-', " ").parse().unwrap();

        assert_eq!(text.len(), 2 + 6 + 33);
        assert_eq!(again.bytes, key.bytes);
        assert!(again.is_for("ana@example.org "));
        assert!(!again.is_for("bob@example.org"));
    }

    /// Texts that one slip of a finger makes of another.
    fn slips(text: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let mut all = Vec::new();
        for place in 0..chars.len() {
            for symbol in DIGITS
                .iter()
                .map(|&digit| char::from(digit))
                .chain("-OILU*".chars())
            {
                let mut slip = chars.clone();
                slip[place] = symbol;
                all.push(slip);
            }
            let mut left_out = chars.clone();
            left_out.remove(place);
            all.push(left_out);
            let mut doubled = chars.clone();
            doubled.insert(place, chars[place]);
            all.push(doubled);
            if place > 0 {
                let mut swapped = chars.clone();
                swapped.swap(place - 1, place);
                all.push(swapped);
            }
        }
        all.into_iter().map(String::from_iter).collect()
    }

    /// What the text says, however it is written.
    fn meant(text: &str) -> String {
        text.replace('-', "")
            .replace('O', "0")
            .replace(['I', 'L'], "1")
    }

    proptest! {
        // Each case is some 1,500 texts.
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_wrong_digit_and_every_swap_of_neighbours_is_told(
            bytes: [u8; 16], email in "[a-z]{1,8}@[a-z]{1,8}"
        ) {
            let key = SecretKey { hint: hint(&email), bytes };
            let text = key.reveal();
            let digits = meant(&text);
            let mut wrong = 0;
            for slip in slips(&text) {
                let read = slip.parse::<SecretKey>();
                if meant(&slip) == digits {
                    prop_assert_eq!(read.unwrap().bytes, bytes, "{}", slip);
                } else {
                    prop_assert!(read.is_err(), "{} was read for {}", slip, &*text);
                    wrong += 1;
                }
            }
            prop_assert!(wrong > 35 * 31, "{wrong}");
        }

        #[test]
        fn a_key_survives_its_text_whatever_it_is(bytes: [u8; 16]) {
            let key = SecretKey { hint: hint("ana@example.org"), bytes };

            let again: SecretKey = key.reveal().parse().unwrap();

            prop_assert_eq!(again.bytes, bytes);
        }
    }

    #[test]
    fn a_swap_that_luhns_scheme_takes_for_right_is_told() {
        // Luhn's scheme gives 0Z and Z0 the same check digit.
        let mut digits = [7; HINT + KEY];
        digits[10] = 0;
        digits[11] = 31;
        let check = check_digit(&digits);

        digits.swap(10, 11);

        assert_ne!(check_digit(&digits), check);
    }

    #[test]
    fn a_refusal_does_not_repeat_the_key() {
        let key = SecretKey::generate("a@b").reveal();
        let error = key[..20].parse::<SecretKey>().unwrap_err().to_string();

        assert!(!error.contains(&key[10..14]), "{error}");
        assert_eq!(
            "A4-AAAAAA".parse::<SecretKey>().unwrap_err(),
            SecretKeyError::Version
        );
    }
}
