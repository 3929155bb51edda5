//! Moves the keys of a database from one way of wrapping to the other.
//!
//! The root secret and the data keys stay what they are; only what wraps them changes. Whatever was
//! done is not done again: a move that was interrupted goes on when it is run again.

use sqlx::PgConnection;
use tod_proto::id::TenantId;
use zeroize::Zeroizing;

use super::envelope::KEY;
use super::root::{self, CONTEXT, Keys, UnlockError};
use super::transit::Transit;
use super::wrapping::{Wrapped, Wrapping, how_wrapped, name};
use super::{KmsError, MasterKey};
use crate::api::error::Error;
use crate::db::Db;

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many data keys are wrapped the new way.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

struct Row {
    tenant: TenantId,
    version: i32,
    wrapped: Vec<u8>,
}

/// Wraps all data keys the other way, and notes that. No server may run meanwhile.
///
/// From a master key it goes to `transit`, from there to the master key that the root secret is.
pub async fn move_keys(
    db: &Db,
    from: &Keys,
    to: &Keys,
    mut progress: impl FnMut(Moved),
) -> Result<Moved, UnlockError> {
    let (old, new) = (wrapping(from)?, wrapping(to)?);
    let mut tx = db.system("what is to be moved").await?;
    check_alone(&mut tx).await?;
    let rows = rows(&mut tx).await?;
    tx.commit().await?;
    let mut moved = Moved {
        done: 0,
        total: rows.len(),
    };
    progress(moved);
    for row in rows {
        let is_moved = matches!(
            (how_wrapped(&row.wrapped), to),
            (Wrapped::Local, Keys::Local(_)) | (Wrapped::Transit(_), Keys::Transit(..))
        );
        if !is_moved {
            move_row(db, &row, &old, &new).await?;
        }
        moved.done += 1;
        progress(moved);
    }
    note(db, to).await?;
    Ok(moved)
}

fn wrapping(keys: &Keys) -> Result<Wrapping, Error> {
    Ok(match keys {
        Keys::Local(master) => Wrapping::local(master)?,
        Keys::Transit(transit, _) => Wrapping::Transit(transit.clone()),
    })
}

/// A server that runs would go on with keys that are not those of the database any more.
async fn check_alone(conn: &mut PgConnection) -> Result<(), Error> {
    let others = sqlx::query_scalar!(
        r#"select count(*) as "count!" from pg_stat_activity
           where datname = current_database() and usename = 'tod_app'"#,
    )
    .fetch_one(conn)
    .await?;
    if others > 0 {
        return Err(Error::conflict(
            "a server uses the database: stop all servers, then move the keys",
        ));
    }
    Ok(())
}

async fn rows(conn: &mut PgConnection) -> Result<Vec<Row>, Error> {
    let rows = sqlx::query!(
        "select tenant_id, version, wrapped from tenant_keys order by tenant_id, version"
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| Row {
        tenant: TenantId(row.tenant_id),
        version: row.version,
        wrapped: row.wrapped,
    });
    Ok(rows.collect())
}

async fn move_row(db: &Db, row: &Row, old: &Wrapping, new: &Wrapping) -> Result<(), UnlockError> {
    if let Wrapping::Transit(transit) = new {
        transit.create(&name(transit, row.tenant)).await?;
    }
    let opened = old.unwrap(row.tenant, row.version, &row.wrapped).await;
    let opened = opened.map_err(Error::from)?;
    let key = <[u8; KEY]>::try_from(opened.as_slice()).map(Zeroizing::new);
    let key = key.map_err(|_| Error::from(KmsError::Shut))?;
    let wrapped = new.wrap(row.tenant, row.version, &key).await;
    let wrapped = wrapped.map_err(Error::from)?;
    let mut tx = db.system("a data key that moves").await?;
    sqlx::query!(
        "update tenant_keys set wrapped = $4
         where tenant_id = $1 and version = $2 and wrapped = $3",
        row.tenant.0,
        row.version,
        row.wrapped,
        wrapped,
    )
    .execute(&mut *tx)
    .await
    .map_err(Error::from)?;
    tx.commit().await?;
    Ok(())
}

/// Notes how the keys are wrapped from now on.
async fn note(db: &Db, to: &Keys) -> Result<(), UnlockError> {
    let root = match to {
        Keys::Local(_) => None,
        Keys::Transit(transit, root) => Some(sealed_root(transit, root).await?),
    };
    let mut tx = db.system("how keys are wrapped from now on").await?;
    sqlx::query!(
        "update master_key_checks set backend = $1, root = $2 where id = 1",
        to.backend(),
        root,
    )
    .execute(&mut *tx)
    .await
    .map_err(Error::from)?;
    tx.commit().await?;
    Ok(())
}

async fn sealed_root(transit: &Transit, root: &MasterKey) -> Result<String, UnlockError> {
    let name = root::name(transit);
    transit.create(&name).await?;
    Ok(transit.seal(&name, CONTEXT, root.bytes()).await?)
}
