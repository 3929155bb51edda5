//! Says so when nobody looks at a device any more.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff_sqlx::ToSqlx as _;
use tod_proto::bus::FleetNotice;
use tod_proto::id::{DeviceId, TenantId};
use tod_service::reconcile::Reconcile;

use crate::api::App;
use crate::event::{self, NewEvent};

/// How long after the end of its lease a device is called unknown: a successor may be on its way.
const PATIENCE: Duration = Duration::from_secs(15);

/// Marks devices unknown that no poller holds.
#[derive(Debug)]
pub struct Stale(App);

impl Stale {
    /// Works on the database of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

impl Reconcile for Stale {
    const NAME: &'static str = "stale devices";
    const EVERY: Duration = Duration::from_secs(10);

    async fn run(&mut self) -> anyhow::Result<usize> {
        let app = &self.0;
        let now = app.clock.now();
        let patience = jiff::SignedDuration::try_from(PATIENCE)?;
        let mut tx = app.db.system("devices that nobody holds").await?;
        let rows = sqlx::query!(
            r#"with lost as (
                   select s.tenant_id, s.device_id, s.status as before, d.name, d.zone
                   from device_state s
                   join devices d on d.tenant_id = s.tenant_id and d.id = s.device_id
                   left join device_leases l
                       on l.tenant_id = s.tenant_id and l.device_id = s.device_id
                   where (s.status <> 'unknown' or s.status_reason is null)
                     and coalesce(l.expires_at, d.created_at) < $2
                   order by s.device_id
                   limit 1000
                   for update of s skip locked
               )
               update device_state s
               set status = 'unknown', failures = 0, hot_polls = 0,
                   status_since = case when s.status = 'unknown' then s.status_since else $1 end,
                   status_reason = 'no poller that serves the zone ' || lost.zone || ' is running'
               from lost
               where s.tenant_id = lost.tenant_id and s.device_id = lost.device_id
               returning s.tenant_id, s.device_id, lost.before, lost.name,
                         s.status_reason as "reason!""#,
            now.to_sqlx() as _,
            now.saturating_sub(patience)?.to_sqlx() as _,
        )
        .fetch_all(&mut *tx)
        .await?;
        let count = rows.len();
        let mut tenants: BTreeMap<TenantId, (Vec<DeviceId>, Vec<NewEvent>)> = BTreeMap::new();
        for row in rows {
            let (devices, events) = tenants.entry(TenantId(row.tenant_id)).or_default();
            devices.push(DeviceId(row.device_id));
            if row.before != "unknown" {
                events.push(NewEvent {
                    kind: "device.status",
                    device: Some(DeviceId(row.device_id)),
                    device_name: Some(row.name.clone()),
                    from: Some(row.before),
                    to: Some("unknown".to_owned()),
                    message: format!("{} is unknown: {}", row.name, row.reason),
                    actor: None,
                });
            }
        }
        for (tenant, (_, events)) in &tenants {
            if !events.is_empty() {
                event::record(&mut tx, *tenant, now, events).await?;
            }
        }
        tx.commit().await?;
        for (tenant, (devices, _)) in tenants {
            app.tell(&FleetNotice::Devices { tenant, devices }).await;
            app.tell(&FleetNotice::Events { tenant }).await;
        }
        Ok(count)
    }
}
