//! One wildcard UDP socket for all devices: who was meant, and from whom an answer comes.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd as _;

use anyhow::Context as _;
use nix::cmsg_space;
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
    sockopt::{Broadcast, Ipv4PacketInfo, ReuseAddr},
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Longer datagrams are cut off.
const DATAGRAM: usize = 64 << 10;

/// A datagram, with who sent it to which address.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) bytes: Vec<u8>,
    pub(crate) from: SocketAddrV4,
    pub(crate) to: Ipv4Addr,
}

/// A socket that hears what is sent to any address.
#[derive(Debug)]
pub(crate) struct Datagrams(UdpSocket);

impl Datagrams {
    /// Opens a port; 0 takes any.
    pub(crate) fn bind(port: u16) -> anyhow::Result<Self> {
        let open = || -> io::Result<UdpSocket> {
            let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
            socket.set_nonblocking(true)?;
            setsockopt(&socket, Ipv4PacketInfo, &true)?;
            setsockopt(&socket, Broadcast, &true)?;
            setsockopt(&socket, ReuseAddr, &true)?;
            UdpSocket::from_std(socket)
        };
        let socket = open().with_context(|| format!("cannot listen at UDP port {port}"))?;
        Ok(Self(socket))
    }

    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Waits for a datagram.
    pub(crate) async fn receive(&self) -> io::Result<Datagram> {
        let mut buffer = vec![0; DATAGRAM];
        let read = || {
            let mut space = cmsg_space!(in_pktinfo);
            let mut pieces = [IoSliceMut::new(&mut buffer)];
            let message = recvmsg::<SockaddrIn>(
                self.0.as_raw_fd(),
                &mut pieces,
                Some(&mut space),
                MsgFlags::MSG_DONTWAIT,
            )?;
            let to = message.cmsgs()?.find_map(|c| match c {
                ControlMessageOwned::Ipv4PacketInfo(info) => Some(address(info.ipi_addr)),
                _ => None,
            });
            let from = message.address.map(SocketAddrV4::from);
            Ok((message.bytes, from, to))
        };
        let (count, from, to) = self.0.async_io(Interest::READABLE, read).await?;
        buffer.truncate(count);
        let ends = from.zip(to).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Datagram {
            bytes: buffer,
            from: ends.0,
            to: ends.1,
        })
    }

    /// Sends a datagram as if from a device.
    pub(crate) async fn send(
        &self,
        bytes: &[u8],
        to: SocketAddrV4,
        from: Ipv4Addr,
    ) -> io::Result<()> {
        let write = || {
            let info = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr {
                    s_addr: u32::from_ne_bytes(from.octets()),
                },
                ipi_addr: in_addr { s_addr: 0 },
            };
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            let pieces = [IoSlice::new(bytes)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let target = SockaddrIn::from(to);
            sendmsg(self.0.as_raw_fd(), &pieces, &control, flags, Some(&target))?;
            Ok(())
        };
        self.0.async_io(Interest::WRITABLE, write).await
    }
}

fn address(raw: in_addr) -> Ipv4Addr {
    Ipv4Addr::from(raw.s_addr.to_ne_bytes())
}
