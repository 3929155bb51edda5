//! A durable stream in memory: a log, and for each durable consumer a position and what is pending.
//!
//! A message goes when every consumer is done with it; while there is no consumer, when a cap is
//! reached. So an idle consumer costs at most the caps, and a busy one next to nothing.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bus::consume::{self, Delivery};
use crate::bus::{Fill, Stream, Verdict, subject};

#[derive(Debug)]
pub(super) struct Log {
    stream: Stream,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Message>,
    /// The number of the first message in `messages`.
    first: u64,
    bytes: u64,
    seen: HashSet<String>,
    seen_since: VecDeque<(Instant, String)>,
    durables: BTreeMap<String, Durable>,
}

#[derive(Debug)]
struct Message {
    subject: String,
    payload: Bytes,
    at: Instant,
}

#[derive(Debug, Default)]
struct Durable {
    filter: Option<String>,
    /// The number of the first message that it has not looked at.
    position: u64,
    pending: BTreeMap<u64, Pending>,
}

#[derive(Debug)]
struct Pending {
    attempts: u64,
    /// When it may be delivered again; nothing while somebody deals with it.
    ready: Option<Instant>,
}

impl Message {
    fn size(&self) -> u64 {
        (self.subject.len() + self.payload.len()) as u64
    }
}

impl Log {
    pub(super) fn new(stream: Stream) -> Self {
        let state = State {
            first: 1,
            ..State::default()
        };
        Self {
            stream,
            state: Mutex::new(state),
            changed: watch::Sender::default(),
        }
    }

