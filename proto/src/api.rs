//! The API: one module for each resource, and the list of every operation.

pub mod account;
pub mod api_keys;
pub mod audit;
pub mod changes;
pub mod devices;
pub mod docs;
pub mod events;
pub mod kms;
pub mod relays;
pub mod runs;
pub mod sessions;
pub mod status;
pub mod tenants;
pub mod totp;
pub mod users;

use crate::endpoint::{Endpoint as _, Feed as _, File as _, Op, Pipe as _};

/// The version of the API in envelopes; within it fields are added and never removed or renamed.
pub const API_VERSION: &str = "tod/v1";

/// Makes one list of all operations, and of what they take and give.
macro_rules! operations {
    ($($kind:ident $operation:ty,)+) => {
        /// Every operation, for the router, the documents and the tests that must not miss one.
        pub const OPS: &[Op] = &[$(<$operation>::OP),+];

        /// Every operation with its types, for the description of the API.
        #[cfg(feature = "schema")]
        pub(crate) fn describe(operations: &mut crate::openapi::Describer) {
            $(operations.$kind::<$operation>();)+
        }
    };
}

operations! {
    endpoint status::Live,
    endpoint status::Ready,
    endpoint status::Show,
    endpoint account::Setup,
    endpoint account::Enrol,
    endpoint account::SrpStart,
    endpoint account::SrpFinish,
    endpoint account::Refresh,
    endpoint account::SignOut,
    endpoint account::Whoami,
    endpoint account::Sessions,
    endpoint account::RevokeSession,
    endpoint account::ChangePassword,
    endpoint account::Export,
    endpoint account::Delete,
    endpoint totp::Finish,
    endpoint totp::Status,
    endpoint totp::Begin,
    endpoint totp::Enable,
    endpoint totp::Disable,
    endpoint sessions::ListAll,
    endpoint sessions::RevokeOne,
    endpoint sessions::RevokeAll,
    endpoint sessions::SigningKeys,
    endpoint sessions::RotateKeys,
    endpoint tenants::List,
    endpoint tenants::Create,
    endpoint tenants::Show,
    endpoint tenants::Set,
    endpoint tenants::Delete,
    endpoint users::List,
    endpoint users::Invite,
    endpoint users::Set,
    endpoint users::Reset,
    endpoint users::RemoveTotp,
    endpoint users::Delete,
    endpoint api_keys::List,
    endpoint api_keys::Create,
    endpoint api_keys::Rotate,
    endpoint api_keys::Revoke,
    endpoint audit::List,
    endpoint audit::Show,
    endpoint audit::Verify,
    endpoint audit::PlatformList,
    endpoint audit::PlatformVerify,
    endpoint kms::Show,
    endpoint kms::Rotate,
    endpoint kms::Rewrap,
    endpoint kms::Retire,
    endpoint kms::Log,
    endpoint kms::Stats,
    endpoint devices::List,
    endpoint devices::Show,
    endpoint devices::Add,
    endpoint devices::Set,
    endpoint devices::Delete,
    endpoint devices::Accept,
    endpoint devices::Interfaces,
    endpoint devices::Series,
    feed devices::Follow,
    endpoint events::List,
    feed events::Follow,
    endpoint runs::Start,
    endpoint runs::List,
    endpoint runs::Show,
    feed runs::Follow,
    endpoint changes::Apply,
    endpoint changes::List,
    endpoint changes::Show,
    endpoint changes::Confirm,
    endpoint changes::Revert,
    endpoint relays::Open,
    pipe relays::Terminal,
    pipe relays::Dial,
    file docs::OpenApi,
    file docs::Page,
    file docs::Style,
    file docs::Script,
}
