//! A stream that can be ended from outside.
//!
//! An SSH session lives in a task of russh's own, which would wait for a device that says nothing
//! any more for ever, and hold its socket, whatever becomes of who wanted it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Ends its stream when it is dropped.
#[derive(Debug)]
pub(crate) struct Leash(Arc<Tie>);

/// A stream that ends with its leash.
#[derive(Debug)]
pub(super) struct Leashed<S> {
    stream: S,
    tie: Arc<Tie>,
}

#[derive(Debug, Default)]
struct Tie {
    is_cut: AtomicBool,
    is_loose: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// Ties a stream to a leash.
pub(super) fn tie<S>(stream: S) -> (Leashed<S>, Leash) {
    let tie = Arc::<Tie>::default();
    let leashed = Leashed {
        stream,
        tie: Arc::clone(&tie),
    };
    (leashed, Leash(tie))
}

impl Leash {
    /// Lets the stream live on its own.
    pub(crate) fn let_go(self) {
        self.0.is_loose.store(true, Ordering::Release);
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.0.is_loose.load(Ordering::Acquire) {
            return;
        }
        self.0.is_cut.store(true, Ordering::Release);
        self.0.reader.wake();
        self.0.writer.wake();
    }
}

impl Tie {
    /// Fails once the stream is to end; whoever waits until then is woken.
    fn check(&self, waker: &AtomicWaker, context: &Context<'_>) -> io::Result<()> {
        waker.register(context.waker());
        if self.is_cut.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Leashed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.tie.check(&self.tie.reader, context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Leashed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tie.check(&self.tie.writer, context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tie.check(&self.tie.writer, context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tie.check(&self.tie.writer, context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn who_reads_is_woken_when_the_leash_is_dropped() {
        let (near, _far) = duplex(64);
        let (mut near, leash) = tie(near);
        let reading = near.read_u8();
        tokio::pin!(reading);
        assert!(futures_util::poll!(&mut reading).is_pending());

        drop(leash);

        let end = reading.await.unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_stream_that_was_let_go_of_lives_on() {
        let (near, mut far) = duplex(64);
        let (mut near, leash) = tie(near);

        leash.let_go();

        near.write_u8(7).await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), 7);
    }
}
