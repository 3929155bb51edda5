//! Devices under management.

mod check;
mod handlers;
pub(crate) mod store;

use tod_proto::api::devices::{Add, Delete, Interfaces, List, Set, Show};

use tod_proto::bus::{self, FleetNotice};
use tod_proto::id::{DeviceId, TenantId};

use super::App;
use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(List, handlers::list)
        .bind(Show, handlers::show)
        .bind(Add, handlers::add)
        .bind(Set, handlers::set)
        .bind(Delete, handlers::delete)
        .bind(Interfaces, handlers::interfaces)
}

impl App {
    /// Tells followers that a device's record changed. Call it after the commit.
    pub(crate) async fn device_changed(&self, tenant: TenantId, device: DeviceId) {
        self.notice(
            tenant,
            &FleetNotice::Devices {
                tenant,
                devices: vec![device],
            },
        )
        .await;
        self.notice(tenant, &FleetNotice::Events { tenant }).await;
    }

    /// Tells followers that a device is gone. Call it after the commit.
    pub(crate) async fn device_deleted(&self, tenant: TenantId, device: DeviceId) {
        self.notice(tenant, &FleetNotice::Deleted { tenant, device })
            .await;
        self.notice(tenant, &FleetNotice::Events { tenant }).await;
    }

    async fn notice(&self, tenant: TenantId, notice: &FleetNotice) {
        if let Err(error) = self.bus.notify(&bus::fleet_changed(tenant), notice).await {
            tracing::debug!(%error, "followers are not told");
        }
    }
}
