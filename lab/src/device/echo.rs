//! Echoes: whether a device gets an answer from an address, decided at both ends.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use routeros::row::Row as Record;

use super::Inner;
use crate::core::{Caller, Verdict};

impl Inner {
    /// Returns the time an echo takes, if the device has a way there and is answered.
    pub(crate) fn echo(self: &Arc<Self>, address: &str) -> Option<Duration> {
        let time = self.core().echo(address)?;
        let address: IpAddr = address.parse().ok()?;
        let own = IpAddr::V4(self.spec.address);
        if address == own {
            return Some(time);
        }
        let topology = &self.around.topology;
        let Some(other) = topology.at(address) else {
            let is_cut = topology.cut(&self.spec.name).is_some();
            return (is_host(address) && !is_cut).then_some(time);
        };
        let connects = topology.connects(&self.spec.name, &other.spec.name);
        (connects && other.core().answers_echo(own) == Verdict::Open).then_some(time)
    }

    /// Follows the way to an address: each hop with the time it took, as `traceroute` shows it.
    pub(crate) fn trace(self: &Arc<Self>, address: &str) -> Vec<Record> {
        let mut hops: Vec<(String, Option<Duration>)> = Vec::new();
        if !self.core().is_connected(address) {
            for hop in self.around.topology.hops(&self.spec.name) {
                let address = hop.spec.address.to_string();
                let time = self.echo(&address);
                hops.push((address, time));
            }
            let gateway = self.core().gateway_to(address);
            if let Some(gateway) = gateway.filter(|_| hops.is_empty()) {
                let time = self.echo(&gateway);
                hops.push((gateway, time));
            }
        }
        hops.push((address.to_owned(), self.echo(address)));
        hops.into_iter().map(hop_record).collect()
    }

    /// Asks the hosts that netwatch is to ask now, and runs what their answers lead to.
    pub(super) fn look(self: &Arc<Self>) {
        let looks = self.core().take_looks();
        for look in looks {
            let is_up = self.echo(&look.host).is_some();
            let script = self.core().note_look(&look, is_up);
            let Some(script) = script else { continue };
            let (label, source) = self.core().source_of(&script);
            let caller = Caller {
                user: "system".to_owned(),
                cause: format!("netwatch:{}", look.host),
                session: None,
                columns: None,
                watches: false,
            };
            let device = Arc::clone(self);
            self.tasks.spawn(async move {
                drop(device.run(caller, label, source).await);
            });
        }
    }
}

/// Says who answers that is no device of the lab: all the world beyond it, gateways, and the host
/// that the lab runs on.
fn is_host(address: IpAddr) -> bool {
    let is_gateway = matches!(address, IpAddr::V4(a) if matches!(a.octets(), [.., 253 | 254]));
    !address.is_loopback() || is_gateway || address == IpAddr::V4(Ipv4Addr::LOCALHOST)
}

fn hop_record((address, time): (String, Option<Duration>)) -> Record {
    let Some(time) = time else {
        return Record::new()
            .with("address", "")
            .with("loss", "100")
            .with("sent", "1")
            .with("last", "timeout")
            .with("status", "");
    };
    let ms = format!("{:.1}", time.as_secs_f64() * 1000.0);
    Record::new()
        .with("address", address)
        .with("loss", "0")
        .with("sent", "1")
        .with("last", &ms)
        .with("avg", &ms)
        .with("best", &ms)
        .with("worst", &ms)
        .with("std-dev", "0")
        .with("status", "")
}
