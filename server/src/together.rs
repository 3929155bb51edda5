//! Reads that many wait for at once, done once.
//!
//! **Invariant:** whoever asks gets what was read after they asked, as if they had read it by
//! themselves. Who comes while a read is running waits for the next one, with all others who do: a
//! thousand followers of an event, or everybody who looks at the fleet in an outage, cost the
//! database two reads. Under load a read waits a moment for those who were just answered, who
//! often ask again at once: otherwise two halves of them take turns, and each has a read of its
//! own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tod_service::supervisor::Supervisor;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::api::error::Error;

/// So many answered or waiting are a load. Fewer are never made to wait for others.
const LOAD: usize = 8;

/// What a read waits for others at most, and not longer than the one before it took.
const MOMENT: Duration = Duration::from_millis(5);

type Asked<V> = oneshot::Sender<Result<V, Error>>;

/// Reads under way, by what is read. Cheap to clone.
pub struct Together<K, V>(Arc<Mutex<HashMap<K, Waiting<V>>>>);

/// Who waits for the next read of a key.
struct Waiting<V> {
    asked: Vec<Asked<V>>,
    /// Of a read that waits for others: how many must have asked, and who is told then.
    gathering: Option<(usize, Arc<Notify>)>,
}

impl<K, V> Together<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// What `read` reads, alone or for others, too. What it reads must follow from `key` alone,
    /// and all who ask for a key must be allowed to see it.
    pub async fn read<F, Fut>(&self, jobs: &Supervisor, key: K, read: F) -> Result<V, Error>
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let (asked, answer) = oneshot::channel();
        let is_first = match self.waiting().entry(key.clone()) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push(asked);
                false
            }
            Entry::Vacant(nobody) => {
                nobody.insert(Waiting::first(asked));
                true
            }
        };
        if is_first && jobs.hard_stop().is_cancelled() {
            // No job is started any more: whoever is still served reads alone.
            self.waiting().remove(&key);
            return read().await;
        }
        if is_first {
            let rounds = Rounds {
                together: self.clone(),
                key: Some(key),
            };
            // Not in the caller's own task: others wait for it, and the caller may go away.
            jobs.spawn_job("a read for all who wait", rounds.run(read));
        }
        answer.await.unwrap_or_else(|_| {
            Err(Error::unavailable(
                "the server is stopping, or has met a bug in itself",
            ))
        })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Waiting<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Waiting<V> {
    fn first(asked: Asked<V>) -> Self {
        Self {
            asked: vec![asked],
            gathering: None,
        }
    }

    fn push(&mut self, asked: Asked<V>) {
        self.asked.push(asked);
        let is_whole = |(whole, _): &mut (usize, _)| self.asked.len() >= *whole;
        if let Some((_, gathered)) = self.gathering.take_if(is_whole) {
            gathered.notify_one();
        }
    }
}

/// Reads one key until nobody waits for it.
struct Rounds<K, V>
where
    K: Eq + Hash,
{
    together: Together<K, V>,
    /// None once nobody waits.
    key: Option<K>,
}

impl<K, V> Rounds<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    async fn run<F, Fut>(mut self, read: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, Error>> + Send + 'static,
    {
        // Who has asked in the meantime is in the first round, and not in one of their own.
        tokio::task::yield_now().await;
        while let Some(round) = self.next() {
            let (begun, answered) = (Instant::now(), round.len());
            let mut result = read().await;
            let took = begun.elapsed();
            for asked in round {
                let other = match &mut result {
                    Ok(value) => Ok(value.clone()),
                    Err(error) => Err(error.shared()),
                };
                // Who went away meanwhile needs no answer.
                drop(asked.send(other));
            }
            self.gather(answered, took.min(MOMENT)).await;
        }
    }

    /// Gives those who were just answered a moment to ask again, and be with those who wait
    /// already.
    async fn gather(&mut self, answered: usize, moment: Duration) {
        if let Some(gathered) = self.expect_back(answered) {
            // When the moment is over the next read begins with whoever is there.
            drop(tokio::time::timeout(moment, gathered.notified()).await);
        }
    }

    /// Is told when all are back; none if there are too few to wait for.
    fn expect_back(&mut self, answered: usize) -> Option<Arc<Notify>> {
        let mut waiting = self.together.waiting();
        let waiting = waiting.get_mut(self.key.as_ref()?)?;
        let whole = waiting.asked.len() + answered;
        if whole < LOAD {
            return None;
        }
        let gathered = Arc::new(Notify::new());
        waiting.gathering = Some((whole, Arc::clone(&gathered)));
        Some(gathered)
    }

    /// Who waits now.
    fn next(&mut self) -> Option<Vec<Asked<V>>> {
        let key = self.key.as_ref()?;
        let mut waiting = self.together.waiting();
        let mut round = match waiting.get_mut(key) {
            Some(waiting) => {
                waiting.gathering = None;
                std::mem::take(&mut waiting.asked)
            }
            None => Vec::new(),
        };
        round.retain(|asked| !asked.is_closed());
        if round.is_empty() {
            waiting.remove(key);
            drop(waiting);
            self.key = None;
            return None;
        }
        Some(round)
    }
}

