//! The SNMP door: one UDP socket for all devices, versions 1, 2c and 3.

use std::net::IpAddr;
use std::sync::Arc;

use crate::core::{Core, Verdict};
use crate::device::Inner;
use crate::lab::World;
use crate::tree::Row;
use crate::udp::{Datagram, Datagrams};
use crate::value::address_matches;

mod ber;
mod crypt;
mod mib;
mod pdu;
mod usm;

use ber::Reader;
use pdu::Pdu;
use usm::Keys;

/// Answers the door.
#[expect(
    clippy::infinite_loop,
    reason = "ends with the lab, as all its tasks do"
)]
pub(crate) async fn serve(world: Arc<World>, socket: Datagrams) {
    let mut keys = Keys::default();
    loop {
        match socket.receive().await {
            Ok(datagram) => {
                if let Some((bytes, from)) = answer(&world, &datagram, &mut keys)
                    && let Err(error) = socket.send(&bytes, datagram.from, from).await
                {
                    tracing::debug!(%error, "cannot answer over SNMP");
                }
            }
            Err(error) => tracing::debug!(%error, "cannot hear SNMP"),
        }
    }
}

/// Returns what a device answers to a datagram, if anything.
fn answer(
    world: &World,
    datagram: &Datagram,
    keys: &mut Keys,
) -> Option<(Vec<u8>, std::net::Ipv4Addr)> {
    let device = world.at(IpAddr::V4(datagram.to))?;
    if !datagram.from.ip().is_loopback() {
        return None;
    }
    let peer = IpAddr::V4(*datagram.from.ip());
    if !hears(device, peer) {
        return None;
    }
    let mut message = Reader::new(&datagram.bytes).sequence()?;
    let bytes = match message.integer()? {
        version @ (0 | 1) => plain(device, message, version, peer)?,
        3 => usm::answer(device, &datagram.bytes, message, peer, keys)?,
        _ => return None,
    };
    Some((bytes, datagram.to))
}

/// Says whether SNMP is on, and reached from a peer.
fn hears(device: &Arc<Inner>, peer: IpAddr) -> bool {
    let core = device.core();
    let is_on = matches!(core.tree.single("/snmp", "enabled"), Some("true" | "yes"));
    is_on && core.reaches_udp(core.ports.snmp, peer) == Verdict::Open
}

/// Answers version 1 (0) or 2c (1).
fn plain(
    device: &Arc<Inner>,
    mut message: Reader<'_>,
    version: i64,
    peer: IpAddr,
) -> Option<Vec<u8>> {
    let name = message.octets()?;
    let core = device.core();
    let community = core.community(&crate::text::decode(name), peer)?;
    // What must be signed cannot be had without a signature.
    if community.get("security").is_some_and(|s| s != "none") {
        return None;
    }
    let pdu = Pdu::read(&mut message)?;
    let answer = pdu::answer(&pdu, &core.mib(), version == 0);
    let mut content = Vec::new();
    ber::put_integer(&mut content, ber::INTEGER, version);
    ber::put(&mut content, ber::OCTETS, name);
    content.extend(answer.write());
    let mut out = Vec::new();
    ber::put(&mut out, ber::SEQUENCE, &content);
    Some(out)
}

impl Core {
    /// Returns a community that may read from a peer.
    fn community(&self, name: &str, peer: IpAddr) -> Option<Row> {
        let mut communities = self.tree.rows("/snmp/community").iter();
        let community = communities.find(|r| r.get("name") == Some(name))?;
        let networks = community.get("addresses").unwrap_or("::/0");
        let is_near = networks
            .split(',')
            .any(|n| matches!(n, "" | "::/0" | "0.0.0.0/0") || address_matches(n, peer));
        let reads = !matches!(community.get("read-access"), Some("false" | "no"));
        (is_near && reads && !community.is("disabled")).then(|| community.clone())
    }
}
