//! The lab's own record of what really happened, against which a system's claims can be held.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tod_proto::lab::{Entry, Event};
use tokio::sync::Notify;

use crate::lock;

/// Entries beyond this push out the oldest; counters of devices go on.
const CAPACITY: usize = 200_000;

/// What was done to all devices of a lab.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    inner: Mutex<Inner>,
    written: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    entries: VecDeque<Arc<Entry>>,
}

impl Ledger {
    pub(crate) fn write(&self, at: Timestamp, device: &str, event: Event) {
        let mut inner = lock(&self.inner);
        inner.next += 1;
        let entry = Entry {
            seq: inner.next,
            at,
            device: device.to_owned(),
            event,
        };
        inner.entries.push_back(Arc::new(entry));
        if inner.entries.len() > CAPACITY {
            inner.entries.pop_front();
        }
        drop(inner);
        self.written.notify_waiters();
    }

    pub(crate) fn read(&self, device: Option<&str>, since: u64) -> Vec<Entry> {
        let inner = lock(&self.inner);
        let wanted = inner.entries.iter().filter(|e| e.seq > since);
        let wanted = wanted.filter(|e| device.is_none_or(|d| e.device == d));
        wanted.map(|e| (**e).clone()).collect()
    }

    /// Waits for an entry, past or to come.
    pub(crate) async fn find(&self, device: &str, is_it: impl Fn(&Event) -> bool) -> Entry {
        let mut since = 0;
        loop {
            let mut written = std::pin::pin!(self.written.notified());
            written.as_mut().enable();
            for entry in self.read(Some(device), since) {
                since = entry.seq;
                if is_it(&entry.event) {
                    return entry;
                }
            }
            written.await;
        }
    }
}
