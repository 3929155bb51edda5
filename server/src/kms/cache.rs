//! Data keys that were unwrapped lately.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::LessSafeKey;
use lru::LruCache;
use tod_proto::id::TenantId;

/// How long a key is kept.
pub(super) const KEEP: Duration = Duration::from_mins(5);
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

type Kept = LruCache<(TenantId, i32), (Instant, Arc<LessSafeKey>)>;

/// The keys, the least used of which goes when there are too many.
pub(super) struct Cache(Mutex<Kept>);

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }
}

impl Cache {
    pub(super) fn get(&self, tenant: TenantId, version: i32) -> Option<Arc<LessSafeKey>> {
        let mut kept = self.kept();
        let (since, key) = kept.get(&(tenant, version))?;
        (since.elapsed() < KEEP).then(|| Arc::clone(key))
    }

    pub(super) fn put(&self, tenant: TenantId, version: i32, key: Arc<LessSafeKey>) {
        self.kept().put((tenant, version), (Instant::now(), key));
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        let mut kept = self.kept();
        let keys = kept.iter().map(|(key, _)| *key);
        let theirs: Vec<_> = keys.filter(|(owner, _)| *owner == tenant).collect();
        for key in theirs {
            kept.pop(&key);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
