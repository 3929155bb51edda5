//! Data keys and their uses.

mod handlers;
mod store;

use tod_proto::api::kms::{Log, Retire, Rewrap, Rotate, Show, Stats};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Show, handlers::show)
        .bind(Rotate, handlers::rotate)
        .bind(Rewrap, handlers::rewrap)
        .bind(Retire, handlers::retire)
        .bind(Log, handlers::log)
        .bind(Stats, handlers::stats)
}
