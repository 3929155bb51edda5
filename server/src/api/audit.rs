//! The audit log.

mod handlers;
mod store;

use tod_proto::api::audit::{List, PlatformList, PlatformVerify, Show, Verify};

use super::route::Routes;

pub(in crate::api) use self::handlers::page;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(List, handlers::list)
        .bind(Show, handlers::show)
        .bind(Verify, handlers::verify)
        .bind(PlatformList, handlers::platform_list)
        .bind(PlatformVerify, handlers::platform_verify)
}
