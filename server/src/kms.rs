//! Envelope encryption: each tenant has data keys, and something that is not in the database wraps
//! them.
//!
//! ```text
//! root secret ── HKDF ──┬─► platform key ──► what belongs to no tenant
//!                       └─► derive(purpose): fake salts, checkpoints
//! wrapping ──► tenant data key ──► a column of a row
//!   local:   a key derived from the root secret, which is the master key
//!   transit: a key of the tenant's own in OpenBao, which also wraps the root secret
//! ```
//!
//! **Invariant:** nothing is stored in the clear for want of a key; what is sealed for one place
//! (tenant, table, column, row) opens nowhere else; whatever is opened leaves a row in `key_uses`,
//! in the transaction that it was opened in.

mod cache;
mod data_keys;
mod envelope;
mod master;
mod moving;
pub mod rewrap;
mod root;
mod shred;
pub mod transit;
mod uses;
mod warm;
mod wrapping;

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::aead::LessSafeKey;
use jiff::Timestamp;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use tod_service::clock::Clock;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::cache::Cache;
pub use self::data_keys::{FreshKey, Versions};
use self::envelope::{KEY, aad, aead_key, expand};
pub use self::master::{MasterKey, MasterKeyError};
pub use self::moving::{Moved, move_keys};
pub use self::root::{Keys, UnlockError};
pub use self::shred::Upkeep;
pub use self::uses::Keyring;
use self::wrapping::Wrapping;
pub use self::wrapping::{Wrapped, how_wrapped};
use crate::api::error::Error;

/// Where a sealed value lives. It opens only there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: Uuid,
}

/// A sealed value, and where it is from.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it lives.
    pub place: Place,
    /// The value.
    pub bytes: &'a [u8],
}

/// A value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// It does not open. No more is told: the reason would help an attacker.
    #[error("a sealed value does not open with this key in this place")]
    Shut,
    /// What wraps its data key cannot be asked.
    #[error("the key service cannot be reached")]
    Away,
    /// What wraps its data key refuses. The log says why.
    #[error("the key service refuses")]
    Refused,
}

impl From<KmsError> for Error {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Shut => {
                Self::unavailable("a stored secret cannot be opened with this server's master key")
                    .hint("start the server with the master key that the database was made with")
            }
            KmsError::Away => {
                Self::unavailable("credentials are unavailable: the key service does not answer")
                    .detail("without it nothing is sealed or opened, and nothing is stored instead")
                    .hint("it is asked again by itself; the log of todd says what is wrong with it")
            }
            KmsError::Refused => {
                Self::unavailable("credentials are unavailable: the key service refuses")
                    .detail("it has no such key any more, or todd may not use it")
                    .hint("the log of todd says why")
            }
        }
        .cause(error)
    }
}

/// Seals and opens. It keeps the root secret and what is derived from it in memory, and data keys
/// for a few minutes.
pub struct Kms {
    root: MasterKey,
    platform: LessSafeKey,
    wrapping: Wrapping,
    cache: Cache,
}

impl std::fmt::Debug for Kms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kms").finish_non_exhaustive()
    }
}

impl Kms {
    /// Derives what is needed from the root secret.
    pub fn new(keys: Keys, clock: Clock) -> Result<Self, KmsError> {
        let (root, wrapping) = match keys {
            Keys::Local(master) => (master.clone(), Wrapping::local(&master)?),
            Keys::Transit(transit, root) => (root, Wrapping::Transit(transit)),
        };
        Ok(Self {
            platform: aead_key(&*expand(root.bytes(), b"tod platform key v1")?)?,
            root,
            wrapping,
            cache: Cache::new(clock),
        })
    }

    /// A key for another use, the same at every start.
    pub fn derive(&self, purpose: &'static str) -> Result<Zeroizing<[u8; KEY]>, KmsError> {
        expand(
            self.root.bytes(),
            format!("tod derived key v1: {purpose}").as_bytes(),
        )
    }

