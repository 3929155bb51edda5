//! Sealing and opening with one key: AES-256-GCM, bound to a place.
//!
//! ```text
//! version (1) │ number of the data key (4) │ nonce (12) │ ciphertext │ tag (16)
//! ```

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use tod_proto::id::TenantId;
use zeroize::Zeroizing;

use super::{KmsError, Place};

pub(super) const KEY: usize = 32;
const VERSION: u8 = 1;
/// Version, number of the data key, nonce.
pub(super) const HEAD: usize = 1 + 4 + NONCE_LEN;

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

pub(super) fn expand(secret: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; KEY]>, KmsError> {
    let mut out = Zeroizing::new([0; KEY]);
    Salt::new(HKDF_SHA256, b"tod")
        .extract(secret)
        .expand(&[info], Len(KEY))
        .and_then(|okm| okm.fill(&mut *out))
        .map_err(|_| KmsError::Shut)?;
    Ok(out)
}

pub(super) fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, KmsError> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| KmsError::Shut)
}

pub(super) fn seal(
    key: &LessSafeKey,
    version: u32,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, KmsError> {
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KmsError::Shut)?;
    let mut body = Zeroizing::new(plain.to_vec());
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            body.as_mut_slice(),
        )
        .map_err(|_| KmsError::Shut)?;
    let mut out = Vec::with_capacity(HEAD + body.len() + tag.as_ref().len());
    out.push(VERSION);
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&body);
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

pub(super) fn open(
    key: &LessSafeKey,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    key_version(sealed)?;
    let (head, body) = sealed.split_at_checked(HEAD).ok_or(KmsError::Shut)?;
    let nonce = head.last_chunk::<NONCE_LEN>().ok_or(KmsError::Shut)?;
    let mut plain = Zeroizing::new(body.to_vec());
    let length = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad),
            &mut plain,
        )
        .map_err(|_| KmsError::Shut)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

pub(super) fn key_version(sealed: &[u8]) -> Result<u32, KmsError> {
    match sealed {
        [VERSION, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(KmsError::Shut),
    }
}

pub(super) fn aad(tenant: TenantId, place: Place) -> Vec<u8> {
    format!(
        "tod/v1 {} {} {} {}",
        tenant.0, place.table, place.column, place.row
    )
    .into_bytes()
}

pub(super) fn wrap_aad(tenant: TenantId, version: i32) -> Vec<u8> {
    format!("tod/v1 key {} {version}", tenant.0).into_bytes()
}
