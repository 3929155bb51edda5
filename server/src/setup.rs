//! The first administrator's way in: a token in a file that only the server's machine can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use crate::api::error::Error;
use crate::auth::secret;
use crate::db::SystemTx;

/// Any number: whoever uses or makes a setup token waits for the others who do.
const LOCK: i64 = 0x746f_6453;

/// Whether nobody is enrolled yet.
pub async fn is_needed(tx: &mut SystemTx) -> Result<bool, Error> {
    let enrolled = sqlx::query_scalar!(
        r#"select exists (select from users where enrolled_at is not null) as "enrolled!""#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(!enrolled)
}

/// Makes sure that there is a token while one is needed, and no file of one when none is. The one
/// in the file stays good over a restart.
pub(crate) async fn offer(tx: &mut SystemTx, path: &Path, now: Timestamp) -> Result<(), Error> {
    lock(tx).await?;
    if !is_needed(tx).await? {
        // Used at another server, which has its own file.
        if path.exists() {
            remove_file(path);
        }
        return Ok(());
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    if !knows(tx, &secret::hash(there.trim())).await? {
        let token = secret::generate("setup")?;
        write(path, &token).map_err(|error| {
            Error::unavailable(format!(
                "the setup token cannot be put into `{}`",
                path.display()
            ))
            .cause(error)
        })?;
        sqlx::query!(
            "insert into setup_tokens (token_hash, created_at) values ($1, $2)",
            secret::hash(&token),
            now.to_sqlx() as _,
        )
        .execute(&mut **tx)
        .await?;
    }
    tracing::info!(path = %path.display(), "nobody is enrolled yet: the setup token is in this file");
    Ok(())
}

/// Uses up a setup token, if `hash` is one's and nobody is enrolled. Then all of them are gone.
pub(crate) async fn take_token(tx: &mut SystemTx, hash: &[u8]) -> Result<bool, Error> {
    if !knows(tx, hash).await? {
        return Ok(false);
    }
    lock(tx).await?;
    if !is_needed(tx).await? {
        return Ok(false);
    }
    let gone = sqlx::query!("delete from setup_tokens")
        .execute(&mut **tx)
        .await?;
    Ok(gone.rows_affected() > 0)
}

/// Removes the file of a used token.
pub(crate) fn remove_file(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::info!(path = %path.display(), %error, "the used setup token's file stays");
    }
}

async fn knows(tx: &mut SystemTx, hash: &[u8]) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from setup_tokens where token_hash = $1) as "known!""#,
        hash,
    )
    .fetch_one(&mut **tx)
    .await?)
}

async fn lock(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCK)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Readable by its owner only from the moment that it exists.
fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    drop(std::fs::remove_file(&new));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    std::fs::rename(new, path)
}
