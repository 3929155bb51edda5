//! What carries the bytes of a connection: a socket, or a channel inside an SSH session.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use russh::ChannelStream;
use russh::server::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What carries the bytes of a connection.
pub(crate) enum Wire {
    /// A connection from elsewhere.
    Tcp(TcpStream),
    /// One that begins at a device, for somebody who is signed in to it over SSH.
    Channel(Pin<Box<ChannelStream<Msg>>>),
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Channel(_) => "Channel",
        })
    }
}

impl Wire {
    /// Makes the coming close a reset. A channel knows none: it is closed.
    pub(super) fn reset(&self) {
        if let Self::Tcp(tcp) = self {
            super::reset(tcp);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Channel(channel) => channel.as_mut().poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Channel(channel) => channel.as_mut().poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Channel(channel) => channel.as_mut().poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => {
                // The reading half may still be in use; the rest goes when the socket is dropped.
                let socket = rustix::net::shutdown(&*tcp, rustix::net::Shutdown::Write);
                Poll::Ready(socket.map_err(io::Error::from))
            }
            Self::Channel(channel) => channel.as_mut().poll_shutdown(cx),
        }
    }
}
