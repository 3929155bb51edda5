//! The SQL of this resource.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::users::{User, UserPatch};
use tod_proto::endpoint::Role;
use tod_proto::id::{TenantId, UserId};
use uuid::Uuid;

use crate::api::error::Error;
use crate::db::{SystemTx, TenantTx};

struct Row {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    active: bool,
    enrolled: bool,
    totp: bool,
    last_sign_in: Option<jiff_sqlx::Timestamp>,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Row {
            id,
            email,
            name,
            role,
            active,
            enrolled,
            totp,
            last_sign_in,
            created_at,
        } = row;
        Ok(Self {
            id: UserId(id),
            email,
            name,
            role: role
                .parse()
                .map_err(|error: String| Error::internal(anyhow::anyhow!(error)))?,
            active,
            enrolled,
            totp,
            last_sign_in: last_sign_in.map(jiff_sqlx::Timestamp::to_jiff),
            created_at: created_at.to_jiff(),
        })
    }
}

pub(super) async fn list(tx: &mut TenantTx) -> Result<Vec<User>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, email, name, role, active, enrolled_at is not null as "enrolled!",
                  totp_since is not null as "totp!",
                  last_sign_in as "last_sign_in: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from users
           order by email
           limit 10000"#,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(User::try_from).collect()
}

pub(super) async fn show(tx: &mut TenantTx, user: UserId) -> Result<Option<User>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, email, name, role, active, enrolled_at is not null as "enrolled!",
                  totp_since is not null as "totp!",
                  last_sign_in as "last_sign_in: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from users
           where id = $1
           for update"#,
        user.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(User::try_from).transpose()
}

pub(super) async fn set(tx: &mut TenantTx, user: UserId, patch: &UserPatch) -> Result<User, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"update users
           set role = coalesce($2, role), active = coalesce($3, active)
           where id = $1
           returning id, email, name, role, active, enrolled_at is not null as "enrolled!",
                  totp_since is not null as "totp!",
                     last_sign_in as "last_sign_in: jiff_sqlx::Timestamp",
                     created_at as "created_at: jiff_sqlx::Timestamp""#,
        user.0,
        patch.role.map(Role::as_str),
        patch.active,
    )
    .fetch_one(&mut **tx)
    .await?;
    User::try_from(row)
}

/// Adds a person, or takes up one of this tenant who has not enrolled yet. Whether they have an
/// account with another tenant makes no difference.
pub(super) async fn invite(
    tx: &mut SystemTx,
    tenant: TenantId,
    email: &str,
    name: &str,
    role: Role,
    now: Timestamp,
) -> Result<User, Error> {
    let taken = || {
        Error::conflict(format!("`{email}` has an account in this tenant already"))
            .hint("see who is here: todctl user list")
    };
    let row = sqlx::query_as!(
        Row,
        r#"insert into users (id, tenant_id, email, name, role, created_at)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (tenant_id, email) do update set name = excluded.name, role = excluded.role
               where users.enrolled_at is null
           returning id, email, name, role, active, enrolled_at is not null as "enrolled!",
                  totp_since is not null as "totp!",
                     last_sign_in as "last_sign_in: jiff_sqlx::Timestamp",
                     created_at as "created_at: jiff_sqlx::Timestamp""#,
        UserId::generate().0,
        tenant.0,
        email,
        name,
        role.as_str(),
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(taken)?;
    User::try_from(row)
}

/// Whether somebody with this address is in the tenant.
pub(super) async fn is_here(
    tx: &mut SystemTx,
    tenant: TenantId,
    email: &str,
) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "select id from users where tenant_id = $1 and email = $2",
        tenant.0,
        email,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.is_some())
}

/// Gives a person an invitation; an earlier one is good no longer.
pub(super) async fn add_invitation(
    tx: &mut SystemTx,
    user: UserId,
    token_hash: &[u8],
    expires_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into invitations (user_id, token_hash, expires_at) values ($1, $2, $3)
         on conflict (user_id) do update set token_hash = $2, expires_at = $3",
        user.0,
        token_hash,
        expires_at.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes an earlier password and Secret Key good for nothing.
pub(super) async fn forget_verifier(tx: &mut SystemTx, user: UserId) -> Result<(), Error> {
    sqlx::query!("delete from verifiers where user_id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update users set enrolled_at = null where id = $1", user.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn revoke_sessions(
    tx: &mut SystemTx,
    user: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update sign_in_sessions set revoked_at = $2 where user_id = $1 and revoked_at is null",
        user.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
