//! Is the server alive, ready, and of which version.

mod handlers;

use tod_proto::api::status::{Live, Ready, Show};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Live, handlers::live)
        .bind(Ready, handlers::ready)
        .bind(Show, handlers::show)
}
