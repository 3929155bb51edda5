//! Sign-in sessions of others, and the keys that all sessions are proved with.

mod handlers;
mod store;

use tod_proto::api::sessions::{ListAll, RevokeAll, RevokeOne, RotateKeys, SigningKeys};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(ListAll, handlers::list)
        .bind(RevokeOne, handlers::revoke_one)
        .bind(RevokeAll, handlers::revoke_all)
        .bind(SigningKeys, handlers::keys)
        .bind(RotateKeys, handlers::rotate_keys)
}
