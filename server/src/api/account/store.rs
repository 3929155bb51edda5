//! The SQL of signing in. People are found across tenants, so all of it runs as `tod_system`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::account::{Me, Session, Tokens};
use tod_proto::id::{SessionId, TenantId, UserId};
use uuid::Uuid;

use crate::api::App;
use crate::api::error::Error;
use crate::auth::secret;
use crate::auth::srp::{Number, Verifier};
use crate::auth::token::Ring;
use crate::db::SystemTx;

/// The first half of a sign-in.
pub(super) struct Handshake {
    pub(super) email: String,
    pub(super) secret: Vec<u8>,
    pub(super) expires_at: Timestamp,
}

/// What somebody's sign-in is checked against. For who is not there, as many rows are read: those of
/// somebody else, and told apart here.
pub(super) async fn verifier(
    tx: &mut SystemTx,
    email: &str,
) -> Result<Option<(UserId, Verifier)>, Error> {
    let row = sqlx::query!(
        r#"select w.is_them as "is_them!", w.id as "id!", v.kdf_salt, v.srp_salt, v.verifier
           from (
               select u.id, true as is_them
               from users u
               where u.email = $1 and u.active
               union all
               (
                   select other.user_id, false
                   from verifiers other
                   where not exists (
                       select from users u
                       join verifiers own on own.user_id = u.id
                       where u.email = $1 and u.active
                   )
                   order by other.user_id
                   limit 1
               )
           ) as w
           join verifiers v on v.user_id = w.id
           limit 1"#,
        email,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row.filter(|row| row.is_them) else {
        return Ok(None);
    };
    let number = Number::from_bytes(&row.verifier)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("the verifier of {} is broken", row.id)))?;
    let verifier = Verifier {
        kdf_salt: row.kdf_salt,
        srp_salt: row.srp_salt,
        number,
    };
    Ok(Some((UserId(row.id), verifier)))
}

pub(super) async fn add_handshake(
    tx: &mut SystemTx,
    id: Uuid,
    email: &str,
    sealed: &[u8],
    expires_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into handshakes (id, email, secret, expires_at) values ($1, $2, $3, $4)",
        id,
        email,
        sealed,
        expires_at.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn take_handshake(
    tx: &mut SystemTx,
    id: Uuid,
) -> Result<Option<Handshake>, Error> {
    let row = sqlx::query!(
        r#"delete from handshakes
           where id = $1
           returning email, secret, expires_at as "expires_at: jiff_sqlx::Timestamp""#,
        id,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Handshake {
        email: row.email,
        secret: row.secret,
        expires_at: row.expires_at.to_jiff(),
    }))
}

