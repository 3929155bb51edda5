//! Random tokens that people and clients carry, of which the database knows only a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::api::error::Error;

/// No token of ours is longer; a longer one is not hashed.
const MAX_LENGTH: usize = 128;

/// Makes a token of 256 random bits: `rt_…`.
pub fn generate(prefix: &str) -> Result<String, Error> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Error::internal(anyhow::anyhow!("no randomness")))?;
    Ok(format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of a token. A plain hash: there is nothing to guess in 256 random bits.
pub fn hash(token: &str) -> Vec<u8> {
    let token = if token.len() > MAX_LENGTH { "" } else { token };
    Sha256::digest(token.as_bytes()).to_vec()
}