/// A read that panics, or is dropped at the stop, must not keep others waiting for ever.
impl<K: Eq + Hash, V> Drop for Rounds<K, V> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let mut waiting = self
                .together
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiting.remove(&key);
        }
    }
}

impl<K, V> Clone for Together<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> fmt::Debug for Together<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// Reads that end when the test says with what.
    struct Source {
        jobs: Supervisor,
        together: Together<u8, u32>,
        begun: mpsc::Sender<oneshot::Sender<Result<u32, Error>>>,
    }

    impl Source {
        fn new() -> (Self, mpsc::Receiver<oneshot::Sender<Result<u32, Error>>>) {
            let (begun, reads) = mpsc::channel(16);
            let source = Self {
                jobs: Supervisor::new(),
                together: Together::default(),
                begun,
            };
            (source, reads)
        }

        /// Asks now, not when the answer is first waited for.
        #[expect(clippy::disallowed_methods, reason = "a test ends with its runtime")]
        fn ask(&self, key: u8) -> tokio::task::JoinHandle<Result<u32, Error>> {
            let (jobs, together, begun) =
                (self.jobs.clone(), self.together.clone(), self.begun.clone());
            let read = move || {
                let (end, ended) = oneshot::channel();
                begun.try_send(end).unwrap();
                async move { ended.await.unwrap() }
            };
            tokio::spawn(async move { together.read(&jobs, key, read).await })
        }

        /// Waits until so many wait for a key besides those whose read is running.
        async fn waiting(&self, key: u8, count: usize) {
            while self
                .together
                .waiting()
                .get(&key)
                .map(|waiting| waiting.asked.len())
                != Some(count)
            {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn who_comes_while_a_read_runs_waits_for_the_next_one_with_all_others() {
        let (source, mut reads) = Source::new();
        let first = source.ask(1);
        let read = reads.recv().await.unwrap();
        let late = [source.ask(1), source.ask(1), source.ask(1)];
        source.waiting(1, 3).await;
        let other = source.ask(2);
        let read_2 = reads.recv().await.unwrap();

        read.send(Ok(10)).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 10);
        reads.recv().await.unwrap().send(Ok(11)).unwrap();
        for late in late {
            assert_eq!(late.await.unwrap().unwrap(), 11, "read after they asked");
        }
        read_2.send(Ok(20)).unwrap();
        assert_eq!(other.await.unwrap().unwrap(), 20);
        while !source.together.waiting().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(reads.try_recv().is_err(), "nothing was read for nobody");
    }

    #[tokio::test]
    async fn everybody_is_told_why_it_failed_and_the_next_who_asks_reads_again() {
        let (source, mut reads) = Source::new();
        let first = source.ask(1);
        let read = reads.recv().await.unwrap();
        let late = [source.ask(1), source.ask(1)];
        source.waiting(1, 2).await;
        read.send(Ok(1)).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);

        let bad = Error::conflict("bad luck").hint("try again");
        reads.recv().await.unwrap().send(Err(bad)).unwrap();
        for late in late {
            let error = late.await.unwrap().unwrap_err();
            assert_eq!(error.to_string(), "bad luck");
        }
        let again = source.ask(1);
        reads.recv().await.unwrap().send(Ok(3)).unwrap();
        assert_eq!(again.await.unwrap().unwrap(), 3);
    }

    #[tokio::test]
    async fn a_read_that_panics_keeps_nobody_waiting() {
        let (source, mut reads) = Source::new();
        let first = source.ask(1);
        let read = reads.recv().await.unwrap();
        let late = source.ask(1);
        source.waiting(1, 1).await;

        drop(read);
        assert!(first.await.unwrap().is_err());
        assert!(late.await.unwrap().is_err());
        let again = source.ask(1);
        reads.recv().await.unwrap().send(Ok(2)).unwrap();
        assert_eq!(again.await.unwrap().unwrap(), 2);
    }

    #[tokio::test]
    async fn who_is_served_after_the_end_of_all_jobs_reads_alone() {
        let (source, mut reads) = Source::new();
        source.jobs.kill();
        for value in [1, 2] {
            let asked = source.ask(1);
            reads.recv().await.unwrap().send(Ok(value)).unwrap();
            assert_eq!(asked.await.unwrap().unwrap(), value);
        }
        assert!(source.together.waiting().is_empty());
    }

    #[tokio::test]
    async fn those_who_ask_before_a_read_has_begun_are_in_it() {
        let (source, mut reads) = Source::new();
        let asked: Vec<_> = (0..10).map(|_| source.ask(1)).collect();
        let first = reads.recv().await.unwrap();
        source.waiting(1, 0).await;
        first.send(Ok(1)).unwrap();
        for asked in asked {
            assert_eq!(asked.await.unwrap().unwrap(), 1);
        }
        assert!(reads.try_recv().is_err(), "one read was enough");
    }

    #[tokio::test]
    async fn who_asked_first_may_go_away() {
        let (source, mut reads) = Source::new();
        let first = source.ask(1);
        let read = reads.recv().await.unwrap();
        let late = source.ask(1);
        source.waiting(1, 1).await;

        first.abort();
        drop(first.await);
        read.send(Ok(1)).unwrap();
        reads.recv().await.unwrap().send(Ok(2)).unwrap();
        assert_eq!(late.await.unwrap().unwrap(), 2);
    }

    /// So many ask, and are answered after a read of three milliseconds.
    async fn answered_together(
        source: &Source,
        reads: &mut mpsc::Receiver<oneshot::Sender<Result<u32, Error>>>,
        count: usize,
    ) {
        let asked: Vec<_> = (0..count).map(|_| source.ask(1)).collect();
        let read = reads.recv().await.unwrap();
        tokio::time::advance(Duration::from_millis(3)).await;
        read.send(Ok(1)).unwrap();
        for asked in asked {
            assert_eq!(asked.await.unwrap().unwrap(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn under_load_a_read_waits_for_those_who_were_just_answered() {
        let (source, mut reads) = Source::new();
        answered_together(&source, &mut reads, LOAD).await;
        let begun = Instant::now();
        let back: Vec<_> = (1..LOAD).map(|_| source.ask(1)).collect();
        source.waiting(1, LOAD - 1).await;
        assert!(reads.try_recv().is_err(), "one is missing");
        let last = source.ask(1);
        let read = reads.recv().await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO, "all are back");
        read.send(Ok(2)).unwrap();
        for asked in back.into_iter().chain([last]) {
            assert_eq!(asked.await.unwrap().unwrap(), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_for_others_no_longer_than_the_one_before_it_took() {
        let (source, mut reads) = Source::new();
        answered_together(&source, &mut reads, LOAD).await;
        let begun = Instant::now();
        let back = source.ask(1);
        reads.recv().await.unwrap().send(Ok(2)).unwrap();
        assert_eq!(back.await.unwrap().unwrap(), 2);
        // A timer of the runtime counts whole milliseconds.
        assert!(begun.elapsed() <= Duration::from_millis(4));
        while !source.together.waiting().is_empty() {
            tokio::time::sleep(MOMENT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_never_wait_for_each_other() {
        let (source, mut reads) = Source::new();
        answered_together(&source, &mut reads, LOAD - 1).await;
        let begun = Instant::now();
        let back = source.ask(1);
        reads.recv().await.unwrap().send(Ok(2)).unwrap();
        assert_eq!(back.await.unwrap().unwrap(), 2);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
