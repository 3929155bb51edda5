//! Signing in and out, enrolling, and one's own sessions.

mod enrol;
mod handlers;
mod own;
mod sign_in;
mod store;

use tod_proto::api::account::{
    ChangePassword, Delete, Enrol, Export, Refresh, RevokeSession, Sessions, Setup, SignOut,
    SrpFinish, SrpStart, Whoami,
};
use tod_proto::id::TenantId;

use super::route::Routes;
use crate::audit;

pub(in crate::api) use self::enrol::{check_email, check_name};
pub(in crate::api) use self::own::proved_oneself;
pub(in crate::api) use self::sign_in::open_session;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Setup, enrol::setup)
        .bind(Enrol, enrol::enrol)
        .bind(SrpStart, sign_in::start)
        .bind(SrpFinish, sign_in::finish)
        .bind(Refresh, handlers::refresh)
        .bind(SignOut, handlers::sign_out)
        .bind(Whoami, handlers::whoami)
        .bind(Sessions, handlers::sessions)
        .bind(RevokeSession, handlers::revoke_session)
        .bind(ChangePassword, own::change_password)
        .bind(Export, own::export)
        .bind(Delete, own::delete)
}

/// The audit log that a person's own acts go into.
pub(in crate::api) fn chain(tenant: Option<TenantId>) -> TenantId {
    tenant.unwrap_or(audit::PLATFORM)
}

/// The form in which an address is kept, compared and proved.
pub(crate) fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}
