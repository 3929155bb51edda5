//! Changes of devices' configuration.

mod handlers;
mod view;

use tod_proto::api::changes::{Apply, Confirm, List, Revert, Show};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Apply, handlers::apply)
        .bind(List, handlers::list)
        .bind(Show, handlers::show)
        .bind(Confirm, handlers::confirm)
        .bind(Revert, handlers::revert)
}
