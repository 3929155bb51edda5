//! What happened, in order.

mod follow;
mod handlers;
pub(crate) mod store;

use tod_proto::api::events::{Follow, List};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(List, handlers::list)
        .bind_feed(Follow, follow::follow)
}
