//! What version 3 signs and hides with: HMAC over MD5 or SHA-1, DES in chains, AES as a stream.
//!
//! Old and weak, as devices have it; nothing of ours is protected by it.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use des::Des;
use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;

/// Which hash signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Md5,
    Sha1,
}

/// Which cipher hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    Des,
    Aes,
}

/// How much of a signature is sent.
pub(super) const SIGNATURE: usize = 12;

/// How much of a password is hashed, over and over, to make a key.
const STRETCH: usize = 1 << 20;

impl Hash {
    /// Makes a key of a password, for one engine.
    pub(super) fn key(self, password: &[u8], engine: &[u8]) -> Vec<u8> {
        if password.is_empty() {
            return Vec::new();
        }
        let long: Vec<u8> = password.iter().copied().cycle().take(STRETCH).collect();
        let user = self.digest(&[&long]);
        self.digest(&[&user, engine, &user])
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => {
                let mut hash = Md5::new();
                for part in parts {
                    hash.update(part);
                }
                hash.finalize().to_vec()
            }
            Self::Sha1 => {
                let mut hash = Sha1::default();
                for part in parts {
                    sha1::Digest::update(&mut hash, part);
                }
                sha1::Digest::finalize(hash).to_vec()
            }
        }
    }

    /// Signs a message.
    pub(super) fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut signature = match self {
            // The generations of the two hashes differ, so MD5 is put together by hand.
            Self::Md5 => hmac_md5(key, message),
            Self::Sha1 => {
                let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
                    return Vec::new();
                };
                mac.update(message);
                mac.finalize().into_bytes().to_vec()
            }
        };
        signature.truncate(SIGNATURE);
        signature
    }
}

fn hmac_md5(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> {
        let padded = key.iter().copied().chain(std::iter::repeat(0));
        padded.take(64).map(|b| b ^ with).collect()
    };
    let inner = Hash::Md5.digest(&[&pad(0x36), message]);
    Hash::Md5.digest(&[&pad(0x5C), &inner])
}

/// What a cipher needs beside the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector {
    pub(super) boots: u32,
    pub(super) time: u32,
    pub(super) salt: [u8; 8],
}

impl Vector {
    fn aes(self) -> [u8; 16] {
        let mut vector = [0; 16];
        let parts = [
            &self.boots.to_be_bytes()[..],
            &self.time.to_be_bytes(),
            &self.salt,
        ];
        let bytes = parts.concat();
        for (to, from) in vector.iter_mut().zip(bytes) {
            *to = from;
        }
        vector
    }

    fn des(self, key: &[u8]) -> [u8; 8] {
        let mut vector = self.salt;
        for (to, from) in vector.iter_mut().zip(key.iter().skip(8)) {
            *to ^= from;
        }
        vector
    }
}

impl Cipher {
    /// Hides a message.
    pub(super) fn hide(self, key: &[u8], vector: Vector, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Aes => stream(key, vector.aes(), message, false),
            Self::Des => {
                let des = Des::new_from_slice(key.get(..8)?).ok()?;
                let mut chain = vector.des(key);
                let mut out = Vec::with_capacity(message.len() + 8);
                for chunk in message.chunks(8) {
                    let mut block = [0; 8];
                    for (to, from) in block.iter_mut().zip(chunk) {
                        *to = *from;
                    }
                    let mut block = Array::from(xor(block, chain));
                    des.encrypt_block(&mut block);
                    chain = block.into();
                    out.extend_from_slice(&chain);
                }
                Some(out)
            }
        }
    }

    /// Shows a hidden message; DES leaves some bytes behind its end.
    pub(super) fn show(self, key: &[u8], vector: Vector, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Aes => stream(key, vector.aes(), message, true),
            Self::Des => {
                let des = Des::new_from_slice(key.get(..8)?).ok()?;
                let mut chain = vector.des(key);
                let (blocks, []) = message.as_chunks::<8>() else {
                    return None;
                };
                let mut out = Vec::with_capacity(message.len());
                for hidden in blocks {
                    let mut block = Array::from(*hidden);
                    des.decrypt_block(&mut block);
                    out.extend_from_slice(&xor(block.into(), chain));
                    chain = *hidden;
                }
                Some(out)
            }
        }
    }
}

/// AES-128 in cipher feedback mode.
fn stream(key: &[u8], vector: [u8; 16], message: &[u8], is_hidden: bool) -> Option<Vec<u8>> {
    let aes = Aes128::new_from_slice(key.get(..16)?).ok()?;
    let mut feedback = vector;
    let mut out = Vec::with_capacity(message.len());
    for chunk in message.chunks(16) {
        let mut block = Array::from(feedback);
        aes.encrypt_block(&mut block);
        let start = out.len();
        out.extend(chunk.iter().zip(block).map(|(a, b)| a ^ b));
        let hidden = if is_hidden {
            chunk
        } else {
            out.get(start..).unwrap_or_default()
        };
        for (to, from) in feedback.iter_mut().zip(hidden) {
            *to = *from;
        }
    }
    Some(out)
}

fn xor(mut a: [u8; 8], b: [u8; 8]) -> [u8; 8] {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_rfc_3414() {
        let engine = hex::decode("000000000000000000000002").unwrap();

        let md5 = Hash::Md5.key(b"maplesyrup", &engine);
        let sha1 = Hash::Sha1.key(b"maplesyrup", &engine);

        assert_eq!(hex::encode(md5), "526f5eed9fcce26f8964c2930787d82b");
        assert_eq!(
            hex::encode(sha1),
            "6695febc9288e36282235fc7151f128497b38f3f"
        );
    }

    #[test]
    fn hmac_over_md5_is_that_of_rfc_2202() {
        let signature = hmac_md5(b"Jefe", b"what do ya want for nothing?");

        assert_eq!(hex::encode(signature), "750c783e6ab0b503eaa86e310a5db738");
    }

    #[test]
    fn what_is_hidden_can_be_shown() {
        let key = [7; 20];
        let vector = Vector {
            boots: 3,
            time: 99,
            salt: [1, 2, 3, 4, 5, 6, 7, 8],
        };
        for cipher in [Cipher::Aes, Cipher::Des] {
            let message = b"a message of some length, not whole blocks";

            let hidden = cipher.hide(&key, vector, message).unwrap();
            let shown = cipher.show(&key, vector, &hidden).unwrap();

            assert_ne!(hidden.get(..message.len()), Some(&message[..]));
            assert_eq!(shown.get(..message.len()), Some(&message[..]));
        }
    }
}