    pub(super) fn append(&self, subject: &str, dedup: &str, payload: Bytes) {
        let mut state = self.lock();
        if state.is_repeated(dedup, &self.stream) {
            return;
        }
        let message = Message {
            subject: subject.to_owned(),
            payload,
            at: Instant::now(),
        };
        state.bytes += message.size();
        state.messages.push_back(message);
        state.trim(&self.stream);
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn fill(&self) -> Fill {
        let mut state = self.lock();
        state.trim(&self.stream);
        let (messages, bytes) = (state.messages.len() as u64, state.bytes);
        Fill {
            messages,
            bytes,
            max_bytes: self.stream.max_bytes,
        }
    }

    pub(super) fn latest(&self, most: usize) -> Vec<Bytes> {
        let mut state = self.lock();
        state.trim(&self.stream);
        state
            .messages
            .iter()
            .rev()
            .take(most)
            .map(|message| message.payload.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_repeated(&mut self, dedup: &str, stream: &Stream) -> bool {
        while let Some((since, _)) = self.seen_since.front()
            && since.elapsed() >= stream.dedup_window
        {
            if let Some((_, id)) = self.seen_since.pop_front() {
                self.seen.remove(&id);
            }
        }
        if !self.seen.insert(dedup.to_owned()) {
            return true;
        }
        self.seen_since
            .push_back((Instant::now(), dedup.to_owned()));
        false
    }

    fn trim(&mut self, stream: &Stream) {
        while let Some(oldest) = self.messages.front() {
            let over = self.bytes > stream.max_bytes || oldest.at.elapsed() >= stream.max_age;
            if !over && !self.all_are_done_with(self.first) {
                return;
            }
            self.bytes -= oldest.size();
            self.messages.pop_front();
            let gone = self.first;
            self.first += 1;
            for durable in self.durables.values_mut() {
                durable.pending.remove(&gone);
                durable.position = durable.position.max(self.first);
            }
        }
    }

    fn all_are_done_with(&self, sequence: u64) -> bool {
        let done = |durable: &Durable| {
            sequence < durable.position && !durable.pending.contains_key(&sequence)
        };
        !self.durables.is_empty() && self.durables.values().all(done)
    }

    /// Takes what can be delivered now. With nothing to deliver, says when that changes by itself.
    fn take(&mut self, name: &str, most: usize) -> (Vec<(u64, u64)>, Option<Instant>) {
        let end = self.first + self.messages.len() as u64;
        let Some(durable) = self.durables.get_mut(name) else {
            return (Vec::new(), None);
        };
        let (now, mut taken, mut next) = (Instant::now(), Vec::new(), None::<Instant>);
        for (sequence, pending) in &mut durable.pending {
            let Some(ready) = pending.ready else { continue };
            if ready > now {
                next = Some(next.map_or(ready, |next| next.min(ready)));
            } else if taken.len() < most {
                pending.attempts += 1;
                pending.ready = None;
                taken.push((*sequence, pending.attempts));
            }
        }
        while taken.len() < most && durable.position < end {
            let sequence = durable.position;
            durable.position += 1;
            let at = usize::try_from(sequence - self.first).ok();
            let message = at.and_then(|at| self.messages.get(at));
            let wanted = message.is_some_and(|message| match &durable.filter {
                Some(filter) => subject::matches(filter, &message.subject),
                None => true,
            });
            if wanted {
                durable.pending.insert(
                    sequence,
                    Pending {
                        attempts: 1,
                        ready: None,
                    },
                );
                taken.push((sequence, 1));
            }
        }
        (taken, next)
    }

    fn message(&self, sequence: u64) -> Option<&Message> {
        let at = sequence.checked_sub(self.first)?;
        self.messages.get(usize::try_from(at).ok()?)
    }
}

/// Takes messages for one durable consumer.
pub(in crate::bus) struct Puller {
    log: Arc<Log>,
    durable: String,
}

impl Puller {
    pub(super) fn new(log: Arc<Log>, durable: &str, filter: Option<&str>) -> Self {
        let mut state = log.lock();
        let position = state.first;
        let new = || Durable {
            position,
            ..Durable::default()
        };
        let entry = state.durables.entry(durable.to_owned()).or_insert_with(new);
        entry.filter = filter.map(str::to_owned);
        drop(state);
        Self {
            log,
            durable: durable.to_owned(),
        }
    }

    pub(in crate::bus) async fn pull(&mut self, most: usize) -> Vec<Delivery> {
        let mut changed = self.log.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let (deliveries, next) = self.take(most);
            if !deliveries.is_empty() {
                return deliveries;
            }
            let ready = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changed.changed() => {}
                () = ready => {}
            }
        }
    }

    fn take(&self, most: usize) -> (Vec<Delivery>, Option<Instant>) {
        let mut state = self.log.lock();
        state.trim(&self.log.stream);
        let (taken, next) = state.take(&self.durable, most);
        let deliver = |(sequence, attempt)| {
            let message = state.message(sequence)?;
            let ticket = Ticket {
                log: Arc::clone(&self.log),
                durable: self.durable.clone(),
                sequence,
                settled: false,
            };
            Some(Delivery {
                subject: message.subject.clone(),
                sequence,
                payload: message.payload.clone(),
                attempt,
                ticket: consume::Ticket::Local(ticket),
            })
        };
        (taken.into_iter().filter_map(deliver).collect(), next)
    }
}

/// Settles a message. Dropped without that, the message comes again at once.
pub(in crate::bus) struct Ticket {
    log: Arc<Log>,
    durable: String,
    sequence: u64,
    settled: bool,
}

impl Ticket {
    pub(in crate::bus) fn settle(mut self, verdict: Verdict) {
        self.settled = true;
        self.apply(verdict);
    }

    fn apply(&self, verdict: Verdict) {
        let mut state = self.log.lock();
        if let Some(durable) = state.durables.get_mut(&self.durable) {
            match verdict {
                Verdict::Done | Verdict::Never => {
                    durable.pending.remove(&self.sequence);
                }
                Verdict::Later(wait) => {
                    if let Some(pending) = durable.pending.get_mut(&self.sequence) {
                        pending.ready = Instant::now().checked_add(wait);
                    }
                }
            }
        }
        state.trim(&self.log.stream);
        drop(state);
        if matches!(verdict, Verdict::Later(_)) {
            self.log.changed.send_replace(());
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            self.apply(Verdict::Later(std::time::Duration::ZERO));
        }
    }
}
