//! Listens and serves until told to stop; then lets requests finish.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::{App, Peer};

/// The most connections at a time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// How long a client may take for its TLS handshake, and for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes under way in each direction of a connection inside the process.
const IN_PROCESS: usize = 64 << 10;
/// How long requests may go on after the stop.
const GRACE: Duration = Duration::from_secs(10);

impl App {
    /// Serves on `listener` until `stop` is cancelled. Without `tls` it speaks plain HTTP.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let router = self.router();
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let closing = CancellationToken::new();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => {
                    log_end(ended);
                    continue;
                }
                accepted = accept(&listener, &slots) => accepted,
            };
            let (tcp, peer, slot) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: give others time to close some.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (router, tls, closing) = (router.clone(), tls.clone(), closing.clone());
            connections.spawn(async move {
                let _slot = slot;
                if let Err(error) = connection(tcp, peer, tls, router, closing).await {
                    tracing::debug!(peer = %peer, error, "a connection ended badly");
                }
            });
        }
        drop(listener);
        self.stopping.cancel();
        closing.cancel();
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, drained).await.is_err() {
            tracing::warn!("requests were still running when the time to stop was over");
            connections.shutdown().await;
        }
        Ok(())
    }

    /// Connects to this server from inside its process: what is written to the stream, it reads as
    /// HTTP. A poller in the same process dials so.
    pub fn connect_in_process(&self) -> DuplexStream {
        let (far, near) = tokio::io::duplex(IN_PROCESS);
        let (router, closing) = (self.router(), self.stopping.clone());
        self.supervisor
            .spawn_job("a connection inside the process", async move {
                let peer = SocketAddr::from(([127, 0, 0, 1], 0));
                if let Err(error) = speak_http(near, peer, router, closing).await {
                    tracing::debug!(error, "a connection inside the process ended badly");
                }
            });
        far
    }
}

fn log_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "serving a connection panicked");
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (tcp, peer) = listener.accept().await?;
    tcp.set_nodelay(true)?;
    Ok((tcp, peer, slot))
}

async fn connection(
    tcp: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    closing: CancellationToken,
) -> Result<(), String> {
    let Some(tls) = tls else {
        return speak_http(tcp, peer, router, closing).await;
    };
    let stream = tokio::time::timeout(HEAD, tls.accept(tcp))
        .await
        .map_err(|_| "no TLS handshake in time".to_owned())?
        .map_err(|error| error.to_string())?;
    speak_http(stream, peer, router, closing).await
}

async fn speak_http<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    closing: CancellationToken,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        request.map(axum::body::Body::new)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(HEAD);
    let service = TowerToHyperService::new(service);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            // It finishes the requests that it has, and takes no more.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| error.to_string())
}
