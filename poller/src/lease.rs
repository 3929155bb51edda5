//! Asks servers for devices, and gives them back.
//!
//! **Invariant:** when no server has answered for as long as the last answer is good, no device is
//! touched any more, whoever is to blame.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use futures_util::StreamExt as _;
use secrecy::SecretString;
use tod_proto::bus::lease::{Assignment, LeaseReply, LeaseRequest, Poke};
use tod_proto::bus::sample::{Failure, FailureKind, Outcome, Sample};
use tod_proto::bus::{LEASE, poked};
use tod_proto::id::{DeviceId, PollerId};
use tod_proto::untrusted::Untrusted;
use tod_service::bus::{Bus, BusError, Subscription};
use tod_service::sealed::Recipient;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::device::Target;
use crate::fleet::Fleet;
use crate::startup::Zone;
use crate::worker::Kit;

/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long giving back may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Which devices this poller may touch, and for how long.
#[derive(Debug)]
pub struct Leases {
    poller: PollerId,
    zones: BTreeMap<String, Arc<Zone>>,
    recipient: Arc<Recipient>,
    every: Duration,
    kit: Arc<Kit>,
    /// Assignments that cannot be taken. They are told as known, so that they come again only when
    /// they have changed, and the others come at all.
    unfit: BTreeMap<DeviceId, u64>,
}

/// Why an assignment cannot be taken.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("it is of the zone `{0}`, which this poller does not serve")]
    Zone(String),
    #[error("its password does not open")]
    Password,
}

impl Leases {
    /// Asks for devices of `zones` every so often.
    pub fn new(
        zones: Vec<Zone>,
        recipient: Arc<Recipient>,
        every: Duration,
        kit: Arc<Kit>,
    ) -> Self {
        let zones = zones
            .into_iter()
            .map(|zone| (zone.name.clone(), Arc::new(zone)));
        Self {
            poller: kit.poller,
            zones: zones.collect(),
            recipient,
            every,
            kit,
            unfit: BTreeMap::new(),
        }
    }

    /// Keeps the fleet to what servers say, until `stop`; then gives everything back.
    pub async fn keep(&mut self, bus: &Bus, fleet: &Fleet, stop: CancellationToken) {
        let mut pokes: Option<Subscription<Poke>> = None;
        let mut good_until = None;
        let mut is_away = false;
        while !stop.is_cancelled() {
            if pokes.is_none() {
                pokes = bus.subscribe(&poked(self.poller)).await.ok();
            }
            match self.ask(bus, fleet, good_until).await {
                Ok(reply) => {
                    is_away = false;
                    let ttl = Duration::from_secs(reply.ttl_seconds.into());
                    good_until = Some(Instant::now() + ttl);
                    let more = reply.more;
                    self.apply(fleet, reply);
                    if more {
                        continue;
                    }
                }
                Err(error) if !is_away => {
                    is_away = true;
                    tracing::warn!(%error, "no server answers, leases run on");
                }
                Err(_) => {}
            }
            if good_until.is_some_and(|until| until <= Instant::now()) {
                good_until = None;
                tracing::error!(devices = fleet.len(), "leases have lapsed");
                fleet.clear();
                self.unfit.clear();
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(self.every.mul_f64(rand::random_range(0.9..=1.0))) => {}
                () = lapse(good_until) => {}
                poke = next(&mut pokes) => if poke.is_none() {
                    pokes = None;
                },
            }
        }
        self.leave(bus, fleet).await;
    }

    async fn ask(
        &self,
        bus: &Bus,
        fleet: &Fleet,
        good_until: Option<Instant>,
    ) -> Result<LeaseReply, BusError> {
        let left = good_until.map(|until| until.saturating_duration_since(Instant::now()));
        let deadline = left.map_or(ANSWER, |left| left.min(ANSWER));
        bus.request(LEASE, &self.request(self.holds(fleet), false), deadline)
            .await
    }

    async fn leave(&self, bus: &Bus, fleet: &Fleet) {
        let request = self.request(self.holds(fleet), true);
        fleet.clear();
        let left = bus
            .request::<_, LeaseReply>(LEASE, &request, FAREWELL)
            .await;
        if let Err(error) = left {
            tracing::debug!(%error, "nobody took the devices back, their leases will lapse");
        }
    }

    fn holds(&self, fleet: &Fleet) -> Vec<(DeviceId, u64)> {
        let unfit = self
            .unfit
            .iter()
            .map(|(&device, &revision)| (device, revision));
        fleet.holds().into_iter().chain(unfit).collect()
    }

    fn request(&self, holds: Vec<(DeviceId, u64)>, leaving: bool) -> LeaseRequest {
        LeaseRequest {
            poller: self.poller,
            zones: self.zones.keys().cloned().collect(),
            public_key: hex::encode(self.recipient.public_key().as_bytes()),
            holds,
            leaving,
        }
    }

    fn apply(&mut self, fleet: &Fleet, reply: LeaseReply) {
        for device in reply.withdraw {
            self.unfit.remove(&device);
            fleet.release(device);
        }
        for assignment in reply.assign {
            self.unfit.remove(&assignment.device);
            match self.open(&assignment) {
                Ok((zone, password)) => fleet.hold(Target::new(assignment, password, zone)),
                Err(error) => {
                    fleet.release(assignment.device);
                    self.refuse(&assignment, &error);
                }
            }
        }
    }

    /// Says why a device is not polled, where people look.
    fn refuse(&mut self, assignment: &Assignment, error: &Unfit) {
        tracing::error!(device.id = %assignment.device, %error, "an assignment is not taken");
        self.unfit.insert(assignment.device, assignment.revision);
        self.kit.spool.push(Sample {
            tenant: assignment.tenant,
            device: assignment.device,
            poller: self.poller,
            fence: assignment.fence,
            at: self.kit.clock.now(),
            poll_ms: 0,
            logins: 0,
            outcome: Outcome::Failed(Failure {
                kind: FailureKind::Other,
                message: Untrusted::new(format!("the poller cannot take the device: {error}")),
                failures: 1,
                retry_seconds: None,
            }),
        });
    }

    fn open(&self, assignment: &Assignment) -> Result<(Arc<Zone>, SecretString), Unfit> {
        let zone = self.zones.get(&assignment.zone);
        let zone = zone.ok_or_else(|| Unfit::Zone(assignment.zone.escape_debug().to_string()))?;
        let password = self.password(assignment).ok_or(Unfit::Password)?;
        Ok((Arc::clone(zone), password))
    }

    fn password(&self, assignment: &Assignment) -> Option<SecretString> {
        let sealed = &assignment.sealed_password;
        let sealed = STANDARD
            .decode(sealed)
            .or_else(|_| STANDARD_NO_PAD.decode(sealed))
            .ok()?;
        let bound_to = assignment.device.to_string();
        let plain = self.recipient.open(bound_to.as_bytes(), &sealed).ok()?;
        Some(std::str::from_utf8(&plain).ok()?.into())
    }
}

async fn lapse(good_until: Option<Instant>) {
    match good_until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn next(pokes: &mut Option<Subscription<Poke>>) -> Option<Poke> {
    match pokes {
        Some(pokes) => pokes.next().await,
        None => std::future::pending().await,
    }
}
