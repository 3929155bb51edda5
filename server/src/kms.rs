//! Envelope encryption: each tenant has data keys, wrapped by the server's master key.
//!
//! ```text
//! master key ── HKDF ──┬─► wrapping key ──► tenant data key ──► a column of a row
//!                      ├─► platform key ──► what belongs to no tenant
//!                      └─► derive(purpose): fake salts, checkpoints
//! ```
//!
//! **Invariant:** nothing is stored in the clear for want of a key; what is sealed for one place
//! (tenant, table, column, row) opens nowhere else; whatever is opened leaves a row in `key_uses`,
//! in the transaction that it was opened in.

mod cache;
mod envelope;
mod master;
pub mod rewrap;
mod uses;

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::aead::LessSafeKey;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::cache::Cache;
use self::envelope::{KEY, aad, aead_key, expand, wrap_aad};
pub use self::master::{MasterKey, MasterKeyError};
pub use self::uses::Keyring;
use crate::api::error::Error;
use crate::db::SystemTx;

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

/// A value could not be sealed or opened. No more is told: the reason would help an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this key in this place")]
pub struct KmsError;

impl From<KmsError> for Error {
    fn from(error: KmsError) -> Self {
        Self::unavailable("a stored secret cannot be opened with this server's master key")
            .hint("start the server with the master key that the database was made with")
            .cause(error)
    }
}

/// Seals and opens. It keeps the master key and what is derived from it in memory, and data keys
/// for a few minutes.
pub struct Kms {
    master: MasterKey,
    wrapping: LessSafeKey,
    platform: LessSafeKey,
    cache: Cache,
}

impl std::fmt::Debug for Kms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kms").finish_non_exhaustive()
    }
}

impl Kms {
    /// Derives what is needed from the master key.
    pub fn new(master: MasterKey) -> Result<Self, KmsError> {
        let wrapping = aead_key(&*expand(master.bytes(), b"tod wrapping key v1")?)?;
        let platform = aead_key(&*expand(master.bytes(), b"tod platform key v1")?)?;
        Ok(Self {
            master,
            wrapping,
            platform,
            cache: Cache::default(),
        })
    }

