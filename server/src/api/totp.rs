//! The second step of sign-in.

mod handlers;
pub(in crate::api) mod store;

use tod_proto::api::totp::{Begin, Disable, Enable, Finish, Status};

use super::route::Routes;

/// Operations that are open to who still has to take up a second step.
pub(in crate::api) const OPEN: [&str; 4] = [
    "account.whoami",
    "account.totp_status",
    "account.totp_begin",
    "account.totp_enable",
];

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Finish, handlers::finish)
        .bind(Status, handlers::status)
        .bind(Begin, handlers::begin)
        .bind(Enable, handlers::enable)
        .bind(Disable, handlers::disable)
}
