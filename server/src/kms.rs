//! Envelope encryption: each tenant has data keys, wrapped by the server's master key.
//!
//! ```text
//! master key ── HKDF ──┬─► wrapping key ──► tenant data key ──► a column of a row
//!                      ├─► platform key ──► what belongs to no tenant
//!                      └─► derive(purpose): signing tokens, fake salts
//! ```
//!
//! **Invariant:** nothing is stored in the clear for want of a key; what is sealed for one place
//! (tenant, table, column, row) opens nowhere else.

mod master;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::id::TenantId;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::master::{MasterKey, MasterKeyError};
use crate::api::error::Error;
use crate::db::SystemTx;

const VERSION: u8 = 1;
const KEY: usize = 32;
/// Version, number of the data key, nonce.
const HEAD: usize = 1 + 4 + NONCE_LEN;

/// Where a sealed value lives. It opens only there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: Uuid,
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

/// Seals and opens. It keeps the master key and what is derived from it in memory.
pub struct Kms {
    master: MasterKey,
    wrapping: LessSafeKey,
    platform: LessSafeKey,
}

impl std::fmt::Debug for Kms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kms").finish_non_exhaustive()
    }
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
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
        seal(&self.platform, 0, &aad(TenantId(Uuid::nil()), place), plain)
    }

    /// Opens what belongs to no tenant.
    pub fn open_platform(
        &self,
        place: Place,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        open(&self.platform, &aad(TenantId(Uuid::nil()), place), sealed)
    }

    /// Gives a new tenant its first data key.
    pub async fn create_tenant_key(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let version = 1;
        let mut key = Zeroizing::new([0; KEY]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| KmsError)?;
        let wrapped = seal(&self.wrapping, 0, &wrap_aad(tenant, version), &*key)?;
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

    /// Seals a value with the tenant's newest data key.
    pub async fn seal(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        place: Place,
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let row = sqlx::query!(
            "select version, wrapped
             from tenant_keys
             where tenant_id = $1
             order by version desc
             limit 1",
            tenant.0,
        )
        .fetch_optional(conn)
        .await?
        .ok_or(KmsError)?;
        let key = self.unwrap(tenant, row.version, &row.wrapped)?;
        let version = u32::try_from(row.version).map_err(|_| KmsError)?;
        Ok(seal(&key, version, &aad(tenant, place), plain)?)
    }

    /// Opens a value of a tenant.
    pub async fn open(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        place: Place,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let version = i32::try_from(key_version(sealed)?).map_err(|_| KmsError)?;
        let wrapped = sqlx::query_scalar!(
            "select wrapped from tenant_keys where tenant_id = $1 and version = $2",
            tenant.0,
            version,
        )
        .fetch_optional(conn)
        .await?
        .ok_or(KmsError)?;
        let key = self.unwrap(tenant, version, &wrapped)?;
        Ok(open(&key, &aad(tenant, place), sealed)?)
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

    fn unwrap(
        &self,
        tenant: TenantId,
        version: i32,
        wrapped: &[u8],
    ) -> Result<LessSafeKey, KmsError> {
        aead_key(&open(&self.wrapping, &wrap_aad(tenant, version), wrapped)?)
    }
}

fn expand(secret: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; KEY]>, KmsError> {
    let mut out = Zeroizing::new([0; KEY]);
    Salt::new(HKDF_SHA256, b"tod")
        .extract(secret)
        .expand(&[info], Len(KEY))
        .and_then(|okm| okm.fill(&mut *out))
        .map_err(|_| KmsError)?;
    Ok(out)
}

fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, KmsError> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| KmsError)
}

fn seal(key: &LessSafeKey, version: u32, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, KmsError> {
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KmsError)?;
    let mut body = Zeroizing::new(plain.to_vec());
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            body.as_mut_slice(),
        )
        .map_err(|_| KmsError)?;
    let mut out = Vec::with_capacity(HEAD + body.len() + tag.as_ref().len());
    out.push(VERSION);
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&body);
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    key_version(sealed)?;
    let (head, body) = sealed.split_at_checked(HEAD).ok_or(KmsError)?;
    let nonce = head.last_chunk::<NONCE_LEN>().ok_or(KmsError)?;
    let mut plain = Zeroizing::new(body.to_vec());
    let length = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad),
            &mut plain,
        )
        .map_err(|_| KmsError)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

fn key_version(sealed: &[u8]) -> Result<u32, KmsError> {
    match sealed {
        [VERSION, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(KmsError),
    }
}

fn aad(tenant: TenantId, place: Place) -> Vec<u8> {
    format!(
        "tod/v1 {} {} {} {}",
        tenant.0, place.table, place.column, place.row
    )
    .into_bytes()
}

fn wrap_aad(tenant: TenantId, version: i32) -> Vec<u8> {
    format!("tod/v1 key {} {version}", tenant.0).into_bytes()
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
        assert_eq!(kms(1).open_platform(HERE, &sealed[..HEAD]), Err(KmsError));
    }

    #[test]
    fn the_same_text_never_seals_to_the_same_bytes() {
        let kms = kms(1);

        assert_ne!(kms.seal_platform(HERE, b"x"), kms.seal_platform(HERE, b"x"));
    }
}
