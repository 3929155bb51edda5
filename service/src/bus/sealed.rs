//! What covers a question and its answer on the way: nothing, or boxes that only the two open.
//!
//! A sealed question is one box for who serves the subject. In it is a key that was made for this
//! question alone, and the answer is one box for that key. Both boxes are bound to the subject, and
//! an answer does not open as a question.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{BusError, decode, encode};
use crate::sealed::{PublicKey, Recipient, SealError, seal};

/// What is in a sealed question.
#[derive(Serialize, Deserialize)]
struct Letter<Q> {
    reply_to: PublicKey,
    question: Q,
}

/// How who serves a subject opens questions.
#[derive(Clone, Copy)]
pub(super) enum Cover<'a> {
    /// As they come.
    Clear,
    /// With this key.
    Sealed(&'a str, &'a Recipient),
}

/// How the answer to one question is covered.
#[derive(Clone, Copy)]
pub(super) enum Answering<'a> {
    /// As it is.
    Clear,
    /// For who asked.
    Sealed(&'a str, PublicKey),
}

impl<'a> Cover<'a> {
    /// Opens a question.
    pub(super) fn open<Q: DeserializeOwned>(
        self,
        payload: &[u8],
    ) -> Result<(Q, Answering<'a>), BusError> {
        match self {
            Self::Clear => Ok((decode(payload)?, Answering::Clear)),
            Self::Sealed(subject, recipient) => {
                let plain = recipient.open(&aad("question", subject), payload);
                let letter: Letter<Q> = decode(&plain.map_err(shut)?)?;
                let answering = Answering::Sealed(subject, letter.reply_to);
                Ok((letter.question, answering))
            }
        }
    }
}

impl Answering<'_> {
    /// Covers an answer.
    pub(super) fn close(self, payload: Bytes) -> Result<Bytes, BusError> {
        match self {
            Self::Clear => Ok(payload),
            Self::Sealed(subject, reply_to) => {
                let sealed = seal(&reply_to, &aad("answer", subject), &payload);
                Ok(sealed.map_err(shut)?.into())
            }
        }
    }
}

/// A question in its box, with what opens the answer.
pub(super) fn ask<Q: Serialize>(
    subject: &str,
    recipient: &PublicKey,
    question: &Q,
) -> Result<(Bytes, Recipient), BusError> {
    let me = Recipient::generate().map_err(shut)?;
    let letter = Letter {
        reply_to: me.public_key(),
        question,
    };
    let plain = Zeroizing::new(Vec::from(encode(&letter)?));
    let sealed = seal(recipient, &aad("question", subject), &plain).map_err(shut)?;
    Ok((sealed.into(), me))
}

/// Opens the answer.
pub(super) fn answered(
    subject: &str,
    me: &Recipient,
    payload: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BusError> {
    me.open(&aad("answer", subject), payload).map_err(shut)
}

fn aad(what: &str, subject: &str) -> Vec<u8> {
    format!("tod {what} on {subject}").into_bytes()
}

fn shut(error: SealError) -> BusError {
    BusError::Malformed(error.to_string())
}
