//! Requests and notifications inside one process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use super::Local;
use crate::bus::request::{self, Question};
use crate::bus::{BusError, subject};

/// How many questions wait for one server of requests.
const QUESTIONS: usize = 1024;
/// How many notifications wait for one subscriber before it misses some.
const NOTIFICATIONS: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Live {
    servers: Mutex<Vec<Server>>,
    subscribers: Mutex<Vec<Subscriber>>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Server {
    pattern: String,
    queue: String,
    questions: mpsc::Sender<Question>,
}

#[derive(Debug)]
struct Subscriber {
    pattern: String,
    payloads: mpsc::Sender<Bytes>,
}

/// Where an answer goes.
pub(in crate::bus) struct Reply(oneshot::Sender<Bytes>);

/// The questions for one server of requests.
pub(in crate::bus) struct Questions(mpsc::Receiver<Question>);

impl Reply {
    pub(in crate::bus) fn send(self, payload: Bytes) {
        if self.0.send(payload).is_err() {
            tracing::debug!("nobody waits for an answer any more");
        }
    }
}

impl Questions {
    pub(in crate::bus) async fn next(&mut self) -> Option<Question> {
        self.0.recv().await
    }
}

impl Live {
    fn servers(&self) -> MutexGuard<'_, Vec<Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server whose turn it is. Queues do not compete for one question: the first has it.
    fn server_for(&self, subject: &str) -> Option<mpsc::Sender<Question>> {
        let mut servers = self.servers();
        servers.retain(|server| !server.questions.is_closed());
        let fits = |server: &&Server| subject::matches(&server.pattern, subject);
        let queue = servers.iter().find(fits)?.queue.clone();
        let group: Vec<_> = servers
            .iter()
            .filter(fits)
            .filter(|server| server.queue == queue)
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % group.len();
        group.get(turn).map(|server| server.questions.clone())
    }
}

impl Local {
    pub(in crate::bus) async fn request(
        &self,
        subject: &str,
        payload: Bytes,
    ) -> Result<Bytes, BusError> {
        let nobody = || BusError::NoResponder(subject.to_owned());
        let server = self.live.server_for(subject).ok_or_else(nobody)?;
        let (reply, answer) = oneshot::channel();
        let reply = request::Reply::Local(Reply(reply));
        match server.try_send(Question { payload, reply }) {
            Ok(()) => answer.await.map_err(|_| nobody()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(nobody()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(BusError::Unavailable(format!(
                "who serves `{subject}` is overloaded"
            ))),
        }
    }

    pub(in crate::bus) fn questions(&self, subject: &str, queue: &str) -> Questions {
        let (questions, receiver) = mpsc::channel(QUESTIONS);
        let (pattern, queue) = (subject.to_owned(), queue.to_owned());
        self.live.servers().push(Server {
            pattern,
            queue,
            questions,
        });
        Questions(receiver)
    }

    pub(in crate::bus) fn notify(&self, subject: &str, payload: &Bytes) {
        let mut all = self
            .live
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.retain(|subscriber| !subscriber.payloads.is_closed());
        for subscriber in all
            .iter()
            .filter(|one| subject::matches(&one.pattern, subject))
        {
            if subscriber.payloads.try_send(payload.clone()).is_err() {
                tracing::debug!(subject, "a slow subscriber misses a notification");
            }
        }
    }

    pub(in crate::bus) fn subscribe(&self, pattern: &str) -> BoxStream<'static, Bytes> {
        let (payloads, receiver) = mpsc::channel(NOTIFICATIONS);
        let subscriber = Subscriber {
            pattern: pattern.to_owned(),
            payloads,
        };
        let mut all = self
            .live
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push(subscriber);
        ReceiverStream::new(receiver).boxed()
    }
}
