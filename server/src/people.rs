//! Who an identifier stands for, and how a person is forgotten.

use std::collections::HashMap;

use sqlx::PgConnection;
use tod_proto::id::UserId;
use uuid::Uuid;

use crate::api::App;
use crate::api::account::normal_email;
use crate::api::error::Error;
use crate::db::SystemTx;

/// What stands in the place of a person who is gone.
const GONE: &str = "a deleted person";

/// The e-mail addresses of people, as far as they have accounts. They may be in any tenant, or none.
pub async fn emails(
    app: &App,
    users: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, String>, Error> {
    let ids: Vec<Uuid> = users.into_iter().map(|user| user.0).collect();
    let mut tx = app.db.system("whose identifiers these are").await?;
    let rows = sqlx::query!("select id, email from users where id = any($1)", &ids)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let pairs = rows.into_iter().map(|row| (UserId(row.id), row.email));
    Ok(pairs.collect())
}

/// An actor as the audit log knows them, from what a person wrote: an identifier, or an e-mail
/// address. One that no account has stays as it is, and matches nobody.
pub async fn actor(app: &App, written: &str) -> Result<String, Error> {
    if !written.contains('@') {
        return Ok(written.to_owned());
    }
    let email = normal_email(written);
    let mut tx = app.db.system("whose address this is").await?;
    let user = sqlx::query_scalar!("select id from users where email = $1 and claimed", email)
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(user.map_or(email, |user| UserId(user).to_string()))
}

/// The person in `us_…` or `us_…/ak_…`.
pub fn of_actor(actor: &str) -> Option<UserId> {
    actor.split('/').next()?.parse().ok()
}

/// Removes a person, with their sessions, keys and whatever names them. The audit log knows them
/// by identifier only, and stays as it is.
pub async fn forget(tx: &mut SystemTx, user: UserId) -> Result<(), Error> {
    let conn: &mut PgConnection = tx;
    let row = sqlx::query!(
        "select email, role, active, claimed from users where id = $1 for update",
        user.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or_else(|| Error::not_found("user"))?;
    if row.role == "super_admin" && row.active {
        keep_a_super_administrator(conn, user).await?;
    }
    // Who was only invited did nothing here, and the address may be another tenant's person's.
    if row.claimed {
        forget_address(conn, &row.email).await?;
    }
    sqlx::query!(
        "update relays set actor = $2 where user_id = $1",
        user.0,
        GONE
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from api_keys where user_id = $1", user.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from users where id = $1", user.0)
        .execute(&mut *conn)
        .await?;
    Ok(())
}

/// Takes an address out of what happened, in every tenant: who runs the server may have been in any.
async fn forget_address(conn: &mut PgConnection, email: &str) -> Result<(), Error> {
    sqlx::query!(
        "update events set actor = null, message = replace(message, $1, $2)
         where actor = $1",
        email,
        GONE,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update changes set actor = $2 where actor = $1",
        email,
        GONE
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update device_locks set actor = $2 where actor = $1",
        email,
        GONE
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("update runs set actor = $2 where actor = $1", email, GONE)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from handshakes where email = $1", email)
        .execute(&mut *conn)
        .await?;
    Ok(())
}

/// Without one, nobody could make tenants or let anybody in again.
async fn keep_a_super_administrator(conn: &mut PgConnection, user: UserId) -> Result<(), Error> {
    // Locked, so that the last two cannot go at the same moment.
    let others = sqlx::query_scalar!(
        "select id from users
         where role = 'super_admin' and active and enrolled_at is not null
         order by id
         for update",
    )
    .fetch_all(conn)
    .await?;
    if others.iter().any(|other| *other != user.0) {
        return Ok(());
    }
    Err(
        Error::conflict("this is the last super administrator of the server")
            .hint("give somebody else the role first: todctl user set EMAIL --role super_admin"),
    )
}
