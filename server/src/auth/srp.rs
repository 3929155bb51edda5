//! The server's half of SRP-6a: RFC 5054's 3072-bit group, SHA-256, everything padded.
//!
//! `A` and `B` go into the proofs without leading zeros, as crate `srp` and Python's `srp` in its
//! RFC 5054 mode do it. The crate panics on values that are empty or longer than the modulus:
//! [`Number`] keeps them away from it.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use sha2::Sha256;
use srp::bigint::BoxedUint;
use srp::groups::{G3072, Group as _};
use srp::utils::{compute_hash, compute_m1_rfc5054, compute_m2, compute_u_padded};
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

/// Counts modular exponentiations: what a sign-in costs. They are the same for an account that does
/// not exist.
#[derive(Debug, Default)]
pub struct Work(AtomicU64);

impl Work {
    /// How many were done.
    pub fn done(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// The server's ephemeral key: its secret half `b`, and `B`.
pub struct Ephemeral {
    secret: Zeroizing<EphemeralSecret>,
    public: Vec<u8>,
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ephemeral").finish_non_exhaustive()
    }
}

impl Ephemeral {
    /// Makes one, another each time.
    pub fn generate(work: &Work, verifier: &Number) -> Option<Self> {
        let mut secret = Zeroizing::new([0; size_of::<EphemeralSecret>()]);
        aws_lc_rs::rand::fill(&mut *secret).ok()?;
        Some(Self::of(work, secret, verifier))
    }

    /// The one that belongs to a secret half.
    pub fn of(work: &Work, secret: Zeroizing<EphemeralSecret>, verifier: &Number) -> Self {
        work.add(1);
        let public = group().compute_public_ephemeral(&*secret, verifier.bytes());
        Self { secret, public }
    }

    /// `B`.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Both halves, for [`Ephemeral::read`]: `B` is not computed again.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.secret.as_slice(), &self.public].concat())
    }

    /// Takes both halves up.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (secret, public) = bytes.split_first_chunk()?;
        Some(Self {
            secret: Zeroizing::new(*secret),
            public: public.to_vec(),
        })
    }
}

/// Checks the client's proof. Returns the server's, or nothing if the client does not know the
/// secret: wrong password, wrong Secret Key, or an `A` that is zero.
pub fn prove(
    work: &Work,
    account: &str,
    verifier: &Verifier,
    ephemeral: &Ephemeral,
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
    let number = BoxedUint::from_be_slice_vartime;
    let (a, b) = (public.bytes(), ephemeral.public());
    let g = G3072::generator();
    let u = compute_u_padded::<Sha256>(&g, a, b);
    // `v^u`, and the number that both share.
    work.add(2);
    let shared = group().compute_premaster_secret(
        &number(a),
        &number(verifier.number.bytes()),
        &u,
        &number(&*ephemeral.secret),
    );
    let shared = Zeroizing::new(shared.to_be_bytes_trimmed_vartime());
    let key = compute_hash::<Sha256>(&shared);
    let (name, salt) = (account.as_bytes(), &verifier.srp_salt);
    let m1 = compute_m1_rfc5054::<Sha256>(&g, false, name, salt, a, b, &key);
    verify_slices_are_equal(&m1, &proof).ok()?;
    Some(compute_m2::<Sha256>(a, &m1, &key).to_vec())
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

    fn proof_of(public: &str, proof: &str) -> Option<Vec<u8>> {
        let (work, verifier) = (Work::default(), verifier());
        let ephemeral = Ephemeral::of(&work, Zeroizing::new([7; 48]), &verifier.number);
        prove(&work, "a@b", &verifier, &ephemeral, public, proof)
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
            assert_eq!(proof_of(text, &"00".repeat(32)), None);
        }
    }

    #[test]
    fn an_a_that_is_zero_modulo_n_proves_nothing() {
        let n = hex::encode(modulus());

        assert_eq!(proof_of(&n, &"00".repeat(32)), None);
    }

    #[test]
    fn a_stranger_is_shown_the_same_salts_each_time() {
        let (one, two) = (verifier(), verifier());

        assert_eq!(one.kdf_salt, two.kdf_salt);
        assert_eq!(one.srp_salt, two.srp_salt);
        let other = Verifier::fake(&fake_key(&[1; 32]), "bo@example.net").unwrap();
        assert_ne!(other.srp_salt, two.srp_salt);
        let ephemeral = || Ephemeral::generate(&Work::default(), &two.number).unwrap();
        assert_ne!(ephemeral().public(), ephemeral().public());
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
