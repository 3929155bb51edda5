//! Who follows what: notices from the bus, fanned out to the followers on this server.
//!
//! A notice is a hint, the database is the truth: a follower that missed some reads again. Every
//! queue is bounded, and a slow follower is told to start over, never waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tod_proto::api::devices::FleetUpdate;
use tod_proto::bus::{self, FleetNotice};
use tod_proto::id::TenantId;
use tod_service::bus::{Bus, BusError};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::api::App;

/// How many notices a follower may be behind.
const BEHIND: usize = 512;

/// What followers of a fleet are told at once.
pub type Updates = Arc<Vec<FleetUpdate>>;

/// How many batches of updates a follower may be behind.
const BATCHES: usize = 64;

/// The followers on this server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Fleet(Arc<Followers>);

#[derive(Debug, Default)]
struct Followers {
    notices: Mutex<HashMap<TenantId, broadcast::Sender<FleetNotice>>>,
    updates: Mutex<HashMap<TenantId, broadcast::Sender<Updates>>>,
}

impl Fleet {
    /// Listens to what changes in a tenant.
    pub fn follow(&self, tenant: TenantId) -> broadcast::Receiver<FleetNotice> {
        let mut tenants = locked(&self.0.notices);
        let sender = tenants
            .entry(tenant)
            .or_insert_with(|| broadcast::channel(BEHIND).0);
        sender.subscribe()
    }

    /// Listens to devices as they change. The first listener of a tenant has `read` start a reader
    /// for all of them.
    pub fn updates(
        &self,
        tenant: TenantId,
        read: impl FnOnce(broadcast::Sender<Updates>),
    ) -> broadcast::Receiver<Updates> {
        let mut tenants = locked(&self.0.updates);
        if let Some(sender) = tenants.get(&tenant) {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(BATCHES);
        tenants.insert(tenant, sender.clone());
        drop(tenants);
        read(sender);
        receiver
    }

    /// Whether nobody listens to `sender` any more; then its reader ends.
    pub fn ends(&self, tenant: TenantId, sender: &broadcast::Sender<Updates>) -> bool {
        let mut tenants = locked(&self.0.updates);
        let nobody = sender.receiver_count() == 0;
        if nobody {
            tenants.remove(&tenant);
        }
        nobody
    }

    /// Hands notices from the bus to followers until `stop`.
    pub async fn run(self, bus: Bus, stop: CancellationToken) -> Result<(), BusError> {
        while !stop.is_cancelled() {
            let mut notices = bus.subscribe::<FleetNotice>(bus::FLEET).await?;
            loop {
                let notice = tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    notice = notices.next() => notice,
                };
                let Some(notice) = notice else { break };
                self.hand_out(notice);
            }
        }
        Ok(())
    }

    fn hand_out(&self, notice: FleetNotice) {
        let mut tenants = locked(&self.0.notices);
        let tenant = tenant_of(&notice);
        let gone = tenants
            .get(&tenant)
            .is_some_and(|followers| followers.send(notice).is_err());
        if gone {
            tenants.remove(&tenant);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    /// Tells followers on every server. A notice that is lost costs time only.
    pub async fn tell(&self, notice: &FleetNotice) {
        let subject = bus::fleet_changed(tenant_of(notice));
        if let Err(error) = self.bus.notify(&subject, notice).await {
            tracing::debug!(%error, "followers are not told");
        }
    }
}

fn tenant_of(notice: &FleetNotice) -> TenantId {
    match notice {
        FleetNotice::Devices { tenant, .. }
        | FleetNotice::Deleted { tenant, .. }
        | FleetNotice::Events { tenant }
        | FleetNotice::Run { tenant, .. }
        | FleetNotice::Change { tenant, .. } => *tenant,
    }
}

/// Waits until a notice fits, some were missed, or `most` is over.
pub async fn told(
    notices: &mut broadcast::Receiver<FleetNotice>,
    most: Duration,
    fits: impl Fn(&FleetNotice) -> bool,
) {
    let heard = async {
        loop {
            match notices.recv().await {
                Ok(notice) if fits(&notice) => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        () = heard => {}
        () = tokio::time::sleep(most) => {}
    }
}
