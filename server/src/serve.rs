//! Listens and serves until told to stop; then lets requests finish.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::{App, Peer};
use crate::door::{Door, Guarded, Limits, Over, Slot, Slots, Traffic};

/// Bytes of the head of a request: its line and its headers.
const MAX_HEAD: u32 = 32 << 10;
/// Headers of a request.
const MAX_HEADERS: usize = 100;
/// Requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// Requests of HTTP/2 that are taken back before we have looked at them.
const MAX_UNSEEN_RESETS: usize = 20;
/// Requests of HTTP/2 that break the protocol.
const MAX_BROKEN: usize = 50;
/// How often HTTP/2 clients are asked whether they live.
const PING: Duration = Duration::from_secs(30);
/// Bytes under way in each direction of a connection inside the process.
const IN_PROCESS: usize = 64 << 10;
/// How long saying goodbye to an idle client may take.
const GOODBYE: Duration = Duration::from_secs(1);
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
        let house = House {
            router: self.router(),
            door: Arc::new(self.config.door.clone()),
            tls,
            closing: CancellationToken::new(),
        };
        house.serve(listener, stop, &self.stopping).await;
        Ok(())
    }

    /// Connects to this server from inside its process: what is written to the stream, it reads as
    /// HTTP. A poller in the same process dials so.
    pub fn connect_in_process(&self) -> DuplexStream {
        let (far, near) = tokio::io::duplex(IN_PROCESS);
        let house = House {
            router: self.router(),
            door: Arc::new(Door {
                limits: self.config.door.limits,
                ..Door::default()
            }),
            tls: None,
            closing: self.stopping.clone(),
        };
        self.supervisor
            .spawn_job("a connection inside the process", async move {
                let traffic = Traffic::new(house.door.limits);
                let peer = IpAddr::from([127, 0, 0, 1]);
                let near = Guarded::new(near, Arc::clone(&traffic), None);
                if let Err(error) = house.speak_http(near, peer, traffic).await {
                    tracing::debug!(error, "a connection inside the process ended badly");
                }
            });
        far
    }
}

/// What connections share.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) door: Arc<Door>,
    pub(crate) tls: Option<TlsAcceptor>,
    /// Connections finish what they have, and take no more.
    pub(crate) closing: CancellationToken,
}

impl House {
    /// Serves until `stop`; then cancels `stopping`, and waits for what is under way.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
        stopping: &CancellationToken,
    ) {
        let limits = self.door.limits;
        let slots = Slots::new(limits.connections, limits.connections_per_address);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => {
                    log_end(ended);
                    continue;
                }
                accepted = self.accept(&listener, &slots) => accepted,
            };
            match accepted {
                Ok(Some((tcp, peer, slot))) => {
                    connections.spawn(self.clone().connection(tcp, peer, slot));
                }
                // Too many from there: closed without a word.
                Ok(None) => {}
                Err(error) => {
                    // Out of file descriptors, most likely: give others time to close some.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        stopping.cancel();
        self.closing.cancel();
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, drained).await.is_err() {
            tracing::warn!("requests were still running when the time to stop was over");
            connections.shutdown().await;
        }
    }

    async fn accept(
        &self,
        listener: &TcpListener,
        slots: &Slots,
    ) -> std::io::Result<Option<(TcpStream, SocketAddr, Slot)>> {
        let one = slots.free().await?;
        let (tcp, peer) = listener.accept().await?;
        let slot = if self.door.trusts(peer.ip()) {
            Some(Slots::seat_proxy(one))
        } else {
            slots.seat(one, peer.ip())
        };
        let Some(slot) = slot else {
            return Ok(None);
        };
        tcp.set_nodelay(true)?;
        Ok(Some((tcp, peer, slot)))
    }

    async fn connection(self, tcp: TcpStream, peer: SocketAddr, slot: Slot) {
        if let Err(error) = self.speak(tcp, peer.ip(), slot).await {
            tracing::debug!(peer = %peer, error, "a connection ended badly");
        }
    }

    async fn speak(self, tcp: TcpStream, peer: IpAddr, slot: Slot) -> Result<(), String> {
        let limits = self.door.limits;
        let Some(tls) = &self.tls else {
            let traffic = Traffic::new(limits);
            let stream = Guarded::new(tcp, Arc::clone(&traffic), Some(slot));
            return self.speak_http(stream, peer, traffic).await;
        };
        let stream = tokio::time::timeout(limits.head, tls.accept(tcp))
            .await
            .map_err(|_| "no TLS handshake in time".to_owned())?
            .map_err(|error| error.to_string())?;
        let traffic = Traffic::new(limits);
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            traffic.is_multiplexed();
        }
        let stream = Guarded::new(stream, Arc::clone(&traffic), Some(slot));
        self.speak_http(stream, peer, traffic).await
    }

    async fn speak_http<S>(
        self,
        stream: S,
        peer: IpAddr,
        traffic: Arc<Traffic>,
    ) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            router,
            door,
            closing,
            ..
        } = self;
        let limits = door.limits;
        let watched = Arc::clone(&traffic);
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            let busy = watched.begin(request.version());
            let origin = door.origin(peer, request.headers());
            request.extensions_mut().insert(Peer(origin));
            let answer = router.clone().oneshot(request.map(axum::body::Body::new));
            async move {
                let response = answer.await?;
                Ok::<_, Infallible>(response.map(|body| busy.answered(body)))
            }
        });
        let builder = http(limits);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = closing.cancelled() => {
                // It finishes the requests that it has, and takes no more.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            over = traffic.over() => {
                if over != Over::Idle {
                    return Err(over.as_str().to_owned());
                }
                connection.as_mut().graceful_shutdown();
                match tokio::time::timeout(GOODBYE, connection).await {
                    Ok(ended) => ended,
                    Err(_) => Ok(()),
                }
            }
        };
        ended.map_err(|error| error.to_string())
    }
}

/// How HTTP is spoken. Its own timer for heads also counts the time between requests; ours does
/// not, so it is off.
fn http(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD)
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_UNSEEN_RESETS)
        .max_local_error_reset_streams(MAX_BROKEN)
        .keep_alive_interval(PING)
        .keep_alive_timeout(limits.head);
    builder
}

fn log_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "serving a connection panicked");
    }
}

#[cfg(test)]
mod tests;