    /// A key for another use, the same at every start.
    pub fn derive(&self, purpose: &'static str) -> Result<Zeroizing<[u8; KEY]>, KmsError> {
        expand(
            self.master.bytes(),
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

    /// Gives a new tenant its first data key.
    pub async fn create_tenant_key(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.add_version(tx, tenant, 1, now).await
    }

    /// Gives a tenant its next data key, with which everything is sealed from now on. Returns its
    /// number. What is sealed already still opens, and is sealed anew by [`Kms::rewrap`].
    pub async fn rotate(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<i32, Error> {
        self.hold_keys(tx, tenant).await?;
        let newest = sqlx::query_scalar!(
            "select version from tenant_keys where tenant_id = $1 order by version desc limit 1",
            tenant.0,
        )
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(KmsError)?;
        let version = newest.checked_add(1).ok_or(KmsError)?;
        self.add_version(tx, tenant, version, now).await?;
        Ok(version)
    }

    /// Destroys a tenant's data keys below a number, if `is_free` finds that nothing needs them.
    /// Returns how many. Nobody seals meanwhile: whoever began has committed, and is seen.
    pub async fn retire(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        below: i32,
        is_free: impl AsyncFnOnce(&mut SystemTx) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        self.hold_keys(tx, tenant).await?;
        is_free(tx).await?;
        let result = sqlx::query!(
            "delete from tenant_keys where tenant_id = $1 and version < $2",
            tenant.0,
            below,
        )
        .execute(&mut **tx)
        .await?;
        Ok(result.rows_affected())
    }

    /// Keeps everybody from sealing for a tenant until the end of the transaction. It is the other
    /// side of the lock in `newest_data_key`.
    async fn hold_keys(&self, tx: &mut SystemTx, tenant: TenantId) -> Result<(), Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('data keys ' || $1::uuid::text, 0))",
            tenant.0,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn add_version(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        version: i32,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut key = Zeroizing::new([0; KEY]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| KmsError)?;
        let wrapped = envelope::seal(&self.wrapping, 0, &wrap_aad(tenant, version), &*key)?;
        sqlx::query!(
            "insert into tenant_keys (tenant_id, version, wrapped, created_at)
             values ($1, $2, $3, $4)",
            tenant.0,
            version,
            wrapped,
            now.to_sqlx() as _,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
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
        let (version, key) = self.newest(conn, tenant).await?;
        let number = u32::try_from(version).map_err(|_| KmsError)?;
        Ok(envelope::seal(&key, number, &aad(tenant, place), plain)?)
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

    /// Checks that the database was made with this master key; on an empty one, marks it so.
    pub async fn check(&self, tx: &mut SystemTx) -> Result<(), Error> {
        let place = Place {
            table: "master_key_checks",
            column: "sealed",
            row: Uuid::nil(),
        };
        let sealed = self.seal_platform(place, b"tod")?;
        sqlx::query!(
            "insert into master_key_checks (id, sealed) values (1, $1) on conflict do nothing",
            sealed,
        )
        .execute(&mut **tx)
        .await?;
        let stored = sqlx::query_scalar!("select sealed from master_key_checks where id = 1")
            .fetch_one(&mut **tx)
            .await?;
        self.open_platform(place, &stored)?;
        Ok(())
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
        .ok_or(KmsError)?;
        if let Some(key) = self.cache.get(tenant, row.version) {
            return Ok((row.version, key));
        }
        let key = Arc::new(self.unwrap(tenant, row.version, &row.wrapped)?);
        self.cache.put(tenant, row.version, Arc::clone(&key));
        Ok((row.version, key))
    }

    /// A data key of a tenant, if there is such a number.
    async fn key(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        version: i32,
    ) -> Result<Option<Arc<LessSafeKey>>, Error> {
        if let Some(key) = self.cache.get(tenant, version) {
            return Ok(Some(key));
        }
        let wrapped = sqlx::query_scalar!(
            "select wrapped from tenant_keys where tenant_id = $1 and version = $2",
            tenant.0,
            version,
        )
        .fetch_optional(conn)
        .await?;
        let Some(wrapped) = wrapped else {
            return Ok(None);
        };
        let Ok(key) = self.unwrap(tenant, version, &wrapped).map(Arc::new) else {
            return Ok(None);
        };
        self.cache.put(tenant, version, Arc::clone(&key));
        Ok(Some(key))
    }

    fn unwrap(
        &self,
        tenant: TenantId,
        version: i32,
        wrapped: &[u8],
    ) -> Result<LessSafeKey, KmsError> {
        aead_key(&envelope::open(
            &self.wrapping,
            &wrap_aad(tenant, version),
            wrapped,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place {
        table: "devices",
        column: "password",
        row: Uuid::nil(),
    };

    fn kms(byte: u8) -> Kms {
        Kms::new(MasterKey::from_bytes([byte; 32])).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_place_with_its_key_only() {
        let sealed = kms(1).seal_platform(HERE, b"secret").unwrap();

        assert_eq!(
            kms(1).open_platform(HERE, &sealed).unwrap().as_slice(),
            b"secret"
        );
        let elsewhere = Place {
            row: Uuid::max(),
            ..HERE
        };
        assert_eq!(kms(1).open_platform(elsewhere, &sealed), Err(KmsError));
        assert_eq!(kms(2).open_platform(HERE, &sealed), Err(KmsError));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn no_bit_of_a_sealed_value_can_be_changed() {
        let sealed = kms(1).seal_platform(HERE, b"secret").unwrap();

        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            // The number of the data key only says which key to look for.
            if !(1..5).contains(&at) {
                assert_eq!(
                    kms(1).open_platform(HERE, &bent),
                    Err(KmsError),
                    "byte {at}"
                );
            }
        }
        assert_eq!(kms(1).open_platform(HERE, b""), Err(KmsError));
        assert_eq!(
            kms(1).open_platform(HERE, &sealed[..envelope::HEAD]),
            Err(KmsError)
        );
    }

    #[test]
    fn the_same_text_never_seals_to_the_same_bytes() {
        let kms = kms(1);

        assert_ne!(kms.seal_platform(HERE, b"x"), kms.seal_platform(HERE, b"x"));
    }
}
