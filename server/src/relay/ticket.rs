//! Random words that are good once.

use sha2::{Digest as _, Sha256};

/// 256 random bits in hex.
pub fn new() -> String {
    let bytes: [u8; 32] = rand::random();
    hex::encode(bytes)
}

/// What is kept of a ticket.
pub fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}
