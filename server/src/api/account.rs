//! Signing in and out, enrolling, and one's own sessions.

mod handlers;

use tod_proto::api::account::Whoami;

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new().bind(Whoami, handlers::whoami)
}
