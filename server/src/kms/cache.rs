//! Data keys that were unwrapped lately.
//!
//! What leaves is wiped: a key lies in memory of AWS-LC's, which overwrites what it frees.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::LessSafeKey;
use jiff::Timestamp;
use lru::LruCache;
use tod_proto::id::TenantId;
use tod_service::clock::Clock;

/// How long a key is kept.
pub(super) const KEEP: Duration = Duration::from_mins(5);
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// A key, and since when it is kept: by the clock, and by one that nobody sets.
struct Kept {
    key: Arc<LessSafeKey>,
    at: Timestamp,
    since: Instant,
}

type Keys = LruCache<(TenantId, i32), Kept>;

/// The keys, the least used of which goes when there are too many.
pub(super) struct Cache {
    keys: Mutex<Keys>,
    /// Which key of a tenant sealed last. It may not be there, or not be the newest any more.
    newest: Mutex<LruCache<TenantId, i32>>,
    clock: Clock,
}

impl Cache {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            keys: Mutex::new(LruCache::new(CAPACITY)),
            newest: Mutex::new(LruCache::new(CAPACITY)),
            clock,
        }
    }

    pub(super) fn get(&self, tenant: TenantId, version: i32) -> Option<Arc<LessSafeKey>> {
        let mut keys = self.keys();
        let kept = keys.get(&(tenant, version))?;
        if self.is_over(kept) {
            keys.pop(&(tenant, version));
            return None;
        }
        Some(Arc::clone(&kept.key))
    }

    /// The key of a tenant that sealed last.
    pub(super) fn newest(&self, tenant: TenantId) -> Option<(i32, Arc<LessSafeKey>)> {
        let version = *self.newests().get(&tenant)?;
        Some((version, self.get(tenant, version)?))
    }

    /// This key of a tenant seals.
    pub(super) fn is_newest(&self, tenant: TenantId, version: i32) {
        self.newests().put(tenant, version);
    }

    pub(super) fn put(&self, tenant: TenantId, version: i32, key: Arc<LessSafeKey>) {
        let kept = Kept {
            key,
            at: self.clock.now(),
            since: Instant::now(),
        };
        self.keys().put((tenant, version), kept);
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        self.drop_if(|owner, _| owner == tenant);
    }

    /// Drops what was kept for long enough. Returns how much that was.
    pub(super) fn sweep(&self) -> usize {
        self.drop_if(|_, kept| self.is_over(kept))
    }

    fn drop_if(&self, goes: impl Fn(TenantId, &Kept) -> bool) -> usize {
        let mut keys = self.keys();
        let gone: Vec<_> = keys
            .iter()
            .filter(|((owner, _), kept)| goes(*owner, kept))
            .map(|(key, _)| *key)
            .collect();
        for key in &gone {
            keys.pop(key);
        }
        gone.len()
    }

    fn is_over(&self, kept: &Kept) -> bool {
        let now = self.clock.now();
        now < kept.at || self.clock.since(kept.at) >= KEEP || kept.since.elapsed() >= KEEP
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newests(&self) -> MutexGuard<'_, LruCache<TenantId, i32>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::envelope::aead_key;

    #[test]
    fn a_key_is_kept_for_five_minutes_and_a_thousand_others_and_no_longer() {
        let (clock, hands) = Clock::settable(Timestamp::UNIX_EPOCH);
        let cache = Cache::new(clock);
        let (tenant, other) = (TenantId::generate(), TenantId::generate());
        let key = || Arc::new(aead_key(&[7; 32]).unwrap());

        cache.put(tenant, 1, key());
        hands.advance(KEEP.mul_f32(0.75));
        assert!(cache.get(tenant, 1).is_some(), "used, but not longer kept");
        cache.put(other, 1, key());
        hands.advance(KEEP / 4);
        assert_eq!(cache.sweep(), 1);
        assert!(cache.get(tenant, 1).is_none());
        assert!(cache.get(other, 1).is_some());
        hands.set(Timestamp::UNIX_EPOCH);
        assert!(cache.get(other, 1).is_none(), "a clock set back");

        cache.put(tenant, 1, key());
        cache.is_newest(tenant, 1);
        assert!(
            cache
                .newest(tenant)
                .is_some_and(|(version, _)| version == 1)
        );
        cache.is_newest(tenant, 2);
        assert!(cache.newest(tenant).is_none(), "a number without its key");
        cache.is_newest(tenant, 1);
        hands.advance(KEEP);
        assert!(cache.newest(tenant).is_none(), "no longer kept than others");

        let weak = {
            let first = key();
            cache.put(tenant, 1, Arc::clone(&first));
            Arc::downgrade(&first)
        };
        for version in 1..=1024 {
            assert!(weak.upgrade().is_some());
            cache.put(other, version, key());
        }
        assert!(weak.upgrade().is_none(), "the least used is dropped");
    }
}
