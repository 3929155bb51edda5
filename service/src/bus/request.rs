//! Requests: one question, one answer, with a deadline.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::sealed::{self, Answering, Cover};
use super::{Backend, Bus, BusError, Refusal, decode, encode, local, nats, subject};
use crate::backoff::Backoff;
use crate::sealed::{PublicKey, Recipient};
use crate::supervisor::contain;

/// How many requests one server of requests works on at once.
const AT_ONCE: usize = 256;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound(deserialize = "R: DeserializeOwned"))]
enum Answer<R> {
    Ok(R),
    Refused(Refusal),
}

/// A question that somebody waits to be answered.
pub(super) struct Question {
    pub(super) payload: Bytes,
    pub(super) reply: Reply,
}

/// Where an answer goes.
pub(super) enum Reply {
    Local(local::Reply),
    Nats(nats::Reply),
}

/// The questions that come on a subject.
enum Questions {
    Local(local::Questions),
    Nats(nats::Questions),
}

impl Questions {
    async fn next(&mut self) -> Option<Question> {
        match self {
            Self::Local(questions) => questions.next().await,
            Self::Nats(questions) => questions.next().await,
        }
    }
}

impl Bus {
    /// Asks whoever serves `subject` and waits for the answer, at most `deadline`.
    pub async fn request<Q, R>(
        &self,
        subject: &str,
        question: &Q,
        deadline: Duration,
    ) -> Result<R, BusError>
    where
        Q: Serialize + Sync + ?Sized,
        R: DeserializeOwned,
    {
        subject::check(subject)?;
        let payload = encode(question)?;
        read(&self.exchange(subject, payload, deadline).await?)
    }

    /// The same, so that only `recipient` can read the question and only we the answer: nobody who
    /// listens on the bus, nor who runs it.
    pub async fn request_sealed<Q, R>(
        &self,
        subject: &str,
        recipient: &PublicKey,
        question: &Q,
        deadline: Duration,
    ) -> Result<R, BusError>
    where
        Q: Serialize + Sync,
        R: DeserializeOwned,
    {
        subject::check(subject)?;
        let (payload, me) = sealed::ask(subject, recipient, question)?;
        let answer = self.exchange(subject, payload, deadline).await?;
        read(&sealed::answered(subject, &me, &answer)?)
    }

    async fn exchange(
        &self,
        subject: &str,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, BusError> {
        let asked = async {
            match &self.backend {
                Backend::Local(local) => local.request(subject, payload).await,
                Backend::Nats(nats) => nats.request(subject, payload, deadline).await,
            }
        };
        let answered = tokio::time::timeout(deadline, asked).await;
        answered.map_err(|_| BusError::Timeout(subject.to_owned()))?
    }

    /// Answers what is asked on `subject` until `stop`; what has begun is finished.
    ///
    /// Of all servers with one `queue` name, each question goes to one. Up to 256 are worked on at
    /// once. A panic is contained and answered with the refusal `internal`.
    pub async fn serve<Q, R, F, Fut>(
        &self,
        subject: &str,
        queue: &str,
        stop: CancellationToken,
        handler: F,
    ) -> Result<(), BusError>
    where
        Q: DeserializeOwned + Send,
        R: Serialize + Send + Sync,
        F: Fn(Q) -> Fut + Send + Sync,
        Fut: Future<Output = Result<R, Refusal>> + Send,
    {
        subject::check_pattern(subject)?;
        self.answer_on(subject, queue, Cover::Clear, stop, handler)
            .await
    }

    /// The same for what [`Self::request_sealed`] asks. Who asks anything in the clear is refused.
    pub async fn serve_sealed<Q, R, F, Fut>(
        &self,
        subject: &str,
        queue: &str,
        recipient: &Recipient,
        stop: CancellationToken,
        handler: F,
    ) -> Result<(), BusError>
    where
        Q: DeserializeOwned + Send,
        R: Serialize + Send + Sync,
        F: Fn(Q) -> Fut + Send + Sync,
        Fut: Future<Output = Result<R, Refusal>> + Send,
    {
        subject::check(subject)?;
        let cover = Cover::Sealed(subject, recipient);
        self.answer_on(subject, queue, cover, stop, handler).await
    }

    async fn answer_on<Q, R, F, Fut>(
        &self,
        subject: &str,
        queue: &str,
        cover: Cover<'_>,
        stop: CancellationToken,
        handler: F,
    ) -> Result<(), BusError>
    where
        Q: DeserializeOwned + Send,
        R: Serialize + Send + Sync,
        F: Fn(Q) -> Fut + Send + Sync,
        Fut: Future<Output = Result<R, Refusal>> + Send,
    {
        subject::check_word(queue)?;
        let mut failures = 0;
        while !stop.is_cancelled() {
            let ended = match self.questions(subject, queue).await {
                Ok(questions) => {
                    answer_all(questions, cover, &stop, &handler).await;
                    "the subscription ended".to_owned()
                }
                Err(error) => error.to_string(),
            };
            if stop.is_cancelled() {
                break;
            }
            failures += 1;
            tracing::warn!(subject, error = ended, "cannot take questions now");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(Backoff::DEFAULT.jittered(failures)) => {}
            }
        }
        Ok(())
    }

