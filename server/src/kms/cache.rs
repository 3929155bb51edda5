//! Data keys that were unwrapped lately.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::LessSafeKey;
use lru::LruCache;
use tod_proto::id::TenantId;

/// How long a key is kept.
pub(super) const KEEP: Duration = Duration::from_mins(5);
/// How long a key is believed to be the newest. Another server may have rotated meanwhile: what is
/// sealed with the one before still opens.
const NEWEST: Duration = Duration::from_secs(30);
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The keys, the least used of which goes when there are too many.
pub(super) struct Cache(Mutex<Kept>);

struct Kept {
    keys: LruCache<(TenantId, i32), (Instant, Arc<LessSafeKey>)>,
    newest: LruCache<TenantId, (Instant, i32)>,
}

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            keys: LruCache::new(CAPACITY),
            newest: LruCache::new(CAPACITY),
        }))
    }
}

impl Cache {
    pub(super) fn get(&self, tenant: TenantId, version: i32) -> Option<Arc<LessSafeKey>> {
        self.kept().get(tenant, version)
    }

    pub(super) fn newest(&self, tenant: TenantId) -> Option<(i32, Arc<LessSafeKey>)> {
        let mut kept = self.kept();
        let (seen, version) = *kept.newest.get(&tenant)?;
        let key = kept.get(tenant, version)?;
        (seen.elapsed() < NEWEST).then_some((version, key))
    }

    pub(super) fn put(&self, tenant: TenantId, version: i32, key: Arc<LessSafeKey>) {
        self.kept()
            .keys
            .put((tenant, version), (Instant::now(), key));
    }

    pub(super) fn put_newest(&self, tenant: TenantId, version: i32, key: Arc<LessSafeKey>) {
        self.put(tenant, version, key);
        self.kept().newest.put(tenant, (Instant::now(), version));
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        let mut kept = self.kept();
        kept.newest.pop(&tenant);
        let versions: Vec<_> = kept
            .keys
            .iter()
            .map(|(key, _)| *key)
            .filter(|(owner, _)| *owner == tenant)
            .collect();
        for key in versions {
            kept.keys.pop(&key);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&mut self, tenant: TenantId, version: i32) -> Option<Arc<LessSafeKey>> {
        let (since, key) = self.keys.get(&(tenant, version))?;
        (since.elapsed() < KEEP).then(|| Arc::clone(key))
    }
}
