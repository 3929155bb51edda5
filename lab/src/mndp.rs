//! MNDP: devices say who they are, to whoever asks and now and then to everybody.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::core::{Core, Power};
use crate::lab::World;
use crate::udp::{Datagram, Datagrams};

/// How often devices that somebody has touched announce themselves.
const EVERY: Duration = Duration::from_secs(30);

/// Where everybody on loopback hears it.
const EVERYBODY: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

/// Answers who asks, and announces.
pub(crate) async fn serve(world: Arc<World>, socket: Datagrams, port: u16) {
    let mut sequence = 0_u16;
    let mut due = world.clock.now().plus(EVERY);
    loop {
        let heard = tokio::select! {
            heard = socket.receive() => heard.ok(),
            () = world.clock.until(due) => {
                due = world.clock.now().plus(EVERY);
                None
            }
        };
        sequence = sequence.wrapping_add(1);
        match heard {
            Some(datagram) if datagram.bytes == [0; 4] => {
                reply(&world, &socket, &datagram, sequence).await;
            }
            Some(_) => {}
            None => {
                let everybody = SocketAddrV4::new(EVERYBODY, port);
                for device in world.touched() {
                    tell(&socket, &device, everybody, sequence).await;
                }
            }
        }
    }
}

/// Answers a question: the device it was sent to, or all of them.
async fn reply(world: &World, socket: &Datagrams, datagram: &Datagram, sequence: u16) {
    if !datagram.from.ip().is_loopback() {
        return;
    }
    if datagram.to == EVERYBODY {
        for device in world.inners() {
            tell(socket, device, datagram.from, sequence).await;
        }
    } else if let Some(device) = world.at(datagram.to.into()) {
        tell(socket, device, datagram.from, sequence).await;
    }
}

async fn tell(
    socket: &Datagrams,
    device: &Arc<crate::device::Inner>,
    to: SocketAddrV4,
    sequence: u16,
) {
    let bytes = device.core().announcement(sequence);
    if let Some(bytes) = bytes
        && let Err(error) = socket.send(&bytes, to, device.spec.address).await
    {
        tracing::debug!(%error, "cannot announce a device");
    }
}

impl Core {
    /// Returns what the device says of itself; nothing if it cannot be heard.
    fn announcement(&self, sequence: u16) -> Option<Vec<u8>> {
        let ingress = self.ingress().filter(|_| self.power == Power::On)?;
        if self.has_fault(|f| *f == tod_proto::lab::Fault::Silent) {
            return None;
        }
        let mut out = vec![0, 0];
        out.extend(sequence.to_be_bytes());
        let port = self.interfaces().into_iter().find(|i| i.kind == "ether")?;
        let set = port.row.get("mac-address").map(str::to_owned);
        let mac = set.unwrap_or_else(|| self.mac_of(&port));
        let mac: Vec<u8> = mac
            .split(':')
            .filter_map(|p| u8::from_str_radix(p, 16).ok())
            .collect();
        let uptime = u32::try_from(self.uptime().as_secs()).unwrap_or(u32::MAX);
        let version = self.release.announced();
        let identity = crate::text::encode(self.identity());
        put(&mut out, 1, &mac);
        put(&mut out, 5, &identity);
        put(&mut out, 7, version.as_bytes());
        put(&mut out, 8, b"MikroTik");
        // The only number here that begins with its smallest byte.
        put(&mut out, 10, &uptime.to_le_bytes());
        put(&mut out, 11, self.software_id().as_bytes());
        put(&mut out, 12, self.board.name.as_bytes());
        put(&mut out, 14, &[0]);
        put(&mut out, 16, ingress.as_bytes());
        put(&mut out, 17, &self.spec.address.octets());
        Some(out)
    }
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let value = value.get(..512).unwrap_or(value);
    out.extend(kind.to_be_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(value);
}
