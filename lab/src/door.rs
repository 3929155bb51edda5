//! The doors: one wildcard socket for each service, the local address names the device.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};

use crate::core::Ends;
use crate::device::Inner;
use crate::gate::{Gate, Gated, Mode, Wire, reset};
use crate::lab::World;
use crate::{api, tls};

/// A service of all devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Api,
    ApiSsl,
    Ssh,
    Telnet,
}

impl Door {
    /// The door of a service, by its name in `/ip/service`.
    pub(crate) fn of(service: &str) -> Option<Self> {
        [Self::Api, Self::ApiSsl, Self::Ssh, Self::Telnet]
            .into_iter()
            .find(|door| door.name() == service)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::ApiSsl => "api-ssl",
            Self::Ssh => "ssh",
            Self::Telnet => "telnet",
        }
    }
}

/// A connection to a device, counted by it until this is dropped.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) world: Arc<World>,
    pub(crate) device: Arc<Inner>,
    pub(crate) id: u64,
    pub(crate) via: &'static str,
    pub(crate) peer: SocketAddr,
    pub(crate) gate: Gate,
}

impl Visit {
    /// Knocks at a door.
    pub(crate) fn new(world: Arc<World>, device: Arc<Inner>, door: Door, ends: Ends) -> Self {
        let (id, via) = (world.next_session(), door.name());
        let gate = device.open(id, via, ends);
        Self {
            world,
            device,
            id,
            via,
            peer: ends.peer,
            gate,
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.device.core().close_session(self.id);
    }
}

/// Opens a door.
pub(crate) async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let listener = TcpListener::bind(at).await;
    let listener = listener.with_context(|| format!("cannot listen at port {port}"))?;
    Ok(listener)
}

/// Answers a door.
#[expect(
    clippy::infinite_loop,
    reason = "ends with the lab, as all its tasks do"
)]
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener, door: Door) {
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => admit(&world, tcp, peer, door),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

fn admit(world: &Arc<World>, tcp: TcpStream, peer: SocketAddr, door: Door) {
    let device = tcp
        .local_addr()
        .ok()
        .and_then(|at| Some((world.at(at.ip())?, at.port())));
    let Some((device, port)) = device.filter(|_| peer.ip().is_loopback()) else {
        reset(&tcp);
        return;
    };
    let (device, world) = (Arc::clone(device), Arc::clone(world));
    let tasks = world.tasks.clone();
    tasks.spawn(async move {
        let ends = Ends {
            peer,
            port,
            is_inside: false,
        };
        let visit = Visit::new(world, device, door, ends);
        if visit.gate.mode() == Mode::Cut {
            if !visit.gate.is_gentle() {
                reset(&tcp);
            }
            return;
        }
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn off delays");
        }
        let stream = Gated::new(Wire::Tcp(tcp), visit.gate.clone());
        // A knock that meets silence waits here; it is let in if the network changes in time.
        if !visit.gate.passes().await {
            stream.refuse();
            return;
        }
        answer(door, visit, stream).await;
    });
}

/// Talks with somebody who was let in.
pub(crate) async fn answer(door: Door, visit: Visit, stream: Gated) {
    match door {
        Door::Api => api::serve(visit, stream).await,
        Door::ApiSsl => tls::serve(visit, stream).await,
        Door::Ssh => crate::ssh::serve(visit, stream).await,
        Door::Telnet => crate::telnet::serve(visit, stream).await,
    }
}
