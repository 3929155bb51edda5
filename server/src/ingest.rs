//! Takes what pollers saw off the bus and into the database.
//!
//! ```text
//! samples ─► batch (what waited) ─► by tenant ─► one transaction: state, interfaces, series,
//!                                                pins, sign-ins, events ─► notice to followers
//! ```
//!
//! **Invariant:** a sample counts once, and only under the lease that is in force: an older fence is
//! the word of a poller that has been replaced.

mod digest;
mod rates;
mod status;
mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use tod_proto::bus::FleetNotice;
use tod_proto::bus::sample::Sample;
use tod_proto::error::ErrorCode;
use tod_proto::id::{DeviceId, TenantId};
use tod_service::bus::{HandleBatch, Verdict};

use crate::api::App;
use crate::api::error::Error;
use crate::event;

/// A sample from further ahead than this has a wrong clock.
const AHEAD: Duration = Duration::from_mins(5);
/// A sample older than this is of no use, and its partition may be gone.
const OLDEST: Duration = Duration::from_hours(24);
/// How long to wait when the database is away.
const AGAIN: Duration = Duration::from_secs(2);

/// The consumer of the stream of samples.
#[derive(Clone, Debug)]
pub struct Ingest {
    app: App,
}

impl Ingest {
    /// A consumer that writes into the database of `app`.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn take_all(
        &self,
        tenant: TenantId,
        samples: Vec<(usize, Sample)>,
    ) -> Vec<(usize, Verdict)> {
        let list: Vec<Sample> = samples.iter().map(|(_, sample)| sample.clone()).collect();
        match take(&self.app, tenant, &list).await {
            Ok(()) => samples
                .into_iter()
                .map(|(at, _)| (at, Verdict::Done))
                .collect(),
            Err(error) if error.code() == ErrorCode::Unavailable => samples
                .into_iter()
                .map(|(at, _)| (at, Verdict::Later(AGAIN)))
                .collect(),
            Err(_) => self.take_each(tenant, samples).await,
        }
    }

    /// One of the samples cannot be stored: each alone, so that the others do not suffer for it.
    async fn take_each(
        &self,
        tenant: TenantId,
        samples: Vec<(usize, Sample)>,
    ) -> Vec<(usize, Verdict)> {
        let mut verdicts = Vec::with_capacity(samples.len());
        for (at, sample) in samples {
            let verdict = match take(&self.app, tenant, std::slice::from_ref(&sample)).await {
                Ok(()) => Verdict::Done,
                Err(error) if error.code() == ErrorCode::Unavailable => Verdict::Later(AGAIN),
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    tracing::error!(device.id = %sample.device, error = format!("{error:#}"), "a sample cannot be stored");
                    Verdict::Never
                }
            };
            verdicts.push((at, verdict));
        }
        verdicts
    }
}

impl HandleBatch for Ingest {
    const NAME: &'static str = "ingest";
    const MOST: usize = 500;
    type Payload = Sample;

    async fn handle(&mut self, payloads: Vec<Sample>) -> Vec<Verdict> {
        let mut verdicts = vec![Verdict::Later(AGAIN); payloads.len()];
        let mut tenants: BTreeMap<TenantId, Vec<(usize, Sample)>> = BTreeMap::new();
        for (at, sample) in payloads.into_iter().enumerate() {
            tenants.entry(sample.tenant).or_default().push((at, sample));
        }
        for (tenant, samples) in tenants {
            for (at, verdict) in self.take_all(tenant, samples).await {
                if let Some(slot) = verdicts.get_mut(at) {
                    *slot = verdict;
                }
            }
        }
        verdicts
    }
}

/// Writes samples of one tenant, and tells followers.
pub async fn take(app: &App, tenant: TenantId, samples: &[Sample]) -> Result<(), Error> {
    let now = app.clock.now();
    let mut wanted: Vec<&Sample> = samples
        .iter()
        .filter(|sample| in_time(app, sample))
        .collect();
    wanted.sort_by_key(|sample| (sample.device, sample.at));
    let devices: Vec<DeviceId> = wanted.iter().map(|sample| sample.device).collect();
    let mut tx = app.db.system("ingest of samples").await?;
    let mut known = store::load(&mut tx, tenant, &devices).await?;
    let mut changed = Vec::new();
    for sample in wanted {
        let Some((fence, device)) = known.get_mut(&sample.device) else {
            continue;
        };
        if sample.fence == *fence && device.take(sample) && changed.last() != Some(&sample.device) {
            changed.push(sample.device);
        }
    }
    let mut written: Vec<_> = changed
        .iter()
        .filter_map(|device| known.remove(device))
        .map(|(_, known)| known)
        .collect();
    let events: Vec<_> = written
        .iter_mut()
        .flat_map(|known| std::mem::take(&mut known.events))
        .collect();
    store::save(&mut tx, tenant, &written).await?;
    if !events.is_empty() {
        event::record(&mut tx, tenant, now, &events).await?;
    }
    tx.commit().await?;
    if !changed.is_empty() {
        app.tell(&FleetNotice::Devices {
            tenant,
            devices: changed,
        })
        .await;
    }
    if !events.is_empty() {
        app.tell(&FleetNotice::Events { tenant }).await;
    }
    Ok(())
}

fn in_time(app: &App, sample: &Sample) -> bool {
    let now = app.clock.now();
    let ahead = Duration::try_from(sample.at.duration_since(now)).unwrap_or_default();
    let fits = ahead <= AHEAD && app.clock.since(sample.at) <= OLDEST;
    if !fits {
        tracing::debug!(device.id = %sample.device, at = %sample.at, "a sample of another time is left out");
    }
    fits
}