pub(super) async fn drop_old_handshakes(tx: &mut SystemTx, now: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "delete from handshakes
         where id in (
             select id from handshakes where expires_at < $1 limit 20
         )",
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn add_session(
    tx: &mut SystemTx,
    session: SessionId,
    user: UserId,
    label: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into sign_in_sessions (id, user_id, label, created_at, last_used_at, expires_at)
         values ($1, $2, $3, $4, $4, $4)",
        session.0,
        user.0,
        label,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update users set last_sign_in = $2 where id = $1",
        user.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives a session its next pair of tokens.
pub(super) async fn issue(
    app: &App,
    tx: &mut SystemTx,
    ring: &Ring,
    session: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<Tokens, Error> {
    let refresh_expires = now + app.config.policy.session;
    let refresh_token = secret::generate("rt")?;
    sqlx::query!(
        "insert into refresh_tokens (token_hash, session_id) values ($1, $2)",
        secret::hash(&refresh_token),
        session.0,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update sign_in_sessions set last_used_at = $2, expires_at = $3 where id = $1",
        session.0,
        now.to_sqlx() as _,
        refresh_expires.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    let (access_token, access_expires) = app.auth.tokens.sign(ring, session, user, now)?;
    Ok(Tokens {
        session,
        access_token,
        access_expires,
        refresh_token,
        refresh_expires,
        server_time: now,
    })
}

/// A refresh token as the database knows it.
pub(super) struct Presented {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) tenant: Option<TenantId>,
    pub(super) used: bool,
    pub(super) live: bool,
}

/// Looks a refresh token up and locks its session, so that two uses come one after the other.
pub(super) async fn present(
    tx: &mut SystemTx,
    token: &str,
    now: Timestamp,
) -> Result<Option<Presented>, Error> {
    let hash = secret::hash(token);
    let row = sqlx::query!(
        r#"select s.id, s.user_id, u.tenant_id,
                  (s.revoked_at is null and s.expires_at > $2 and u.active) as "live!"
           from refresh_tokens t
           join sign_in_sessions s on s.id = t.session_id
           join users u on u.id = s.user_id
           where t.token_hash = $1
           for update of s"#,
        hash,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    // Asked after the session is locked: a use that has just been committed is seen.
    let fresh = sqlx::query!(
        "update refresh_tokens set used_at = $2
         where token_hash = $1 and used_at is null
         returning session_id",
        hash,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(Some(Presented {
        session: SessionId(row.id),
        user: UserId(row.user_id),
        tenant: row.tenant_id.map(TenantId),
        used: fresh.is_none(),
        live: row.live,
    }))
}

/// Ends all sessions of a person but one. Returns how many.
pub(super) async fn revoke_others(
    tx: &mut SystemTx,
    user: UserId,
    but: SessionId,
    now: Timestamp,
) -> Result<u64, Error> {
    let result = sqlx::query!(
        "update sign_in_sessions set revoked_at = $3
         where user_id = $1 and id <> $2 and revoked_at is null and expires_at > $3",
        user.0,
        but.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(result.rows_affected())
}

/// Ends a session of a person. Returns whether there was one to end.
pub(super) async fn revoke(
    tx: &mut SystemTx,
    session: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, Error> {
    let result = sqlx::query!(
        "update sign_in_sessions set revoked_at = $3
         where id = $1 and user_id = $2 and revoked_at is null",
        session.0,
        user.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(result.rows_affected() > 0)
}

pub(super) async fn sessions(
    tx: &mut SystemTx,
    user: UserId,
    current: SessionId,
    now: Timestamp,
) -> Result<Vec<Session>, Error> {
    let rows = sqlx::query!(
        r#"select id, label, created_at as "created_at: jiff_sqlx::Timestamp",
                  last_used_at as "last_used_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp"
           from sign_in_sessions
           where user_id = $1 and revoked_at is null and expires_at > $2
           order by created_at desc
           limit 500"#,
        user.0,
        now.to_sqlx() as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: SessionId(row.id),
            label: row.label,
            created_at: row.created_at.to_jiff(),
            last_used_at: row.last_used_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            current: row.id == current.0,
        })
        .collect())
}

pub(super) async fn me(tx: &mut SystemTx, user: UserId) -> Result<Me, Error> {
    let row = sqlx::query!(
        r#"select u.email, u.name, u.role, u.tenant_id, t.name as "tenant_name?"
           from users u
           left join tenants t on t.id = u.tenant_id
           where u.id = $1"#,
        user.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Me {
        id: user,
        email: row.email,
        name: row.name,
        role: row
            .role
            .parse()
            .map_err(|error: String| Error::internal(anyhow::anyhow!(error)))?,
        tenant: row.tenant_id.map(TenantId),
        tenant_name: row.tenant_name,
        api_key: None,
        scopes: Vec::new(),
    })
}

/// When things happened to an account.
pub(super) struct Dates {
    pub(super) created_at: Timestamp,
    pub(super) enrolled_at: Option<Timestamp>,
    pub(super) last_sign_in: Option<Timestamp>,
    pub(super) totp_since: Option<Timestamp>,
}

pub(super) async fn dates(tx: &mut SystemTx, user: UserId) -> Result<Dates, Error> {
    let row = sqlx::query!(
        r#"select created_at as "created_at: jiff_sqlx::Timestamp",
                  enrolled_at as "enrolled_at: jiff_sqlx::Timestamp",
                  last_sign_in as "last_sign_in: jiff_sqlx::Timestamp",
                  totp_since as "totp_since: jiff_sqlx::Timestamp"
           from users
           where id = $1"#,
        user.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Dates {
        created_at: row.created_at.to_jiff(),
        enrolled_at: row.enrolled_at.map(jiff_sqlx::Timestamp::to_jiff),
        last_sign_in: row.last_sign_in.map(jiff_sqlx::Timestamp::to_jiff),
        totp_since: row.totp_since.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// Whether somebody's sign-in has a second step.
pub(super) async fn has_second_step(tx: &mut SystemTx, user: UserId) -> Result<bool, Error> {
    let has = sqlx::query_scalar!(
        r#"select totp_since is not null as "has!" from users where id = $1"#,
        user.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(has)
}

/// Whether nobody of a tenant may do anything.
pub(super) async fn is_suspended(tx: &mut SystemTx, tenant: TenantId) -> Result<bool, Error> {
    let suspended = sqlx::query_scalar!(
        r#"select suspended_at is not null as "suspended!" from tenants where id = $1"#,
        tenant.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(suspended.unwrap_or(false))
}
