//! Forwarding: connections that begin at a device, for a client that is signed in over SSH.
//!
//! `/ip/ssh forwarding-enabled` says whether there are any, and new devices have none. They lead to
//! the device's own services and to those of other devices of the lab that it has a way to. The
//! device's chains and services decide over them as over any other connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use russh::server::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelOpenFailure};

use crate::core::{Core, Ends};
use crate::device::Inner;
use crate::door::{self, Door, Visit};
use crate::gate::{Gated, Wire};

/// What a client wants to be connected with.
pub(super) struct Wish {
    pub(super) channel: Channel<Msg>,
    pub(super) reply: ChannelOpenHandle,
    pub(super) host: String,
    pub(super) port: u32,
    pub(super) originator_port: u32,
}

/// Connects, beside the session: what is asked may meet silence.
pub(super) fn grant(visit: &Arc<Visit>, wish: Wish) {
    let visit = Arc::clone(visit);
    let tasks = visit.device.tasks.clone();
    tasks.spawn(async move {
        if !visit.device.core().forwards() {
            let why = ChannelOpenFailure::AdministrativelyProhibited;
            return wish.reply.reject(why).await;
        }
        let Some((door, inner)) = knock(&visit, &wish) else {
            return wish.reply.reject(ChannelOpenFailure::ConnectFailed).await;
        };
        // The session that it belongs to may end while it waits.
        drop(visit);
        if !inner.gate.passes().await {
            return wish.reply.reject(ChannelOpenFailure::ConnectFailed).await;
        }
        wish.reply.accept().await;
        let wire = Wire::Channel(Box::pin(wish.channel.into_stream()));
        let stream = Gated::new(wire, inner.gate.clone());
        door::answer(door, inner, stream).await;
    });
}

/// Knocks at what is asked for; nothing if nobody listens there.
fn knock(visit: &Visit, wish: &Wish) -> Option<(Door, Visit)> {
    let port = u16::try_from(wish.port).ok()?;
    let (device, own, is_inside) = target(&visit.device, &wish.host)?;
    let service = {
        let core = device.core();
        core.service_at(port)?.get("name")?.to_owned()
    };
    let door = Door::of(&service)?;
    let peer_port = u16::try_from(wish.originator_port).unwrap_or_default();
    let ends = Ends {
        peer: SocketAddr::new(own, peer_port),
        port,
        is_inside,
    };
    let inner = Visit::new(Arc::clone(&visit.world), device, door, ends);
    Some((door, inner))
}

/// Returns the device at an address, the address it is reached from, and whether it is the same.
fn target(device: &Arc<Inner>, host: &str) -> Option<(Arc<Inner>, IpAddr, bool)> {
    let own = IpAddr::V4(device.spec.address);
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let address: IpAddr = match host {
        "localhost" | "::1" => localhost,
        host => host.parse().ok()?,
    };
    if address == localhost || address == own {
        return Some((Arc::clone(device), address, true));
    }
    let topology = &device.around.topology;
    let other = topology.at(address)?;
    let has_way = device.core().egress(address).is_some();
    let is_reached = has_way && topology.connects(&device.spec.name, &other.spec.name);
    is_reached.then_some((other, own, false))
}

impl Core {
    /// Says whether clients may be connected with others by way of the device.
    fn forwards(&self) -> bool {
        let set = self.tree.single("/ip/ssh", "forwarding-enabled");
        matches!(set, Some("local" | "both"))
    }
}
