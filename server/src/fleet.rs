//! Who follows what: notices from the bus, fanned out to the followers on this server.
//!
//! A notice is a hint, the database is the truth: a follower that missed some reads again. Every
//! queue is bounded, and a slow follower is told to start over, never waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use tod_proto::bus::{self, FleetNotice};
use tod_proto::id::TenantId;
use tod_service::bus::{Bus, BusError};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::api::App;

/// How many notices a follower may be behind.
const BEHIND: usize = 512;

/// The followers on this server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Fleet(Arc<Mutex<HashMap<TenantId, broadcast::Sender<FleetNotice>>>>);

impl Fleet {
    /// Listens to what changes in a tenant.
    pub fn follow(&self, tenant: TenantId) -> broadcast::Receiver<FleetNotice> {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = tenants
            .entry(tenant)
            .or_insert_with(|| broadcast::channel(BEHIND).0);
        sender.subscribe()
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
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant = tenant_of(&notice);
        let gone = tenants
            .get(&tenant)
            .is_some_and(|followers| followers.send(notice).is_err());
        if gone {
            tenants.remove(&tenant);
        }
    }
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
