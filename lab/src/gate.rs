//! A gate before a socket: what a device sends and hears passes only while its network lets it.
//!
//! **Invariant:** a muted gate keeps bytes, it does not lose them, as TCP would retransmit them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::lock;

mod wire;

pub(crate) use wire::Wire;

/// What a gate does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything passes.
    Open,
    /// Nothing passes, in either direction.
    Muted,
    /// The connection is reset.
    Cut,
}

/// The handle with which a device steers the gate of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    mode: Mode,
    drip: Option<Duration>,
    /// How many bytes may still be sent, and what comes then.
    left: Option<(u64, Mode)>,
    is_told: bool,
    is_gentle: bool,
    muted: Option<Instant>,
    wakers: Vec<Waker>,
}

impl Gate {
    pub(crate) fn new(mode: Mode) -> Self {
        Self(Arc::new(Mutex::new(State {
            mode,
            drip: None,
            left: None,
            is_told: false,
            is_gentle: false,
            muted: (mode == Mode::Muted).then(Instant::now),
            wakers: Vec::new(),
        })))
    }

    pub(crate) fn mode(&self) -> Mode {
        lock(&self.0).mode
    }

    /// Changes what passes; a cut is for ever.
    pub(crate) fn set(&self, mode: Mode) {
        let mut state = lock(&self.0);
        if state.mode == Mode::Cut || state.mode == mode {
            return;
        }
        state.mode = mode;
        state.muted = (mode == Mode::Muted).then(Instant::now);
        for waker in state.wakers.drain(..) {
            waker.wake();
        }
    }

    /// Returns for how long nothing has passed.
    pub(crate) fn muted_for(&self) -> Option<Duration> {
        lock(&self.0).muted.map(|since| since.elapsed())
    }

    /// Lets the connection end as others do, without a reset.
    pub(crate) fn be_gentle(&self) {
        lock(&self.0).is_gentle = true;
    }

    /// Says whether it ends without a reset.
    pub(crate) fn is_gentle(&self) -> bool {
        lock(&self.0).is_gentle
    }

    /// Says whether its silence has been recorded.
    pub(crate) fn is_told(&self) -> bool {
        lock(&self.0).is_told
    }

    /// Remembers that its silence has been recorded.
    pub(crate) fn tell(&self) {
        lock(&self.0).is_told = true;
    }

    /// Lets only one byte out at a time.
    pub(crate) fn drip(&self, every: Option<Duration>) {
        lock(&self.0).drip = every;
    }

    /// Mutes or resets the connection for ever after so many bytes.
    pub(crate) fn limit(&self, bytes: u64, then: Mode) {
        lock(&self.0).left = Some((bytes, then));
    }

    /// Says what comes when no more may be sent.
    fn end(&self) -> Mode {
        lock(&self.0).left.map_or(Mode::Cut, |(_, then)| then)
    }

    /// Waits until the gate is not muted; returns whether it is open.
    pub(crate) async fn passes(&self) -> bool {
        std::future::poll_fn(|cx| self.poll(cx)).await.is_ok()
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        if !state.wakers.iter().any(|w| w.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        match state.mode {
            Mode::Open => Poll::Ready(Ok(())),
            Mode::Muted => Poll::Pending,
            Mode::Cut => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    /// Says how much may be written now, and after what pause.
    fn allowance(&self, wanted: usize) -> (usize, Option<Duration>) {
        let state = lock(&self.0);
        let wanted = if state.drip.is_some() {
            wanted.min(1)
        } else {
            wanted
        };
        let left = state.left.and_then(|(left, _)| usize::try_from(left).ok());
        (left.map_or(wanted, |left| wanted.min(left)), state.drip)
    }

    fn spent(&self, bytes: usize) {
        if let Some((left, _)) = &mut lock(&self.0).left {
            *left = left.saturating_sub(bytes as u64);
        }
    }
}

/// A connection behind a gate.
#[derive(Debug)]
pub(crate) struct Gated {
    wire: Wire,
    gate: Gate,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Gated {
    pub(crate) fn new(wire: Wire, gate: Gate) -> Self {
        Self {
            wire,
            gate,
            pause: None,
        }
    }

    /// Ends the connection with a reset.
    pub(crate) fn refuse(self) {
        self.wire.reset();
    }

    fn cut(&self) -> io::Error {
        self.gate.set(Mode::Cut);
        self.wire.reset();
        io::ErrorKind::ConnectionReset.into()
    }

    fn poll_gate(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let passed = ready!(self.gate.poll(cx));
        Poll::Ready(passed.map_err(|_| self.cut()))
    }
}

/// Makes the coming close a reset.
pub(crate) fn reset(tcp: &TcpStream) {
    let linger = rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO));
    if let Err(error) = linger {
        tracing::debug!(%error, "cannot reset a connection, it is closed");
    }
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_gate(cx))?;
        Pin::new(&mut self.wire).poll_read(cx, buf)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_gate(cx))?;
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let (allowed, drip) = self.gate.allowance(buf.len());
        if allowed == 0 && !buf.is_empty() {
            if self.gate.end() == Mode::Muted {
                // What is sent now never arrives, and nobody says so.
                return Poll::Ready(Ok(buf.len()));
            }
            return Poll::Ready(Err(self.cut()));
        }
        let piece = buf.get(..allowed).unwrap_or(buf);
        let written = ready!(Pin::new(&mut self.wire).poll_write(cx, piece))?;
        self.gate.spent(written);
        self.pause = drip.map(|d| Box::pin(tokio::time::sleep(d)));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_gate(cx))?;
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
