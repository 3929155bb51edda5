//! A running lab: devices, doors, clock and record.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tod_proto::lab::{Entry, TimedFault};
use tokio::net::TcpListener;

use crate::clock::{Clock, Tick};
use crate::core::{Pace, Ports, Surroundings};
use crate::device::{Device, Inner, Tasks};
use crate::door::{self, Door};
use crate::feed::Feed;
use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::topology::Topology;
use crate::udp::Datagrams;
use crate::{feed, limits, mndp, snmp};

/// How a lab is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port of the API; 0 takes any.
    pub api_port: u16,
    /// The port of the API over TLS; 0 takes any.
    pub api_ssl_port: u16,
    /// The port of SSH; 0 takes any.
    pub ssh_port: u16,
    /// The port of SNMP, over UDP; 0 takes any.
    pub snmp_port: u16,
    /// The port of telnet; 0 takes any.
    pub telnet_port: u16,
    /// The port of MNDP, over UDP, if devices announce themselves; 5678 is what others listen at.
    pub mndp_port: Option<u16>,
    /// The port of the feed of releases, over HTTP, if others are to read it.
    pub feed_port: Option<u16>,
    /// How long a device takes to boot.
    pub reboot: Duration,
    /// After how much silence a device gives up an open connection; minutes on real ones.
    pub session_death: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_port: 0,
            api_ssl_port: 0,
            ssh_port: 0,
            snmp_port: 0,
            telnet_port: 0,
            mndp_port: None,
            feed_port: None,
            reboot: Duration::from_secs(3),
            session_death: Duration::from_secs(20),
        }
    }
}

impl Options {
    /// Takes the ports that devices usually have; SSH is at 2222, SNMP at 1161, telnet at 2323.
    #[must_use]
    pub fn usual_ports(mut self) -> Self {
        (self.api_port, self.api_ssl_port, self.ssh_port) = (8728, 8729, 2222);
        (self.snmp_port, self.telnet_port) = (1161, 2323);
        self
    }
}

/// A running lab. Dropping it stops all its devices.
#[derive(Debug)]
pub struct Lab {
    pub(crate) world: Arc<World>,
}

/// What the doors see of a lab.
#[derive(Debug)]
pub(crate) struct World {
    by_address: BTreeMap<IpAddr, Arc<Inner>>,
    by_name: BTreeMap<String, Arc<Inner>>,
    order: Vec<String>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) tasks: Tasks,
    next_session: AtomicU64,
}

/// The doors of all devices, open but not answered yet.
struct Doors {
    streams: [(TcpListener, Door); 4],
    snmp: Datagrams,
    mndp: Option<Datagrams>,
    feed: Option<TcpListener>,
}

impl Doors {
    async fn open(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            streams: [
                (door::bind(options.api_port).await?, Door::Api),
                (door::bind(options.api_ssl_port).await?, Door::ApiSsl),
                (door::bind(options.ssh_port).await?, Door::Ssh),
                (door::bind(options.telnet_port).await?, Door::Telnet),
            ],
            snmp: Datagrams::bind(options.snmp_port)?,
            mndp: options.mndp_port.map(Datagrams::bind).transpose()?,
            feed: match options.feed_port {
                Some(port) => Some(door::bind(port).await?),
                None => None,
            },
        })
    }

    fn ports(&self) -> anyhow::Result<Ports> {
        let [api, api_ssl, ssh, telnet] = &self.streams;
        let port = |(listener, _): &(TcpListener, Door)| listener.local_addr().map(|a| a.port());
        Ok(Ports {
            api: port(api)?,
            api_ssl: port(api_ssl)?,
            ssh: port(ssh)?,
            telnet: port(telnet)?,
            snmp: self.snmp.port()?,
        })
    }

    fn serve(self, world: &Arc<World>) -> anyhow::Result<()> {
        let tasks = &world.tasks;
        for (listener, door) in self.streams {
            tasks.spawn(door::serve(Arc::clone(world), listener, door));
        }
        tasks.spawn(snmp::serve(Arc::clone(world), self.snmp));
        if let Some(listener) = self.feed {
            let feed = Arc::clone(&world.feed);
            tasks.spawn(feed::serve(feed, listener, tasks.clone()));
        }
        if let Some(mndp) = self.mndp {
            let port = mndp.port()?;
            tasks.spawn(mndp::serve(Arc::clone(world), mndp, port));
        }
        Ok(())
    }
}

