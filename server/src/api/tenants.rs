//! Tenants.

mod handlers;
mod store;

use tod_proto::api::tenants::{Create, Delete, List, Set, Show};

use super::route::Routes;

pub(crate) use self::store::create;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(List, handlers::list)
        .bind(Create, handlers::create)
        .bind(Show, handlers::show)
        .bind(Set, handlers::set)
        .bind(Delete, handlers::delete)
}
