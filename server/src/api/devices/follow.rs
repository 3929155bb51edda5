//! Follows the fleet. What changed is read once for all followers of a tenant on this server.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tod_proto::api::devices::{FleetUpdate, Follow};
use tod_proto::bus::FleetNotice;
use tod_proto::id::{DeviceId, TenantId};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use super::store;
use crate::api::error::Error;
use crate::api::route::{FeedItem, FeedReq};
use crate::api::{App, Cx};
use crate::fleet::Updates;

/// For how long changes are gathered before they are read.
const GATHER: Duration = Duration::from_millis(150);
/// How often a reader looks whether anybody is left.
const LOOK: Duration = Duration::from_secs(5);
/// How many devices are read at once.
const PAGE: usize = 500;

pub(super) async fn follow(
    cx: Cx,
    req: FeedReq<Follow>,
) -> Result<impl Stream<Item = FeedItem<FleetUpdate>> + Send + 'static, Error> {
    let tenant = req.path;
    let updates = cx.app.fleet.updates(tenant, |sender| {
        let app = cx.app.clone();
        let job = read_all(app, tenant, sender);
        cx.app
            .supervisor
            .spawn_job(format!("followers of {tenant}"), job);
    });
    // Who comes back may have missed something.
    let mut ready = VecDeque::new();
    if req.after.is_some() {
        ready.push_back(FleetUpdate::Resync);
    }
    Ok(futures_util::stream::unfold((updates, ready), next))
}

type Following = (Receiver<Updates>, VecDeque<FleetUpdate>);

async fn next((mut updates, mut ready): Following) -> Option<(FeedItem<FleetUpdate>, Following)> {
    loop {
        if let Some(item) = ready.pop_front() {
            // Any cursor will do: it tells that the client has been here before.
            let cursor = Some("1".to_owned());
            return Some((FeedItem { cursor, item }, (updates, ready)));
        }
        match updates.recv().await {
            Ok(batch) => ready.extend(batch.iter().cloned()),
            Err(RecvError::Lagged(_)) => ready.push_back(FleetUpdate::Resync),
            Err(RecvError::Closed) => return None,
        }
    }
}

/// Reads what changed in a tenant for as long as somebody follows it.
async fn read_all(app: App, tenant: TenantId, sender: Sender<Updates>) {
    let mut notices = app.fleet.follow(tenant);
    let stop = app.supervisor.stop();
    loop {
        let mut changed = Changed::default();
        tokio::select! {
            () = stop.cancelled() => return,
            notice = notices.recv() => changed.note(notice),
            () = tokio::time::sleep(LOOK) => {
                if app.fleet.ends(tenant, &sender) {
                    return;
                }
            }
        }
        if changed.is_empty() {
            continue;
        }
        let until = tokio::time::Instant::now() + GATHER;
        while let Ok(notice) = tokio::time::timeout_at(until, notices.recv()).await {
            changed.note(notice);
        }
        let updates = changed.read(&app, tenant).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "followers are told to list again");
            vec![FleetUpdate::Resync]
        });
        // Nobody may be left; that is noticed later.
        drop(sender.send(Arc::new(updates)));
    }
}

#[derive(Default)]
struct Changed {
    devices: BTreeSet<DeviceId>,
    deleted: BTreeSet<DeviceId>,
    missed: bool,
}

impl Changed {
    fn note(&mut self, notice: Result<FleetNotice, RecvError>) {
        match notice {
            Ok(FleetNotice::Devices { devices, .. }) => self.devices.extend(devices),
            Ok(FleetNotice::Deleted { device, .. }) => {
                self.deleted.insert(device);
            }
            Ok(_) | Err(RecvError::Closed) => {}
            Err(RecvError::Lagged(_)) => self.missed = true,
        }
    }

    fn is_empty(&self) -> bool {
        !self.missed && self.devices.is_empty() && self.deleted.is_empty()
    }

    async fn read(self, app: &App, tenant: TenantId) -> Result<Vec<FleetUpdate>, Error> {
        if self.missed {
            return Ok(vec![FleetUpdate::Resync]);
        }
        let now = app.clock.now();
        let ids: Vec<DeviceId> = self.devices.difference(&self.deleted).copied().collect();
        let mut updates = Vec::with_capacity(ids.len() + self.deleted.len());
        for page in ids.chunks(PAGE) {
            let mut tx = app.db.tenant(tenant).await?;
            let devices = store::some(&mut tx, page, now).await?;
            tx.commit().await?;
            let boxed = devices.into_iter().map(Box::new);
            updates.extend(boxed.map(|device| FleetUpdate::Device { device }));
        }
        updates.extend(
            self.deleted
                .into_iter()
                .map(|device| FleetUpdate::Deleted { device }),
        );
        Ok(updates)
    }
}
