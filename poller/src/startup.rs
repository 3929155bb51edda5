//! Configuration to poller: the composition root. Connects nothing before [`Poller::run`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tod_proto::bus;
use tod_proto::id::PollerId;
use tod_service::bus::Bus;
use tod_service::clock::Clock;
use tod_service::sealed::Recipient;
use tod_service::supervisor::Supervisor;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::device::dial::{Deadlines, Dialler};
use crate::device::tls::Tls;
use crate::fleet::Fleet;
use crate::lease::Leases;
use crate::relay::{RelayDial, Relays};
use crate::report::Spool;
use crate::task::Tasks;
use crate::worker::Kit;
use crate::worker::machine::Breaker;
use crate::worker::pace::Pace;

/// What a poller is told.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The zones that it serves.
    pub zones: Vec<Zone>,
    /// How much it may do at once.
    pub limits: Limits,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// When a device that does not answer is tried less often.
    pub breaker: Breaker,
    /// Sockets of the control plane: they are no devices, whatever the zones list.
    pub own: Vec<SocketAddr>,
    /// Authorities that are trusted beside those of this machine.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// A part of the world with addresses of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// The networks that its devices may live in. This machine, the link and multicast are only
    /// meant when they are listed by themselves.
    pub networks: Vec<IpNet>,
}

/// How much a poller may do at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections to devices that are under way: dialling, TLS, login.
    pub connects: usize,
    /// Connections for polls that begin within a second. What somebody waits for is not counted.
    pub connects_per_second: u32,
    /// Bytes of samples kept while the bus is away.
    pub spool_bytes: usize,
    /// Relays in all.
    pub relays: usize,
    /// Relays to one device.
    pub relays_per_device: usize,
    /// How long a relay may be silent.
    pub relay_idle: Duration,
    /// How long a relay may last.
    pub relay_total: Duration,
    /// Time between two requests for leases.
    pub lease_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connects: 256,
            connects_per_second: 200,
            spool_bytes: 64 << 20,
            relays: 200,
            relays_per_device: 5,
            relay_idle: Duration::from_mins(30),
            relay_total: Duration::from_hours(12),
            lease_every: Duration::from_secs(5),
        }
    }
}

/// What a poller is built from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The way to servers.
    pub bus: Bus,
    /// The time.
    pub clock: Clock,
    /// Owns every task.
    pub supervisor: Supervisor,
    /// How relays reach the server that asked.
    pub relay_dial: Arc<dyn RelayDial>,
}

/// A poller that is ready to run.
#[derive(Debug)]
pub struct Poller {
    id: PollerId,
    parts: Parts,
    fleet: Fleet,
    leases: Leases,
    recipient: Arc<Recipient>,
    spool: Spool,
    tasks: Tasks,
}

/// Puts a poller together.
pub fn build(config: Config, parts: Parts) -> anyhow::Result<Poller> {
    let id = PollerId::generate();
    let dialler = Arc::new(Dialler {
        deadlines: config.deadlines,
        own: config.own,
        tls: Tls::new(&config.authorities),
        budget: Semaphore::new(config.limits.connects),
    });
    let spool = Spool::new(config.limits.spool_bytes);
    let kit = Arc::new(Kit {
        poller: id,
        dialler: Arc::clone(&dialler),
        pace: Pace::new(config.limits.connects_per_second),
        clock: parts.clock.clone(),
        spool: spool.clone(),
        breaker: config.breaker,
    });
    let fleet = Fleet::new(Arc::clone(&kit), parts.supervisor.clone());
    let relays = Relays::new(
        dialler,
        Arc::clone(&parts.relay_dial),
        config.limits,
        parts.supervisor.clone(),
    );
    let recipient = Arc::new(Recipient::generate()?);
    let leases = Leases::new(
        config.zones,
        Arc::clone(&recipient),
        config.limits.lease_every,
        kit,
    );
    Ok(Poller {
        id,
        tasks: Tasks::new(fleet.clone(), relays),
        parts,
        fleet,
        leases,
        recipient,
        spool,
    })
}

impl Poller {
    /// What servers call it.
    pub fn id(&self) -> PollerId {
        self.id
    }

    /// Polls, and does what is asked, until `stop`; then gives all devices back.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            id,
            parts,
            fleet,
            mut leases,
            recipient,
            spool,
            tasks,
        } = self;
        tracing::info!(poller.id = %id, "poller started");
        let subject = bus::asked(id);
        let perform = |task| tasks.perform(task);
        let served =
            (parts.bus).serve_sealed(&subject, "poller", &recipient, stop.clone(), perform);
        let leased = leases.keep(&parts.bus, &fleet, stop.clone());
        let published = spool.drain(&parts.bus, stop.clone());
        let (served, (), ()) = tokio::join!(served, leased, published);
        fleet.clear();
        Ok(served?)
    }
}