    async fn questions(&self, subject: &str, queue: &str) -> Result<Questions, BusError> {
        match &self.backend {
            Backend::Local(local) => Ok(Questions::Local(local.questions(subject, queue))),
            Backend::Nats(nats) => nats.questions(subject, queue).await.map(Questions::Nats),
        }
    }
}

fn read<R: DeserializeOwned>(answer: &[u8]) -> Result<R, BusError> {
    match decode(answer)? {
        Answer::Ok(answer) => Ok(answer),
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

async fn answer_all<Q, R, F, Fut>(
    mut questions: Questions,
    cover: Cover<'_>,
    stop: &CancellationToken,
    handler: &F,
) where
    Q: DeserializeOwned + Send,
    R: Serialize + Send + Sync,
    F: Fn(Q) -> Fut + Send + Sync,
    Fut: Future<Output = Result<R, Refusal>> + Send,
{
    let mut work = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(()) = work.next() => {}
            question = questions.next(), if work.len() < AT_ONCE => match question {
                Some(question) => work.push(answer(question, cover, handler)),
                None => break,
            },
        }
    }
    drop(questions);
    while work.next().await.is_some() {}
}

async fn answer<Q, R, F, Fut>(question: Question, cover: Cover<'_>, handler: &F)
where
    Q: DeserializeOwned,
    R: Serialize,
    F: Fn(Q) -> Fut,
    Fut: Future<Output = Result<R, Refusal>>,
{
    let (result, answering) = match cover.open::<Q>(&question.payload) {
        Ok((asked, answering)) => {
            let result = contain(async { handler(asked).await }).await;
            let result = result.unwrap_or_else(|panicked| {
                tracing::error!(error = %panicked, "answering a question panicked");
                Err(Refusal::new("internal", "it could not be answered"))
            });
            (result, answering)
        }
        Err(error) => {
            let refusal = Refusal::new("malformed", error.to_string());
            (Err(refusal), Answering::Clear)
        }
    };
    let answer = match result {
        Ok(answer) => Answer::Ok(answer),
        Err(refusal) => Answer::Refused(refusal),
    };
    let payload = encode(&answer).or_else(|error| {
        tracing::error!(%error, "an answer cannot be sent");
        encode(&Answer::<()>::Refused(Refusal::new(
            "internal",
            error.to_string(),
        )))
    });
    let payload = match payload.and_then(|payload| answering.close(payload)) {
        Ok(payload) => payload,
        // Who asked waits until their deadline: nothing can be sealed for the key that they gave.
        Err(error) => {
            tracing::error!(%error, "an answer cannot be sealed");
            return;
        }
    };
    match question.reply {
        Reply::Local(reply) => reply.send(payload),
        Reply::Nats(reply) => reply.send(payload).await,
    }
}