/// Lets a fault come, and go.
async fn come_and_go(device: Arc<Inner>, timed: TimedFault) {
    let clock = Arc::clone(&device.around.clock);
    let start = Tick::default().plus(Duration::from_secs(timed.at_s));
    if timed.at_s > 0 {
        clock.until(start).await;
        device.core().inject(timed.fault.clone());
    }
    if let Some(seconds) = timed.for_s {
        clock.until(start.plus(Duration::from_secs(seconds))).await;
        device.core().clear_fault(&timed.fault);
    }
}

impl World {
    fn of(fleet: Fleet, around: Surroundings) -> anyhow::Result<Self> {
        let tasks = Tasks::default();
        let order = fleet.devices.iter().map(|d| d.name.clone()).collect();
        let devices = fleet
            .devices
            .into_iter()
            .map(|spec| Inner::new(spec, around.clone(), tasks.clone()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let address = |d: &Arc<Inner>| IpAddr::V4(d.spec.address);
        Ok(Self {
            by_address: devices
                .iter()
                .map(|d| (address(d), Arc::clone(d)))
                .collect(),
            by_name: devices
                .into_iter()
                .map(|d| (d.spec.name.clone(), d))
                .collect(),
            order,
            clock: around.clock,
            ledger: around.ledger,
            feed: around.feed,
            tasks,
            next_session: AtomicU64::new(1),
        })
    }

    pub(crate) fn at(&self, address: IpAddr) -> Option<&Arc<Inner>> {
        self.by_address.get(&address)
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Inner>> {
        self.by_name.get(name)
    }

    pub(crate) fn device(&self, name: &str) -> Option<Device> {
        self.by_name.get(name).cloned().map(Device)
    }

    /// Returns all devices, in the order of the fleet.
    pub(crate) fn devices(&self) -> Vec<Device> {
        self.order
            .iter()
            .filter_map(|name| self.device(name))
            .collect()
    }

    pub(crate) fn inners(&self) -> impl Iterator<Item = &Arc<Inner>> {
        self.by_address.values()
    }

    /// Returns the devices that somebody has touched.
    pub(crate) fn touched(&self) -> Vec<Arc<Inner>> {
        let touched = self.inners().filter(|d| d.is_touched());
        touched.cloned().collect()
    }

    /// Lets faults come and go when the fleet says so; those from the start are there already.
    fn schedule_faults(&self) {
        for device in self.inners() {
            for timed in &device.spec.faults {
                if timed.at_s == 0 && timed.for_s.is_none() {
                    continue;
                }
                let (device, timed) = (Arc::clone(device), timed.clone());
                self.tasks.spawn(come_and_go(device, timed));
            }
        }
    }

    pub(crate) fn next_session(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }
}

impl Lab {
    /// Starts a lab of these devices.
    pub async fn start(fleet: Fleet, options: Options) -> anyhow::Result<Self> {
        fleet.check()?;
        limits::raise(fleet.devices.len())?;
        let doors = Doors::open(&options).await?;
        let topology = Arc::new(Topology::of(&fleet)?);
        let around = Surroundings {
            ports: doors.ports()?,
            pace: Pace {
                reboot: options.reboot,
                session_death: options.session_death,
            },
            clock: Arc::new(Clock::start()),
            ledger: Arc::default(),
            topology: Arc::clone(&topology),
            feed: Arc::default(),
        };
        let world = Arc::new(World::of(fleet, around)?);
        topology.join(&world);
        doors.serve(&world)?;
        world.schedule_faults();
        Ok(Self { world })
    }

    /// Returns a device by its name in the fleet.
    pub fn device(&self, name: &str) -> Option<Device> {
        self.world.device(name)
    }

    /// Returns all devices, in the order of the fleet.
    pub fn devices(&self) -> Vec<Device> {
        self.world.devices()
    }

    /// Returns what was done to all devices, after an entry's number.
    pub fn log(&self, since: u64) -> Vec<Entry> {
        self.world.ledger.read(None, since)
    }

    /// Lets time pass at once, for all devices.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// Returns the lab's time.
    pub fn now(&self) -> jiff::Timestamp {
        self.world.clock.wall(self.world.clock.now())
    }

    /// Stops all devices and waits for their tasks.
    pub async fn stop(self) {
        self.world.tasks.stop.cancel();
        self.world.tasks.tracker.close();
        self.world.tasks.tracker.wait().await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.world.tasks.stop.cancel();
    }
}
