//! The client's half of SRP-6a (RFC 5054, 3072-bit group, SHA-256), with 2SKD.
//!
//! What goes into SRP in the password's place is
//! `HKDF(PBKDF2(password)) XOR HKDF(Secret Key)`: a server that loses its verifiers loses
//! nothing that can be guessed, because 128 of the bits are not a person's choice.
//!
//! The identity `I` is the e-mail address, trimmed and in lower case. `A` and `B` go into the
//! proofs without leading zeros.

use std::num::NonZeroU32;

use aws_lc_rs::{hkdf, pbkdf2};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest, Sha256};
use srp::{ClientG3072, ClientVerifier, Group};
use tod_proto::api::account::{KDF_ROUNDS, Kdf, SrpChallenge, Verifier};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret_key::SecretKey;

/// Bytes of the group's modulus. Longer values make crate `srp` panic, so none gets there.
const GROUP_BYTES: usize = 384;
/// More rounds than this would take minutes: a hostile server could use it to stall us.
const MAX_ROUNDS: u32 = 10_000_000;

/// The identity that goes into the proofs.
pub fn account(email: &str) -> String {
    email.trim().to_lowercase()
}

/// What a person knows and has.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The e-mail address.
    pub email: &'a str,
    /// The password. It is never sent.
    pub password: &'a SecretString,
    /// The Secret Key. It is never sent.
    pub secret_key: &'a SecretKey,
}

impl Credentials<'_> {
    /// Makes the verifier for enrolling. Takes a moment: call it off the runtime's threads.
    pub fn verifier(&self) -> Result<Verifier, Error> {
        let salt: [u8; 32] = rand::random();
        let kdf = Kdf {
            rounds: KDF_ROUNDS,
            salt: hex::encode(salt),
        };
        Ok(self.secret(&kdf)?.verifier())
    }

    /// Answers the server's challenge. Takes a moment: call it off the runtime's threads.
    pub fn answer(&self, challenge: &SrpChallenge) -> Result<Answer, Error> {
        self.secret(&challenge.kdf)?.answer(challenge)
    }

    /// The 2SKD, which is what takes a moment. Weaker parameters than ours are refused.
    pub fn secret(&self, kdf: &Kdf) -> Result<Secret, Error> {
        if kdf.rounds < KDF_ROUNDS {
            return Err(Error::WeakKdf(format!(
                "{} rounds of PBKDF2 where at least {KDF_ROUNDS} are due",
                kdf.rounds
            )));
        }
        if kdf.rounds > MAX_ROUNDS {
            return Err(Error::WeakKdf(format!("{} rounds of PBKDF2", kdf.rounds)));
        }
        let rounds = NonZeroU32::new(kdf.rounds).unwrap_or(NonZeroU32::MAX);
        let salt = unhex("the salt", &kdf.salt, 16..=64)?;
        let account = account(self.email);
        let password: String = self.password.expose_secret().trim().nfkc().collect();
        let password = Zeroizing::new(password);

        let mut stretched = Zeroizing::new([0; 32]);
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(
            algorithm,
            rounds,
            &salt,
            password.as_bytes(),
            &mut *stretched,
        );
        let mut bytes = expand(&*stretched, &salt, &["tod 2skd password", &account])?;
        let context = self.secret_key.context();
        let other = expand(
            self.secret_key.bytes(),
            context.as_bytes(),
            &["tod 2skd secret key", &account],
        )?;
        for (byte, other) in bytes.iter_mut().zip(other.iter()) {
            *byte ^= other;
        }
        Ok(Secret {
            account,
            kdf: kdf.clone(),
            bytes,
        })
    }
}

/// What the 2SKD makes of password and Secret Key: it takes the password's place in SRP.
pub struct Secret {
    account: String,
    kdf: Kdf,
    bytes: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl Secret {
    /// Makes a verifier of it, with a fresh salt.
    pub fn verifier(&self) -> Verifier {
        let salt: [u8; 32] = rand::random();
        let verifier = group().compute_verifier(self.account.as_bytes(), &*self.bytes, &salt);
        Verifier {
            kdf: self.kdf.clone(),
            srp_salt: hex::encode(salt),
            verifier: format!(
                "{:0>width$}",
                hex::encode(verifier),
                width = GROUP_BYTES * 2
            ),
        }
    }

    /// Answers a challenge whose derivation is the one that this was made with.
    pub fn answer(&self, challenge: &SrpChallenge) -> Result<Answer, Error> {
        let ephemeral: Zeroizing<[u8; 48]> = Zeroizing::new(rand::random());
        self.answer_with(challenge, &*ephemeral)
    }

    fn answer_with(&self, challenge: &SrpChallenge, a: &[u8]) -> Result<Answer, Error> {
        let salt = unhex("the SRP salt", &challenge.srp_salt, 16..=64)?;
        let public = unhex(
            "the server's key",
            &challenge.server_public,
            1..=GROUP_BYTES,
        )?;
        let (client_public, verifier) =
            exchange(&group(), &self.account, &*self.bytes, a, &salt, &public)?;
        Ok(Answer {
            client_public: hex::encode(client_public),
            client_proof: hex::encode(verifier.proof()),
            verifier,
        })
    }
}

/// One exchange, in whatever group and with whatever hash: `A`, and what proves both ends. `public`
/// is `B`, which is no longer than the modulus.
fn exchange<G: Group, D: Digest>(
    srp: &srp::Client<G, D>,
    account: &str,
    secret: &[u8],
    a: &[u8],
    salt: &[u8],
    public: &[u8],
) -> Result<(Vec<u8>, ClientVerifier<D>), Error> {
    let zeros = public.iter().take_while(|&&byte| byte == 0).count();
    let public = public.get(zeros..).unwrap_or_default();
    if public.is_empty() {
        return Err(Error::garbled("the server's key is zero"));
    }
    let verifier = srp
        .process_reply(a, account.as_bytes(), secret, salt, public)
        .map_err(|_| Error::garbled("the server's key is not acceptable"))?;
    Ok((srp.compute_public_ephemeral(a), verifier))
}

/// HKDF-SHA256 of `ikm` into 32 bytes; the parts of the info are joined by a zero byte.
fn expand(ikm: &[u8], salt: &[u8], info: &[&str]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let info = info.join("\0");
    let info = [info.as_bytes()];
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(ikm)
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *out))
        .map_err(|_| Error::malformed("HKDF failed"))?;
    Ok(out)
}

fn group() -> ClientG3072<Sha256> {
    ClientG3072::new()
}

fn unhex(
    what: &str,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<Vec<u8>, Error> {
    // Bounded before it is decoded.
    if text.len() > length.end() * 2 {
        return Err(Error::garbled(format!("{what} is too long")));
    }
    let bytes = hex::decode(text).map_err(|_| Error::garbled(format!("{what} is not hex")))?;
    if length.contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(Error::garbled(format!("{what} is too short")))
    }
}

/// What to send to the server, and what to hold its answer against.
pub struct Answer {
    /// A, in hex.
    pub client_public: String,
    /// M1, in hex.
    pub client_proof: String,
    verifier: ClientVerifier<Sha256>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Answer {
    /// Checks the server's proof M2, in constant time. Until this has passed, nothing that the
    /// server says about the session is to be believed.
    pub fn check(&self, server_proof: &str) -> Result<(), Error> {
        let proof = unhex("the server's proof", server_proof, 32..=32)?;
        match self.verifier.verify_server(&proof) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Impostor),
        }
    }
}

#[cfg(test)]
mod tests;
