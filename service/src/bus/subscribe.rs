//! Listening to notifications.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;

use super::decode;

/// What is notified on a subject, from now on. Dropping it ends the subscription.
///
/// Who reads too slowly misses messages: notifications are hints, the truth is elsewhere.
pub struct Subscription<T> {
    subject: String,
    payloads: BoxStream<'static, Bytes>,
    message: PhantomData<fn() -> T>,
}

impl<T> Subscription<T> {
    pub(super) fn new(subject: &str, payloads: BoxStream<'static, Bytes>) -> Self {
        Self {
            subject: subject.to_owned(),
            payloads,
            message: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Stream for Subscription<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            let Some(payload) = std::task::ready!(self.payloads.poll_next_unpin(cx)) else {
                return Poll::Ready(None);
            };
            match decode(&payload) {
                Ok(message) => return Poll::Ready(Some(message)),
                Err(error) => {
                    tracing::warn!(subject = self.subject, %error, "a notification is skipped");
                }
            }
        }
    }
}

impl<T> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}
