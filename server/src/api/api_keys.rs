//! Keys for programs.

mod handlers;
mod store;

use tod_proto::api::api_keys::{Create, List, Revoke, Rotate};

use super::route::Routes;

pub(in crate::api) use self::store::of_person;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(List, handlers::list)
        .bind(Create, handlers::create)
        .bind(Rotate, handlers::rotate)
        .bind(Revoke, handlers::revoke)
}
