//! Buckets of values: `JetStream`'s key-value store.
//!
//! The bucket's stream is made by us: `create_key_value` asks servers before 2.10 for what they
//! do not answer. For the same reason entries expire by the age cap of the bucket.

use std::time::Duration;

use async_nats::jetstream::kv::{
    CreateErrorKind, DeleteErrorKind, Operation, Store, UpdateErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::Nats;
use crate::bus::kv::{Bucket, Demand};
use crate::bus::{BusError, Entry};

/// The most bytes a bucket holds; then writes are refused.
const MAX_BYTES: i64 = 64 << 20;

impl Nats {
    pub(in crate::bus) async fn kv_get(
        &self,
        bucket: &Bucket,
        key: &str,
    ) -> Result<Option<Entry<Bytes>>, BusError> {
        let store = self.store(bucket).await?;
        let entry = self.checked(bucket, store.entry(key).await)?;
        let live = entry.filter(|entry| entry.operation == Operation::Put);
        Ok(live.map(|entry| Entry {
            value: entry.value,
            revision: entry.revision,
        }))
    }

    pub(in crate::bus) async fn kv_write(
        &self,
        bucket: &Bucket,
        key: &str,
        value: Bytes,
        demand: Demand,
    ) -> Result<u64, BusError> {
        let store = self.store(bucket).await?;
        match demand {
            Demand::Nothing => self.checked(bucket, store.put(key, value).await),
            Demand::Absent => match store.create(key, value).await {
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                    Err(BusError::Exists)
                }
                result => self.checked(bucket, result),
            },
            Demand::Revision(revision) => match store.update(key, value, revision).await {
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {
                    Err(BusError::WrongRevision)
                }
                result => self.checked(bucket, result),
            },
        }
    }

    pub(in crate::bus) async fn kv_remove(
        &self,
        bucket: &Bucket,
        key: &str,
        revision: Option<u64>,
    ) -> Result<(), BusError> {
        let store = self.store(bucket).await?;
        match store.delete_expect_revision(key, revision).await {
            Err(error) if error.kind() == DeleteErrorKind::WrongLastRevision => {
                Err(BusError::WrongRevision)
            }
            result => self.checked(bucket, result),
        }
    }

    pub(in crate::bus) async fn kv_keys(&self, bucket: &Bucket) -> Result<Vec<String>, BusError> {
        let store = self.store(bucket).await?;
        let keys = self.checked(bucket, store.keys().await)?;
        self.checked(bucket, keys.try_collect().await)
    }

    async fn store(&self, bucket: &Bucket) -> Result<Store, BusError> {
        self.ensure(self.bucket_config(bucket)).await?;
        let store = self.jetstream.get_key_value(&bucket.name).await;
        self.checked(bucket, store)
    }

    fn checked<T, E: std::error::Error>(
        &self,
        bucket: &Bucket,
        result: Result<T, E>,
    ) -> Result<T, BusError> {
        result.map_err(|error| {
            self.forget(&stream_name(bucket));
            BusError::Unavailable(format!("bucket {}: {error}", bucket.name))
        })
    }

    fn bucket_config(&self, bucket: &Bucket) -> Config {
        let ttl = bucket.ttl.unwrap_or_default();
        let dedup = Duration::from_mins(2);
        Config {
            name: stream_name(bucket),
            subjects: vec![format!("$KV.{}.>", bucket.name)],
            max_messages_per_subject: 1,
            max_bytes: MAX_BYTES,
            max_age: ttl,
            duplicate_window: if ttl.is_zero() { dedup } else { dedup.min(ttl) },
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            num_replicas: self.replicas,
            ..Config::default()
        }
    }
}

fn stream_name(bucket: &Bucket) -> String {
    format!("KV_{}", bucket.name)
}
