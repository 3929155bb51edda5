//! What wraps data keys: a key that we hold, or a key of the tenant's own in OpenBao.

use aws_lc_rs::aead::LessSafeKey;
use tod_proto::id::TenantId;
use zeroize::Zeroizing;

use super::envelope::{KEY, aead_key, expand, wrap_aad};
use super::transit::{Transit, TransitError, version_of};
use super::{KmsError, MasterKey, envelope};

/// Wraps and unwraps.
pub(super) enum Wrapping {
    /// A key derived from the master key.
    Local(LessSafeKey),
    /// A key for each tenant.
    Transit(Transit),
}

/// How a data key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapped {
    /// By the master key.
    Local,
    /// By this version of its tenant's key in OpenBao.
    Transit(u32),
}

/// Tells how a data key is wrapped. What one way makes, the other never does: it begins with 1.
pub fn how_wrapped(wrapped: &[u8]) -> Wrapped {
    let version = std::str::from_utf8(wrapped).ok().and_then(version_of);
    version.map_or(Wrapped::Local, Wrapped::Transit)
}

impl Wrapping {
    pub(super) fn local(master: &MasterKey) -> Result<Self, KmsError> {
        let key = expand(master.bytes(), b"tod wrapping key v1")?;
        Ok(Self::Local(aead_key(&*key)?))
    }

    /// What the database calls it.
    pub(super) fn backend(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Transit(_) => "transit",
        }
    }

    pub(super) async fn wrap(
        &self,
        tenant: TenantId,
        version: i32,
        key: &[u8; KEY],
    ) -> Result<Vec<u8>, KmsError> {
        let context = wrap_aad(tenant, version);
        match self {
            Self::Local(wrapping) => envelope::seal(wrapping, 0, &context, key),
            Self::Transit(transit) => {
                let sealed = transit.seal(&name(transit, tenant), &context, key).await;
                sealed
                    .map(String::into_bytes)
                    .map_err(|error| told(&error, tenant))
            }
        }
    }

    pub(super) async fn unwrap(
        &self,
        tenant: TenantId,
        version: i32,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let context = wrap_aad(tenant, version);
        match self {
            Self::Local(wrapping) => envelope::open(wrapping, &context, wrapped),
            Self::Transit(transit) => {
                let sealed = std::str::from_utf8(wrapped).map_err(|_| KmsError::Shut)?;
                let opened = transit.open(&name(transit, tenant), &context, sealed).await;
                opened.map_err(|error| told(&error, tenant))
            }
        }
    }
}

/// The name of a tenant's key.
pub(super) fn name(transit: &Transit, tenant: TenantId) -> String {
    transit.name(&tenant.0.to_string())
}

/// Logs what the caller is not told.
pub(super) fn told(error: &TransitError, tenant: TenantId) -> KmsError {
    if error.is_outage() {
        // The outage itself is logged once, where it is noticed.
        tracing::debug!(tenant.id = %tenant, %error, "a data key is not available");
        return KmsError::Away;
    }
    tracing::error!(tenant.id = %tenant, %error, "the key service refuses a data key");
    KmsError::Refused
}
