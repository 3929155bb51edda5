//! Tokens whose signature was checked already.
//!
//! **Invariant:** what is kept is what a signature says, which cannot change: whose token it is, by
//! which key it was signed, and from when to when it is good. Whether the key is still believed,
//! whether the time is right and whether the session still is one is asked with every request.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use lru::LruCache;
use tod_proto::id::SigningKeyId;

use super::Claims;

/// The most tokens that are remembered; beyond it, the least used goes.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// What a good signature has vouched for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vouched {
    pub(super) key: SigningKeyId,
    pub(super) begins: i64,
    pub(super) ends: i64,
    pub(super) claims: Claims,
}

/// The hash of a token. The token itself is a secret, and is not kept.
pub(super) type Hash = [u8; 32];

/// Only what was signed by a key of ours is kept: nobody else can fill it.
#[derive(Debug)]
pub(super) struct Known(Mutex<LruCache<Hash, Vouched>>);

impl Default for Known {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }
}

impl Known {
    pub(super) fn hash(token: &str) -> Option<Hash> {
        digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<Vouched> {
        self.tokens().get(hash).copied()
    }

    pub(super) fn put(&self, hash: Hash, vouched: Vouched) {
        self.tokens().put(hash, vouched);
    }

    pub(super) fn forget(&self, hash: &Hash) {
        self.tokens().pop(hash);
    }

    fn tokens(&self) -> MutexGuard<'_, LruCache<Hash, Vouched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tod_proto::id::{SessionId, UserId};

    use super::*;

    #[test]
    fn so_many_tokens_are_kept_and_no_more_and_the_least_used_goes() {
        let known = Known::default();
        let vouched = Vouched {
            key: SigningKeyId::generate(),
            begins: 0,
            ends: 1,
            claims: Claims {
                session: SessionId::generate(),
                user: UserId::generate(),
                expires: Timestamp::UNIX_EPOCH,
            },
        };
        let hash = |n: usize| Known::hash(&n.to_string()).unwrap();

        for n in 0..CAPACITY.get() {
            known.put(hash(n), vouched);
        }
        assert!(known.get(&hash(0)).is_some(), "used again");
        for n in 0..10 {
            known.put(hash(CAPACITY.get() + n), vouched);
        }

        assert_eq!(known.tokens().len(), CAPACITY.get());
        assert!(known.get(&hash(0)).is_some());
        assert!(known.get(&hash(1)).is_none());
        known.forget(&hash(0));
        assert!(known.get(&hash(0)).is_none());
    }
}
