//! The API: one module for each resource, and the list of every operation.

pub mod account;
pub mod api_keys;
pub mod audit;
pub mod changes;
pub mod devices;
pub mod events;
pub mod kms;
pub mod relays;
pub mod runs;
pub mod sessions;
pub mod status;
pub mod tenants;
pub mod users;

use crate::endpoint::{Endpoint as _, Feed as _, Op, Pipe as _};

/// The version of the API in envelopes; within it fields are added and never removed or renamed.
pub const API_VERSION: &str = "tod/v1";

/// Every operation, for the router, the documents and the tests that must not miss one.
pub const OPS: &[Op] = &[
    status::Live::OP,
    status::Ready::OP,
    status::Show::OP,
    account::Setup::OP,
    account::Enrol::OP,
    account::SrpStart::OP,
    account::SrpFinish::OP,
    account::Refresh::OP,
    account::SignOut::OP,
    account::Whoami::OP,
    account::Sessions::OP,
    account::RevokeSession::OP,
    account::ChangePassword::OP,
    account::Export::OP,
    account::Delete::OP,
    sessions::ListAll::OP,
    sessions::RevokeOne::OP,
    sessions::RevokeAll::OP,
    sessions::SigningKeys::OP,
    sessions::RotateKeys::OP,
    tenants::List::OP,
    tenants::Create::OP,
    tenants::Show::OP,
    tenants::Set::OP,
    tenants::Delete::OP,
    users::List::OP,
    users::Invite::OP,
    users::Set::OP,
    users::Reset::OP,
    users::Delete::OP,
    api_keys::List::OP,
    api_keys::Create::OP,
    api_keys::Rotate::OP,
    api_keys::Revoke::OP,
    audit::List::OP,
    audit::Show::OP,
    audit::Verify::OP,
    audit::PlatformList::OP,
    audit::PlatformVerify::OP,
    kms::Show::OP,
    kms::Rotate::OP,
    kms::Rewrap::OP,
    kms::Retire::OP,
    kms::Log::OP,
    devices::List::OP,
    devices::Show::OP,
    devices::Add::OP,
    devices::Set::OP,
    devices::Delete::OP,
    devices::Accept::OP,
    devices::Interfaces::OP,
    devices::Series::OP,
    devices::Follow::OP,
    events::List::OP,
    events::Follow::OP,
    runs::Start::OP,
    runs::List::OP,
    runs::Show::OP,
    runs::Follow::OP,
    changes::Apply::OP,
    changes::List::OP,
    changes::Show::OP,
    changes::Confirm::OP,
    changes::Revert::OP,
    relays::Open::OP,
    relays::Terminal::OP,
    relays::Dial::OP,
];