    /// Seals what belongs to no tenant.
    pub fn seal_platform(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, KmsError> {
        envelope::seal(&self.platform, 0, &aad(TenantId(Uuid::nil()), place), plain)
    }

    /// Opens what belongs to no tenant.
    pub fn open_platform(
        &self,
        place: Place,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        envelope::open(&self.platform, &aad(TenantId(Uuid::nil()), place), sealed)
    }

    /// Forgets a tenant's data keys in this process, at once. Other servers forget them within
    /// [`cache::KEEP`].
    pub fn forget(&self, tenant: TenantId) {
        self.cache.forget(tenant);
    }

    /// Seals a value with the tenant's newest data key.
    pub async fn seal(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        place: Place,
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let (_, sealed) = self.seal_with(conn, tenant, place, plain).await?;
        Ok(sealed)
    }

    /// The same, and the number of that key.
    pub(crate) async fn seal_with(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        place: Place,
        plain: &[u8],
    ) -> Result<(i32, Vec<u8>), Error> {
        let (version, key) = self.newest(conn, tenant).await?;
        let number = u32::try_from(version).map_err(|_| KmsError::Shut)?;
        let sealed = envelope::seal(&key, number, &aad(tenant, place), plain)?;
        Ok((version, sealed))
    }

    /// Seals a value with the data key that was the tenant's newest when it was last used here, a
    /// few minutes ago at most, and tells its number. Nothing holds that key: who stores the value
    /// must hold it, and store nothing unless it still is the newest.
    pub(crate) fn seal_ahead(
        &self,
        tenant: TenantId,
        place: Place,
        plain: &[u8],
    ) -> Option<(i32, Vec<u8>)> {
        let (version, key) = self.cache.newest(tenant)?;
        let number = u32::try_from(version).ok()?;
        let sealed = envelope::seal(&key, number, &aad(tenant, place), plain).ok()?;
        Some((version, sealed))
    }

    /// What opens values of tenants for somebody, for one purpose, and writes that down.
    ///
    /// `actor` is an identifier, as in the audit log; `purpose` the name of an operation.
    pub fn keyring<'a>(
        &'a self,
        actor: impl Into<Cow<'a, str>>,
        purpose: &'static str,
        now: Timestamp,
    ) -> Keyring<'a> {
        Keyring {
            kms: self,
            actor: actor.into(),
            purpose,
            now,
            each: false,
        }
    }

    /// The newest data key of a tenant, and its number. It stays until the end of the transaction.
    async fn newest(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
    ) -> Result<(i32, Arc<LessSafeKey>), Error> {
        let row = sqlx::query!(
            r#"select version as "version!", wrapped as "wrapped!" from newest_data_key($1)"#,
            tenant.0,
        )
        .fetch_optional(conn)
        .await?
        .ok_or(KmsError::Shut)?;
        let key = self.unwrap(tenant, row.version, &row.wrapped).await?;
        self.cache.is_newest(tenant, row.version);
        Ok((row.version, key))
    }

    /// A data key of a tenant, or why there is none; it fails when the database does.
    async fn key(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        version: i32,
    ) -> Result<Result<Arc<LessSafeKey>, KmsError>, Error> {
        if let Some(key) = self.cache.get(tenant, version) {
            return Ok(Ok(key));
        }
        let wrapped = sqlx::query_scalar!(
            "select wrapped from tenant_keys where tenant_id = $1 and version = $2",
            tenant.0,
            version,
        )
        .fetch_optional(conn)
        .await?;
        Ok(match wrapped {
            Some(wrapped) => self.unwrap(tenant, version, &wrapped).await,
            None => Err(KmsError::Shut),
        })
    }

    /// A data key from memory, or unwrapped and kept there.
    async fn unwrap(
        &self,
        tenant: TenantId,
        version: i32,
        wrapped: &[u8],
    ) -> Result<Arc<LessSafeKey>, KmsError> {
        if let Some(key) = self.cache.get(tenant, version) {
            return Ok(key);
        }
        let key = self.wrapping.unwrap(tenant, version, wrapped).await?;
        let key = Arc::new(aead_key(&key)?);
        self.cache.put(tenant, version, Arc::clone(&key));
        Ok(key)
    }
}

#[cfg(test)]
mod tests;
