//! The server's half of SRP-6a: RFC 5054's 3072-bit group, SHA-256, everything padded.
//!
//! `A` and `B` go into the proofs without leading zeros, as crate `srp` and Python's `srp` in its
//! RFC 5054 mode do it. The crate panics on values that are empty or longer than the modulus:
//! [`Number`] keeps them away from it.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use sha2::Sha256;
use srp::groups::{G3072, Group as _};
use srp::{EphemeralSecret, ServerG3072};
use zeroize::Zeroizing;

/// Bytes of the modulus.
pub const GROUP_BYTES: usize = 384;
/// Bytes of both salts.
pub const SALT_BYTES: usize = 32;
const PROOF_BYTES: usize = 32;

/// A number of 1 to 384 bytes that is not zero, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(Vec<u8>);

impl Number {
    /// Reads hex. Its length is checked before anything is decoded.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() > GROUP_BYTES * 2 {
            return None;
        }
        Self::from_bytes(&hex::decode(text).ok()?)
    }

    /// Takes big-endian bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let bytes = bytes.get(zeros..)?;
        (1..=GROUP_BYTES)
            .contains(&bytes.len())
            .then(|| Self(bytes.to_vec()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it can be a verifier: between 1 and the modulus less 1, both excluded.
    pub fn is_verifier(&self) -> bool {
        let mut most = modulus();
        if let Some(last) = most.last_mut() {
            // The modulus is odd.
            *last -= 1;
        }
        self.0 != [1] && self.is_below(&most)
    }

    /// Whether it is what is left of a division by the modulus.
    fn is_below_the_modulus(&self) -> bool {
        self.is_below(&modulus())
    }

    fn is_below(&self, limit: &[u8]) -> bool {
        self.0.len() < limit.len() || self.0.as_slice() < limit
    }
}

fn modulus() -> Vec<u8> {
    G3072::generator().params().modulus().to_be_bytes().to_vec()
}

/// What the server knows of a person's secret.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// The salt of PBKDF2.
    pub kdf_salt: Vec<u8>,
    /// The salt of SRP.
    pub srp_salt: Vec<u8>,
    /// `g^x mod N`.
    pub number: Number,
}

impl Verifier {
    /// What a stranger is shown: the same for the same address at every time and on every server,
    /// and nothing that anybody could sign in with.
    pub fn fake(key: &Prk, email: &str) -> Option<Self> {
        let kdf_salt = expand(key, "kdf salt", email, SALT_BYTES)?;
        let srp_salt = expand(key, "srp salt", email, SALT_BYTES)?;
        let mut number = expand(key, "verifier", email, GROUP_BYTES)?;
        // Below the modulus, whose first 64 bits are ones.
        *number.first_mut()? = 0x7f;
        Some(Self {
            kdf_salt,
            srp_salt,
            number: Number::from_bytes(&number)?,
        })
    }
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// Key material for [`Verifier::fake`].
pub fn fake_key(secret: &[u8; 32]) -> Prk {
    Prk::new_less_safe(HKDF_SHA256, secret)
}

fn expand(key: &Prk, what: &str, email: &str, length: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; length];
    let info = [what.as_bytes(), b"\0", email.as_bytes()];
    key.expand(&info, Len(length)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// Makes the server's ephemeral key: the secret half and `B`.
pub fn challenge(verifier: &Number) -> Option<(Zeroizing<EphemeralSecret>, Vec<u8>)> {
    let mut secret = Zeroizing::new([0; size_of::<EphemeralSecret>()]);
    aws_lc_rs::rand::fill(&mut *secret).ok()?;
    let public = group().compute_public_ephemeral(&*secret, verifier.bytes());
    Some((secret, public))
}

/// Checks the client's proof. Returns the server's, or nothing if the client does not know the
/// secret: wrong password, wrong Secret Key, or an `A` that is zero.
pub fn prove(
    account: &str,
    verifier: &Verifier,
    secret: &[u8],
    client_public: &str,
    client_proof: &str,
) -> Option<Vec<u8>> {
    let public = Number::from_hex(client_public)?;
    // An honest client sends a residue: no other number is one.
    if !public.is_below_the_modulus() {
        return None;
    }
    if client_proof.len() != PROOF_BYTES * 2 {
        return None;
    }
    let proof = hex::decode(client_proof).ok()?;
    let (salt, number) = (&verifier.srp_salt, verifier.number.bytes());
    let check = group()
        .process_reply(account.as_bytes(), salt, secret, number, public.bytes())
        .ok()?;
    check.verify_client(&proof).ok()?;
    Some(check.proof().to_vec())
}

fn group() -> ServerG3072<Sha256> {
    ServerG3072::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifier() -> Verifier {
        Verifier::fake(&fake_key(&[1; 32]), "ana@example.net").unwrap()
    }

    #[test]
    fn numbers_that_the_library_panics_on_do_not_reach_it() {
        let [empty, zero, long, not_hex] = [
            String::new(),
            "00".repeat(GROUP_BYTES),
            format!("00{}", "ff".repeat(GROUP_BYTES)),
            "zz".to_owned(),
        ];

        for text in [&empty, &zero, &long, &not_hex] {
            assert_eq!(Number::from_hex(text), None, "{text}");
            assert_eq!(
                prove("a@b", &verifier(), &[7; 48], text, &"00".repeat(32)),
                None
            );
        }
    }

    #[test]
    fn an_a_that_is_zero_modulo_n_proves_nothing() {
        let n = hex::encode(modulus());

        assert_eq!(
            prove("a@b", &verifier(), &[7; 48], &n, &"00".repeat(32)),
            None
        );
    }

    #[test]
    fn a_stranger_is_shown_the_same_salts_each_time() {
        let (one, two) = (verifier(), verifier());

        assert_eq!(one.kdf_salt, two.kdf_salt);
        assert_eq!(one.srp_salt, two.srp_salt);
        let other = Verifier::fake(&fake_key(&[1; 32]), "bo@example.net").unwrap();
        assert_ne!(other.srp_salt, two.srp_salt);
        let (first, second) = (
            challenge(&two.number).unwrap(),
            challenge(&two.number).unwrap(),
        );
        assert_ne!(first.1, second.1);
    }

    #[test]
    fn a_verifier_lies_within_the_group() {
        let mut most = modulus();
        *most.last_mut().unwrap() -= 1;
        for bad in [vec![1], modulus(), most, vec![0xff; GROUP_BYTES]] {
            assert!(!Number::from_bytes(&bad).unwrap().is_verifier());
        }
        assert!(verifier().number.is_verifier());
        assert!(Number::from_bytes(&[2]).unwrap().is_verifier());
    }
}
