//! Buckets of values inside one process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::time::Instant;

use super::Local;
use crate::bus::kv::{Bucket, Demand};
use crate::bus::{BusError, Entry};

#[derive(Debug, Default)]
pub(super) struct Tables(Mutex<BTreeMap<String, Table>>);

#[derive(Debug, Default)]
struct Table {
    entries: BTreeMap<String, Value>,
    revision: u64,
}

#[derive(Debug)]
struct Value {
    bytes: Bytes,
    revision: u64,
    at: Instant,
}

impl Tables {
    fn with<R>(&self, bucket: &Bucket, act: impl FnOnce(&mut Table) -> R) -> R {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(bucket.name.clone()).or_default();
        if let Some(ttl) = bucket.ttl {
            table.entries.retain(|_, value| value.at.elapsed() < ttl);
        }
        act(table)
    }
}

impl Table {
    fn check(&self, key: &str, demand: Demand) -> Result<(), BusError> {
        let there = self.entries.get(key).map(|value| value.revision);
        match (demand, there) {
            (Demand::Absent, Some(_)) => Err(BusError::Exists),
            (Demand::Revision(wanted), there) if there != Some(wanted) => {
                Err(BusError::WrongRevision)
            }
            _ => Ok(()),
        }
    }
}

impl Local {
    pub(in crate::bus) fn kv_get(&self, bucket: &Bucket, key: &str) -> Option<Entry<Bytes>> {
        self.tables.with(bucket, |table| {
            let found = table.entries.get(key)?;
            Some(Entry {
                value: found.bytes.clone(),
                revision: found.revision,
            })
        })
    }

    pub(in crate::bus) fn kv_write(
        &self,
        bucket: &Bucket,
        key: &str,
        value: Bytes,
        demand: Demand,
    ) -> Result<u64, BusError> {
        self.tables.with(bucket, |table| {
            table.check(key, demand)?;
            table.revision += 1;
            let revision = table.revision;
            table.entries.insert(
                key.to_owned(),
                Value {
                    bytes: value,
                    revision,
                    at: Instant::now(),
                },
            );
            Ok(revision)
        })
    }

    pub(in crate::bus) fn kv_remove(
        &self,
        bucket: &Bucket,
        key: &str,
        revision: Option<u64>,
    ) -> Result<(), BusError> {
        self.tables.with(bucket, |table| {
            table.check(key, revision.map_or(Demand::Nothing, Demand::Revision))?;
            table.revision += 1;
            table.entries.remove(key);
            Ok(())
        })
    }

    pub(in crate::bus) fn kv_keys(&self, bucket: &Bucket) -> Vec<String> {
        self.tables
            .with(bucket, |table| table.entries.keys().cloned().collect())
    }
}
