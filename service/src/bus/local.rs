//! The bus inside one process.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{BusError, Fill, Stream};

pub(super) use self::live::{Questions, Reply};
pub(super) use self::log::{Puller, Ticket};

mod live;
mod log;
mod table;

/// A bus inside one process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Local {
    logs: Arc<BTreeMap<&'static str, Arc<log::Log>>>,
    live: Arc<live::Live>,
    tables: Arc<table::Tables>,
}

impl Local {
    pub(super) fn new(streams: &[Stream]) -> Self {
        let logs = streams
            .iter()
            .map(|stream| (stream.name, Arc::new(log::Log::new(*stream))));
        Self {
            logs: Arc::new(logs.collect()),
            live: Arc::default(),
            tables: Arc::default(),
        }
    }

    pub(super) fn publish(
        &self,
        stream: &Stream,
        subject: &str,
        dedup: &str,
        payload: Bytes,
    ) -> Result<(), BusError> {
        self.log(stream)?.append(subject, dedup, payload);
        Ok(())
    }

    pub(super) fn puller(
        &self,
        stream: &Stream,
        durable: &str,
        filter: Option<&str>,
    ) -> Result<Puller, BusError> {
        Ok(Puller::new(Arc::clone(self.log(stream)?), durable, filter))
    }

    pub(super) fn fill(&self, stream: &Stream) -> Result<Fill, BusError> {
        Ok(self.log(stream)?.fill())
    }

    pub(super) fn latest(&self, stream: &Stream, most: usize) -> Result<Vec<Bytes>, BusError> {
        Ok(self.log(stream)?.latest(most))
    }

    fn log(&self, stream: &Stream) -> Result<&Arc<log::Log>, BusError> {
        self.logs
            .get(stream.name)
            .ok_or(BusError::UnknownStream(stream.name))
    }
}
