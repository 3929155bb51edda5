//! Requests and notifications over NATS.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Client, Request, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::Nats;
use crate::bus::BusError;
use crate::bus::request::{self, Question};

/// Where an answer goes.
pub(in crate::bus) struct Reply {
    client: Client,
    subject: Subject,
}

/// The questions for one server of requests.
pub(in crate::bus) struct Questions {
    client: Client,
    messages: Subscriber,
}

impl Reply {
    pub(in crate::bus) async fn send(self, payload: Bytes) {
        if let Err(error) = self.client.publish(self.subject, payload).await {
            tracing::debug!(%error, "an answer was not sent");
        }
    }
}

impl Questions {
    pub(in crate::bus) async fn next(&mut self) -> Option<Question> {
        loop {
            let message = self.messages.next().await?;
            if let Some(subject) = message.reply {
                let reply = Reply {
                    client: self.client.clone(),
                    subject,
                };
                let reply = request::Reply::Nats(reply);
                return Some(Question {
                    payload: message.payload,
                    reply,
                });
            }
        }
    }
}

impl Nats {
    pub(in crate::bus) async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, BusError> {
        self.check_up()?;
        let request = Request::new().payload(payload).timeout(Some(deadline));
        let answer = self.client.send_request(subject.to_owned(), request).await;
        answer
            .map(|message| message.payload)
            .map_err(|error| match error.kind() {
                RequestErrorKind::TimedOut => BusError::Timeout(subject.to_owned()),
                RequestErrorKind::NoResponders => BusError::NoResponder(subject.to_owned()),
                _ => BusError::unavailable(error),
            })
    }

    pub(in crate::bus) async fn questions(
        &self,
        subject: &str,
        queue: &str,
    ) -> Result<Questions, BusError> {
        let asked = self
            .client
            .queue_subscribe(subject.to_owned(), queue.to_owned())
            .await;
        let messages = asked.map_err(BusError::unavailable)?;
        Ok(Questions {
            client: self.client.clone(),
            messages,
        })
    }

    pub(in crate::bus) async fn notify(
        &self,
        subject: &str,
        payload: Bytes,
    ) -> Result<(), BusError> {
        self.check_up()?;
        let sent = self.client.publish(subject.to_owned(), payload).await;
        sent.map_err(BusError::unavailable)
    }

    pub(in crate::bus) async fn subscribe(
        &self,
        pattern: &str,
    ) -> Result<BoxStream<'static, Bytes>, BusError> {
        let asked = self.client.subscribe(pattern.to_owned()).await;
        let messages = asked.map_err(BusError::unavailable)?;
        Ok(messages.map(|message| message.payload).boxed())
    }
}
