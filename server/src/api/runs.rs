//! One command on many devices.

mod follow;
mod handlers;

use tod_proto::api::runs::{Follow, List, Show, Start};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Start, handlers::start)
        .bind(List, handlers::list)
        .bind(Show, handlers::show)
        .bind_feed(Follow, follow::follow)
}
