//! Boxes that only one recipient can open.
//!
//! X25519 with a fresh key for each box, HKDF-SHA256, AES-256-GCM. The key of a box is used once, so
//! its nonce is zero. What a box belongs to goes in as associated data: opened in another place, it
//! fails. A box says nothing of who made it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY: usize = 32;
const HEAD: usize = 1 + KEY;
const TAG: usize = 16;

/// A box could not be made or opened. No more is told: the reason would help only an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed box does not open with this key for this use")]
pub struct SealError;

/// Whom a box is for. Written as 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey([u8; KEY]);

/// Who opens boxes. Holds the private key, which never leaves it.
pub struct Recipient {
    private: PrivateKey,
    public: PublicKey,
}

impl Recipient {
    /// A new recipient with a new key.
    pub fn generate() -> Result<Self, SealError> {
        let private = PrivateKey::generate(&X25519).map_err(|_| SealError)?;
        let public = public_of(&private)?;
        Ok(Self { private, public })
    }

    /// What others need to seal for it.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Opens what was sealed for this recipient with the same `aad`.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (head, body) = sealed.split_at_checked(HEAD).ok_or(SealError)?;
        let Some((&VERSION, ephemeral)) = head.split_first() else {
            return Err(SealError);
        };
        let ephemeral = PublicKey(ephemeral.try_into().map_err(|_| SealError)?);
        let key = shared_key(&self.private, ephemeral, ephemeral, self.public)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let aad = Aad::from(full_aad(head, aad));
        let length = key
            .open_in_place(zero_nonce(), aad, &mut plain)
            .map_err(|_| SealError)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

/// Seals `plain` for `recipient`. `aad` says what it belongs to and must be given to open it.
pub fn seal(recipient: &PublicKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let private = PrivateKey::generate(&X25519).map_err(|_| SealError)?;
    let ephemeral = public_of(&private)?;
    let key = shared_key(&private, *recipient, ephemeral, *recipient)?;
    let mut head = Vec::with_capacity(HEAD);
    head.push(VERSION);
    head.extend_from_slice(&ephemeral.0);
    let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + TAG));
    body.extend_from_slice(plain);
    let aad = Aad::from(full_aad(&head, aad));
    let tag = key
        .seal_in_place_separate_tag(zero_nonce(), aad, &mut body)
        .map_err(|_| SealError)?;
    head.extend_from_slice(&body);
    head.extend_from_slice(tag.as_ref());
    Ok(head)
}

fn public_of(private: &PrivateKey) -> Result<PublicKey, SealError> {
    let public = private.compute_public_key().map_err(|_| SealError)?;
    public
        .as_ref()
        .try_into()
        .map(PublicKey)
        .map_err(|_| SealError)
}

fn shared_key(
    mine: &PrivateKey,
    theirs: PublicKey,
    ephemeral: PublicKey,
    recipient: PublicKey,
) -> Result<LessSafeKey, SealError> {
    let mut salt = [0; 2 * KEY];
    let (first, second) = salt.split_at_mut(KEY);
    first.copy_from_slice(&ephemeral.0);
    second.copy_from_slice(&recipient.0);
    let theirs = UnparsedPublicKey::new(&X25519, theirs.0);
    agreement::agree(mine, theirs, SealError, |secret| {
        let prk = Salt::new(HKDF_SHA256, &salt).extract(secret);
        let key = prk
            .expand(&[b"tod sealed box v1"], &AES_256_GCM)
            .map_err(|_| SealError)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    })
}

fn full_aad(head: &[u8], aad: &[u8]) -> Vec<u8> {
    [head, aad].concat()
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl PublicKey {
    /// The key as 32 bytes.
    pub fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }
}

impl From<[u8; KEY]> for PublicKey {
    fn from(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = SealError;

    fn try_from(text: String) -> Result<Self, SealError> {
        text.parse()
    }
}

impl FromStr for PublicKey {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let bytes = BASE64.decode(text).map_err(|_| SealError)?;
        bytes.try_into().map(Self).map_err(|_| SealError)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_opens_for_its_recipient_and_its_use_only() {
        let (poller, other) = (
            Recipient::generate().unwrap(),
            Recipient::generate().unwrap(),
        );
        let sealed = seal(&poller.public_key(), b"device 1", b"secret").unwrap();
        assert_eq!(
            poller.open(b"device 1", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert_eq!(poller.open(b"device 2", &sealed), Err(SealError));
        assert_eq!(other.open(b"device 1", &sealed), Err(SealError));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let again = seal(&poller.public_key(), b"device 1", b"secret").unwrap();
        assert_ne!(sealed, again, "each box has its own key");
        let empty = seal(&poller.public_key(), b"", b"").unwrap();
        assert_eq!(poller.open(b"", &empty).unwrap().len(), 0);
    }

    #[test]
    fn a_box_that_was_changed_or_cut_anywhere_does_not_open() {
        let poller = Recipient::generate().unwrap();
        let sealed = seal(&poller.public_key(), b"", b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(poller.open(b"", &changed), Err(SealError), "byte {at}");
            assert_eq!(
                poller.open(b"", &sealed[..at]),
                Err(SealError),
                "length {at}"
            );
        }
    }

    #[test]
    fn a_public_key_travels_as_text() {
        let key = Recipient::generate().unwrap().public_key();
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(text.len(), 45);
        assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), key);
        assert!(serde_json::from_str::<PublicKey>("\"AAAA\"").is_err());
    }
}
