//! Devices under management.

mod check;
mod follow;
mod handlers;
pub(crate) mod store;

use tod_proto::api::devices::{Accept, Add, Delete, Follow, Interfaces, List, Series, Set, Show};

use tod_proto::bus::FleetNotice;
use tod_proto::id::{DeviceId, TenantId};

pub(crate) use self::handlers::{check_identity, place};
use super::App;
use super::route::Routes;
use crate::lease;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind_shared(List, handlers::list)
        .bind(Show, handlers::show)
        .bind(Add, handlers::add)
        .bind(Set, handlers::set)
        .bind(Delete, handlers::delete)
        .bind(Accept, handlers::accept)
        .bind(Interfaces, handlers::interfaces)
        .bind(Series, handlers::series)
        .bind_feed(Follow, follow::follow)
}

impl App {
    /// Tells followers and pollers that a device's record changed. Call it after the commit.
    pub(crate) async fn device_changed(&self, tenant: TenantId, device: DeviceId, zones: &[&str]) {
        let devices = vec![device];
        self.tell(&FleetNotice::Devices { tenant, devices }).await;
        self.tell(&FleetNotice::Events { tenant }).await;
        for zone in zones {
            lease::poke_zone(self, zone).await;
        }
    }

    /// Tells followers and pollers that a device is gone, and drops what was measured of it. Call
    /// it after the commit.
    pub(crate) async fn device_deleted(&self, tenant: TenantId, device: DeviceId, zone: &str) {
        self.tell(&FleetNotice::Deleted { tenant, device }).await;
        self.tell(&FleetNotice::Events { tenant }).await;
        lease::poke_zone(self, zone).await;
        if let Err(error) = store::forget_series(self, tenant, device).await {
            // Nothing shows them any more, and retention drops them in the end.
            tracing::warn!(device.id = %device, %error, "the series of a deleted device stay");
        }
    }
}
