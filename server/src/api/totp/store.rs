//! The SQL of this resource. People are found across tenants, so all of it runs as `tod_system`.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::totp::TotpStatus;
use tod_proto::id::{TenantId, UserId};

use crate::api::error::Error;
use crate::auth::secret;
use crate::db::SystemTx;
use crate::kms::Place;

/// How long a second step waits for its code: somebody has to find their telephone.
const TICKET: Duration = Duration::from_mins(5);
/// How many codes may be tried in one second step.
pub(super) const TRIES: i32 = 3;

/// Where the secret of a person lies.
pub(super) fn place(user: UserId) -> Place {
    Place {
        table: "totp_secrets",
        column: "sealed",
        row: user.0,
    }
}

/// Somebody at their second step.
pub(super) struct Step {
    pub(super) user: UserId,
    pub(super) email: String,
    pub(super) tenant: Option<TenantId>,
    pub(super) label: String,
    /// Which try it is.
    pub(super) tries: i32,
}

/// Begins the second step of somebody who has proved password and Secret Key. Returns what names
/// it, and when it ends.
pub(in crate::api) async fn offer(
    tx: &mut SystemTx,
    user: UserId,
    label: &str,
    now: Timestamp,
) -> Result<(String, Timestamp), Error> {
    let (ticket, expires_at) = (secret::generate("step")?, now + TICKET);
    sqlx::query!(
        "insert into second_steps (ticket_hash, user_id, label, expires_at)
         values ($1, $2, $3, $4)",
        secret::hash(&ticket),
        user.0,
        label,
        expires_at.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok((ticket, expires_at))
}

/// Takes one try of a second step.
pub(super) async fn try_ticket(
    tx: &mut SystemTx,
    ticket: &str,
    now: Timestamp,
) -> Result<Option<Step>, Error> {
    let row = sqlx::query!(
        "update second_steps s set tries = s.tries + 1
         from users u
         where s.ticket_hash = $1 and s.expires_at > $2 and s.tries < $3
           and u.id = s.user_id and u.active and u.totp_since is not null
         returning u.id, u.email, u.tenant_id, s.label, s.tries",
        secret::hash(ticket),
        now.to_sqlx() as _,
        TRIES,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Step {
        user: UserId(row.id),
        email: row.email,
        tenant: row.tenant_id.map(TenantId),
        label: row.label,
        tries: row.tries,
    }))
}

/// Ends a second step, and forgets some that nobody has finished.
pub(super) async fn drop_ticket(
    tx: &mut SystemTx,
    ticket: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "delete from second_steps
         where ticket_hash = $1
            or ticket_hash in (
                select ticket_hash from second_steps
                where expires_at < $2
                limit 20
                for update skip locked
            )",
        secret::hash(ticket),
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn status(tx: &mut SystemTx, user: UserId) -> Result<TotpStatus, Error> {
    let row = sqlx::query!(
        r#"select u.totp_since as "since: jiff_sqlx::Timestamp",
                  coalesce(t.totp_required, false) as "required!",
                  (select count(*) from recovery_codes r where r.user_id = u.id) as "codes!"
           from users u
           left join tenants t on t.id = u.tenant_id
           where u.id = $1
           for update of u"#,
        user.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(TotpStatus {
        since: row.since.map(jiff_sqlx::Timestamp::to_jiff),
        recovery_codes: u32::try_from(row.codes).unwrap_or(0),
        required: row.required,
    })
}

/// A secret as it is kept.
pub(super) struct Kept {
    pub(super) sealed: Vec<u8>,
    pub(super) created_at: Timestamp,
}

/// Keeps a new secret, in the place of one that was not taken up.
pub(super) async fn put_secret(
    tx: &mut SystemTx,
    user: UserId,
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into totp_secrets (user_id, sealed, created_at) values ($1, $2, $3)
         on conflict (user_id) do update set sealed = $2, last_step = 0, created_at = $3",
        user.0,
        sealed,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn secret(tx: &mut SystemTx, user: UserId) -> Result<Option<Kept>, Error> {
    let row = sqlx::query!(
        r#"select sealed, created_at as "created_at: jiff_sqlx::Timestamp"
           from totp_secrets
           where user_id = $1
           for update"#,
        user.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Kept {
        sealed: row.sealed,
        created_at: row.created_at.to_jiff(),
    }))
}

/// Puts the second step in use. The code that showed it is spent.
pub(super) async fn enable(
    tx: &mut SystemTx,
    user: UserId,
    step: i64,
    on_paper: &[Vec<u8>],
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update totp_secrets set last_step = $2 where user_id = $1",
        user.0,
        step,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from recovery_codes where user_id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "insert into recovery_codes (user_id, code_hash)
         select $1, hash from unnest($2::bytea[]) as t (hash)",
        user.0,
        on_paper,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update users set totp_since = $2 where id = $1",
        user.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Spends a step of the clock. An earlier one is spent with it.
pub(super) async fn spend_step(tx: &mut SystemTx, user: UserId, step: i64) -> Result<bool, Error> {
    let result = sqlx::query!(
        "update totp_secrets set last_step = $2 where user_id = $1 and last_step < $2",
        user.0,
        step,
    )
    .execute(&mut **tx)
    .await?;
    Ok(result.rows_affected() > 0)
}

/// Spends a code on paper.
pub(super) async fn spend_paper(
    tx: &mut SystemTx,
    user: UserId,
    hash: &[u8],
) -> Result<bool, Error> {
    let result = sqlx::query!(
        "delete from recovery_codes where user_id = $1 and code_hash = $2",
        user.0,
        hash,
    )
    .execute(&mut **tx)
    .await?;
    Ok(result.rows_affected() > 0)
}

/// Takes the second step of a person away. Returns whether they had one.
pub(in crate::api) async fn forget(tx: &mut SystemTx, user: UserId) -> Result<bool, Error> {
    let had = sqlx::query_scalar!(
        r#"select totp_since is not null as "had!" from users where id = $1 for update"#,
        user.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    sqlx::query!("update users set totp_since = null where id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("delete from totp_secrets where user_id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("delete from recovery_codes where user_id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("delete from second_steps where user_id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    Ok(had.unwrap_or(false))
}
