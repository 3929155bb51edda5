//! A running lab: devices, doors, clock and record.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tod_proto::lab::Entry;

use crate::clock::Clock;
use crate::core::{Pace, Ports, Surroundings};
use crate::device::{Device, Inner, Tasks};
use crate::door::{self, Door};
use crate::fleet::Fleet;
use crate::ledger::Ledger;

/// How a lab is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port of the API; 0 takes any.
    pub api_port: u16,
    /// The port of the API over TLS; 0 takes any.
    pub api_ssl_port: u16,
    /// The port of SSH; 0 takes any.
    pub ssh_port: u16,
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
            reboot: Duration::from_secs(3),
            session_death: Duration::from_secs(20),
        }
    }
}

impl Options {
    /// Takes the ports that devices usually have; SSH is at 2222.
    #[must_use]
    pub fn usual_ports(mut self) -> Self {
        (self.api_port, self.api_ssl_port, self.ssh_port) = (8728, 8729, 2222);
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
    pub(crate) tasks: Tasks,
    next_session: AtomicU64,
}

impl World {
    pub(crate) fn at(&self, address: IpAddr) -> Option<&Arc<Inner>> {
        self.by_address.get(&address)
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

    pub(crate) fn next_session(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }
}

impl Lab {
    /// Starts a lab of these devices.
    pub async fn start(fleet: Fleet, options: Options) -> anyhow::Result<Self> {
        fleet.check()?;
        let tasks = Tasks::default();
        let api = door::bind(options.api_port).await?;
        let api_ssl = door::bind(options.api_ssl_port).await?;
        let ssh = door::bind(options.ssh_port).await?;
        let around = Surroundings {
            ports: Ports {
                api: api.local_addr()?.port(),
                api_ssl: api_ssl.local_addr()?.port(),
                ssh: ssh.local_addr()?.port(),
            },
            pace: Pace {
                reboot: options.reboot,
                session_death: options.session_death,
            },
            clock: Arc::new(Clock::start()),
            ledger: Arc::default(),
        };
        let order = fleet.devices.iter().map(|d| d.name.clone()).collect();
        let devices = fleet
            .devices
            .into_iter()
            .map(|spec| Inner::new(spec, around.clone(), tasks.clone()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let address = |d: &Arc<Inner>| IpAddr::V4(d.spec.address);
        let world = Arc::new(World {
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
            tasks,
            next_session: AtomicU64::new(1),
        });
        for (listener, door) in [(api, Door::Api), (api_ssl, Door::ApiSsl), (ssh, Door::Ssh)] {
            world
                .tasks
                .spawn(door::serve(Arc::clone(&world), listener, door));
        }
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
