//! People and their roles.

mod handlers;
mod store;

use tod_proto::api::users::{Delete, Invite, List, RemoveTotp, Reset, Set};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(List, handlers::list)
        .bind(Invite, handlers::invite)
        .bind(Set, handlers::set)
        .bind(Reset, handlers::reset)
        .bind(RemoveTotp, handlers::remove_totp)
        .bind(Delete, handlers::delete)
}
