//! What a server's keys begin with, and whether that fits the database.

use zeroize::Zeroizing;

use super::envelope::KEY;
use super::transit::{Transit, TransitError};
use super::{Kms, KmsError, MasterKey, Place};
use crate::api::error::Error;
use crate::db::{Db, SystemTx};
use tod_service::clock::Clock;
use uuid::Uuid;

/// What everything is derived from, and what wraps data keys.
#[derive(Clone, Debug)]
pub enum Keys {
    /// A master key that the server holds: it is both.
    Local(MasterKey),
    /// OpenBao's Transit engine, and the root secret that it has opened.
    Transit(Transit, MasterKey),
}

/// Why there is no root secret.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The key service does not help.
    #[error(transparent)]
    Transit(#[from] TransitError),
    /// The database does not.
    #[error(transparent)]
    Database(#[from] Error),
    /// The database was made with a master key.
    #[error("{LOCAL}")]
    MadeLocally,
    /// What is stored is not what was wrapped.
    #[error("the root secret in the database is not 32 bytes")]
    Malformed,
}

const LOCAL: &str = "the keys of this database are wrapped by a master key, and `keys.backend` is \
                     \"transit\": set it to \"local\", or move them with `todd keys move`";
const TRANSIT: &str = "the keys of this database are wrapped by OpenBao, and `keys.backend` is \
                       \"local\": set it to \"transit\", or move them with `todd keys move`";

/// What the root secret is sealed for.
pub(super) const CONTEXT: &[u8] = b"tod/v1 root";

/// The name of the key that wraps the root secret.
pub(super) fn name(transit: &Transit) -> String {
    transit.name("root")
}

/// The wrapped root secret, if the database was ever used and has one.
async fn stored(tx: &mut SystemTx) -> Result<Option<Option<String>>, Error> {
    let root = sqlx::query_scalar!("select root from master_key_checks where id = 1")
        .fetch_optional(&mut **tx)
        .await?;
    Ok(root)
}

impl Keys {
    /// Has the key service open the root secret; on an empty database, makes one.
    pub async fn unlock(transit: Transit, db: &Db) -> Result<Self, UnlockError> {
        transit.start().await?;
        let mut tx = db.system("the root secret").await?;
        let mut row = stored(&mut tx).await?;
        tx.commit().await?;
        if row.is_none() {
            row = make(&transit, db).await?;
        }
        match row {
            Some(Some(root)) => {
                let opened = transit.open(&name(&transit), CONTEXT, &root).await?;
                let bytes = <[u8; KEY]>::try_from(opened.as_slice());
                let bytes = bytes.map_err(|_| UnlockError::Malformed)?;
                Ok(Self::Transit(transit, MasterKey::from_bytes(bytes)))
            }
            _ => Err(UnlockError::MadeLocally),
        }
    }

    pub(super) fn backend(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Transit(..) => "transit",
        }
    }
}

/// Makes a root secret. When several servers do at once, the one that is stored counts for all.
async fn make(transit: &Transit, db: &Db) -> Result<Option<Option<String>>, UnlockError> {
    let mut bytes = Zeroizing::new([0; KEY]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| Error::from(KmsError::Shut))?;
    transit.create(&name(transit)).await?;
    let root = transit.seal(&name(transit), CONTEXT, &*bytes).await?;
    let keys = Keys::Transit(transit.clone(), MasterKey::from_bytes(*bytes));
    let backend = keys.backend();
    let sealed = Kms::new(keys, Clock::system())
        .and_then(|kms| kms.known())
        .map_err(Error::from)?;
    let mut tx = db.system("the first root secret").await?;
    sqlx::query!(
        "insert into master_key_checks (id, sealed, backend, root) values (1, $1, $2, $3)
         on conflict do nothing",
        sealed,
        backend,
        root,
    )
    .execute(&mut *tx)
    .await
    .map_err(Error::from)?;
    let row = stored(&mut tx).await?;
    tx.commit().await?;
    Ok(row)
}

const CHECK: Place = Place {
    table: "master_key_checks",
    column: "sealed",
    row: Uuid::nil(),
};

impl Kms {
    /// A known text, sealed.
    pub(super) fn known(&self) -> Result<Vec<u8>, KmsError> {
        self.seal_platform(CHECK, b"tod")
    }

    /// Checks that the database was made with these keys; on an empty one, marks it so.
    pub async fn check(&self, tx: &mut SystemTx) -> Result<(), Error> {
        let backend = self.wrapping.backend();
        if backend == "local" {
            sqlx::query!(
                "insert into master_key_checks (id, sealed, backend) values (1, $1, $2)
                 on conflict do nothing",
                self.known()?,
                backend,
            )
            .execute(&mut **tx)
            .await?;
        }
        let row = sqlx::query!("select sealed, backend from master_key_checks where id = 1")
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(KmsError::Shut)?;
        match (backend, row.backend.as_str()) {
            ("local", "transit") => return Err(Error::unavailable(TRANSIT)),
            ("transit", "local") => return Err(Error::unavailable(LOCAL)),
            _ => {}
        }
        self.open_platform(CHECK, &row.sealed)?;
        Ok(())
    }
}
