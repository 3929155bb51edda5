//! What goes on on one connection, and when it has gone on for too long.
//!
//! ```text
//! silent ──first byte──▶ head ──request──▶ busy ──responses done──▶ idle ──first byte──▶ head …
//!   │ head                │ head             │ stall                  │ idle
//!   └─────────────────────┴──── over ────────┴────────────────────────┘
//! ```
//!
//! **Invariant:** every state has an end. The end of `silent`, `head` and `idle` cannot be put off by
//! sending a little; that of `busy` is put off by taking some of the response.

use std::collections::HashMap;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Limits, Slot};

/// Requests that are given up before their answer, over those that are not.
const MAX_ABANDONED: u32 = 100;
/// A write of fewer bytes is a sign of life of HTTP/2, not of a response.
const LITTLE: usize = 64;

/// What goes on on one connection.
#[derive(Debug)]
pub(crate) struct Traffic {
    limits: Limits,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Requests under way, streams included.
    busy: usize,
    /// There was a request.
    begun: bool,
    /// HTTP/2: bytes may come at any time, and mean nothing by themselves.
    multiplexed: bool,
    /// When the last request ended, or bytes of a response went.
    progress: Instant,
    head_since: Option<Instant>,
    /// Since when a response waits for the client to take what it has given.
    waiting: HashMap<u64, Instant>,
    next: u64,
    abandoned: u32,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// No whole head of a request in time.
    Head,
    /// No request for too long.
    Idle,
    /// The client does not take what it has asked for.
    Stalled,
    /// The client gives up its requests all the time.
    Abandons,
}

impl Over {
    /// In words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Head => "no whole head of a request in time",
            Self::Idle => "no request for too long",
            Self::Stalled => "the client does not take its answers",
            Self::Abandons => "the client gives up its requests all the time",
        }
    }
}

enum Next {
    Over(Over),
    Look(Instant),
}

impl Traffic {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::new(State {
                busy: 0,
                begun: false,
                multiplexed: false,
                progress: Instant::now(),
                head_since: None,
                waiting: HashMap::new(),
                next: 0,
                abandoned: 0,
            }),
            changed: Notify::new(),
        })
    }

    /// The handshake has agreed on HTTP/2.
    pub(crate) fn is_multiplexed(&self) {
        self.state().multiplexed = true;
    }

    /// A request has come.
    pub(crate) fn begin(self: &Arc<Self>, version: Version) -> Busy {
        let mut state = self.state();
        state.busy += 1;
        state.begun = true;
        state.multiplexed |= version == Version::HTTP_2;
        state.head_since = None;
        state.next += 1;
        Busy {
            id: state.next,
            traffic: Arc::clone(self),
            answered: false,
        }
    }

    /// Ends when the connection has to.
    pub(crate) async fn over(&self) -> Over {
        loop {
            let at = match self.next(Instant::now()) {
                Next::Over(why) => return why,
                Next::Look(at) => at,
            };
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    fn next(&self, now: Instant) -> Next {
        let limits = &self.limits;
        let state = self.state();
        if state.abandoned > MAX_ABANDONED {
            return Next::Over(Over::Abandons);
        }
        let (deadline, why) = if state.busy > 0 {
            let longest = state.waiting.values().min();
            let Some(since) = longest else {
                return Next::Look(now + limits.stall.min(limits.idle).min(limits.head));
            };
            ((*since).max(state.progress) + limits.stall, Over::Stalled)
        } else if let Some(since) = state.head_since {
            (since + limits.head, Over::Head)
        } else if state.begun || state.multiplexed {
            (state.progress + limits.idle, Over::Idle)
        } else {
            (state.progress + limits.head, Over::Head)
        };
        if deadline <= now {
            return Next::Over(why);
        }
        // A head may begin at any moment. It ends no sooner than this, so nobody has to say so,
        // which would cost a look with every request.
        Next::Look(deadline.min(now + limits.head))
    }

    /// Bytes have come.
    fn heard(&self) {
        let mut state = self.state();
        if state.busy == 0 && !state.multiplexed && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// Bytes have gone.
    fn said(&self, bytes: usize) {
        if bytes >= LITTLE {
            self.state().progress = Instant::now();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct Busy {
    traffic: Arc<Traffic>,
    id: u64,
    answered: bool,
}

impl Busy {
    /// The response has begun; the request lasts as long as `body` does.
    pub(crate) fn answered<B>(mut self, body: B) -> Watched<B> {
        self.answered = true;
        Watched { body, busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.traffic.state();
        state.busy = state.busy.saturating_sub(1);
        state.waiting.remove(&self.id);
        state.progress = Instant::now();
        if self.answered {
            state.abandoned = state.abandoned.saturating_sub(1);
        } else {
            state.abandoned += 1;
            if state.abandoned > MAX_ABANDONED {
                drop(state);
                self.traffic.changed.notify_one();
            }
        }
    }
}

/// The body of a response, and whether it waits for its source or for the client.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    busy: Busy,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let mut state = this.busy.traffic.state();
        if polled.is_pending() {
            state.waiting.remove(&this.busy.id);
        } else {
            state.waiting.insert(this.busy.id, Instant::now());
        }
        drop(state);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The bytes of a connection. It keeps the connection's slot until it is closed, also after it
/// has become a WebSocket.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    traffic: Arc<Traffic>,
    _slot: Option<Slot>,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, traffic: Arc<Traffic>, slot: Option<Slot>) -> Self {
        Self {
            stream,
            traffic,
            _slot: slot,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.traffic.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.traffic.said(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bytes))?;
        this.traffic.said(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
