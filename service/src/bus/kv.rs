//! Small values with compare and swap, for leases, locks and presence.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Backend, BusError, decode, encode, subject};

/// A bucket of values. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Kv {
    backend: Backend,
    bucket: Bucket,
}

/// Which bucket, and how long its entries live.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) ttl: Option<Duration>,
}

/// A value and its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// What was written.
    pub value: T,
    /// Grows with every write to the bucket.
    pub revision: u64,
}

/// What a write demands of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Nothing,
    Absent,
    Revision(u64),
}

impl Kv {
    pub(super) fn new(backend: Backend, bucket: &str, ttl: Option<Duration>) -> Self {
        Self {
            backend,
            bucket: Bucket {
                name: bucket.to_owned(),
                ttl,
            },
        }
    }

    /// The value of `key`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Entry<T>>, BusError> {
        self.check(key)?;
        let entry = match &self.backend {
            Backend::Local(local) => local.kv_get(&self.bucket, key),
            Backend::Nats(nats) => nats.kv_get(&self.bucket, key).await?,
        };
        entry
            .map(|Entry { value, revision }| {
                Ok(Entry {
                    value: decode(&value)?,
                    revision,
                })
            })
            .transpose()
    }

    /// Writes `key`, whatever is there. Returns the new revision.
    pub async fn put<T>(&self, key: &str, value: &T) -> Result<u64, BusError>
    where
        T: Serialize + Sync + ?Sized,
    {
        self.write(key, encode(value)?, Demand::Nothing).await
    }

    /// Writes `key` if it is not there; else [`BusError::Exists`].
    pub async fn create<T>(&self, key: &str, value: &T) -> Result<u64, BusError>
    where
        T: Serialize + Sync + ?Sized,
    {
        self.write(key, encode(value)?, Demand::Absent).await
    }

    /// Writes `key` if nobody has since `revision`; else [`BusError::WrongRevision`].
    pub async fn update<T>(&self, key: &str, value: &T, revision: u64) -> Result<u64, BusError>
    where
        T: Serialize + Sync + ?Sized,
    {
        self.write(key, encode(value)?, Demand::Revision(revision))
            .await
    }

    /// Removes `key`, whether it is there or not.
    pub async fn delete(&self, key: &str) -> Result<(), BusError> {
        self.remove(key, None).await
    }

    /// Removes `key` if nobody has written it since `revision`; else [`BusError::WrongRevision`].
    pub async fn delete_revision(&self, key: &str, revision: u64) -> Result<(), BusError> {
        self.remove(key, Some(revision)).await
    }

    /// The keys there are, in order.
    pub async fn keys(&self) -> Result<Vec<String>, BusError> {
        subject::check_word(&self.bucket.name)?;
        let mut keys = match &self.backend {
            Backend::Local(local) => local.kv_keys(&self.bucket),
            Backend::Nats(nats) => nats.kv_keys(&self.bucket).await?,
        };
        keys.sort_unstable();
        Ok(keys)
    }

    async fn write(&self, key: &str, value: Bytes, demand: Demand) -> Result<u64, BusError> {
        self.check(key)?;
        match &self.backend {
            Backend::Local(local) => local.kv_write(&self.bucket, key, value, demand),
            Backend::Nats(nats) => nats.kv_write(&self.bucket, key, value, demand).await,
        }
    }

    async fn remove(&self, key: &str, revision: Option<u64>) -> Result<(), BusError> {
        self.check(key)?;
        match &self.backend {
            Backend::Local(local) => local.kv_remove(&self.bucket, key, revision),
            Backend::Nats(nats) => nats.kv_remove(&self.bucket, key, revision).await,
        }
    }

    fn check(&self, key: &str) -> Result<(), BusError> {
        subject::check_word(&self.bucket.name)?;
        subject::check(key)
    }
}
