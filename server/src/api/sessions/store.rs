//! The SQL of this resource. Sessions are no tenant's rows, so each statement names the tenant.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use tod_proto::api::account::Session;
use tod_proto::api::sessions::{ListQuery, PersonSession};
use tod_proto::endpoint::Role;
use tod_proto::id::{SessionId, TenantId, UserId};
use tod_proto::page::Page;
use uuid::Uuid;

use crate::api::error::Error;
use crate::db::SystemTx;

/// Whose sessions somebody may see and end. What lies beyond does not exist for them.
pub(super) struct Reach {
    tenant: Uuid,
    /// The roles that are not above theirs.
    roles: Vec<String>,
    /// The session that asks.
    own: Option<SessionId>,
    now: Timestamp,
}

impl Reach {
    pub(super) fn new(
        tenant: TenantId,
        role: Role,
        own: Option<SessionId>,
        now: Timestamp,
    ) -> Self {
        let roles = Role::ALL.into_iter().filter(|other| *other <= role);
        Self {
            tenant: tenant.0,
            roles: roles.map(|role| role.as_str().to_owned()).collect(),
            own,
            now,
        }
    }

    fn own(&self) -> Uuid {
        self.own.map_or_else(Uuid::nil, |session| session.0)
    }
}

/// Whether there is such a person.
pub(super) async fn check_person(
    tx: &mut SystemTx,
    reach: &Reach,
    user: UserId,
) -> Result<(), Error> {
    sqlx::query_scalar!(
        "select id from users where id = $1 and tenant_id = $2 and role = any($3)",
        user.0,
        reach.tenant,
        &reach.roles,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(drop)
    .ok_or_else(|| Error::not_found("user"))
}

pub(super) async fn list(
    tx: &mut SystemTx,
    reach: &Reach,
    query: &ListQuery,
    limit: u32,
) -> Result<Page<PersonSession>, Error> {
    let rows = sqlx::query!(
        r#"select s.id, s.label, s.created_at as "created_at: jiff_sqlx::Timestamp",
                  s.last_used_at as "last_used_at: jiff_sqlx::Timestamp",
                  s.expires_at as "expires_at: jiff_sqlx::Timestamp",
                  u.id as user, u.email, u.role
           from sign_in_sessions s
           join users u on u.id = s.user_id
           where u.tenant_id = $1 and u.role = any($2) and ($3::uuid is null or u.id = $3)
             and s.revoked_at is null and s.expires_at > $4
             and ($5::uuid is null or s.id < $5)
           order by s.id desc
           limit $6"#,
        reach.tenant,
        &reach.roles,
        query.user.map(|user| user.0),
        reach.now.to_sqlx() as _,
        query.before.map(|before| before.0),
        i64::from(limit),
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let role = row.role.parse();
        items.push(PersonSession {
            user: UserId(row.user),
            email: row.email,
            role: role.map_err(|error: String| Error::internal(anyhow::anyhow!(error)))?,
            session: Session {
                id: SessionId(row.id),
                label: row.label,
                created_at: row.created_at.to_jiff(),
                last_used_at: row.last_used_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
                current: reach.own == Some(SessionId(row.id)),
            },
        });
    }
    let is_full = u32::try_from(items.len()).is_ok_and(|count| count >= limit);
    let last = items.last().filter(|_| is_full);
    Ok(Page {
        next: last.map(|last| last.session.id.to_string()),
        total: count(tx, reach, query.user).await?,
        items,
    })
}

async fn count(tx: &mut SystemTx, reach: &Reach, user: Option<UserId>) -> Result<u64, Error> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from sign_in_sessions s
           join users u on u.id = s.user_id
           where u.tenant_id = $1 and u.role = any($2) and ($3::uuid is null or u.id = $3)
             and s.revoked_at is null and s.expires_at > $4"#,
        reach.tenant,
        &reach.roles,
        user.map(|user| user.0),
        reach.now.to_sqlx() as _,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Ends a session. Returns whose it was, if there was one to end.
pub(super) async fn revoke_one(
    tx: &mut SystemTx,
    reach: &Reach,
    session: SessionId,
) -> Result<Option<UserId>, Error> {
    let user = sqlx::query_scalar!(
        "update sign_in_sessions s set revoked_at = $4
         from users u
         where s.id = $1 and u.id = s.user_id and u.tenant_id = $2 and u.role = any($3)
           and s.revoked_at is null and s.expires_at > $4
         returning u.id",
        session.0,
        reach.tenant,
        &reach.roles,
        reach.now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(user.map(UserId))
}

/// Ends all sessions but the one that asks. Returns which.
pub(super) async fn revoke_all(
    tx: &mut SystemTx,
    reach: &Reach,
    user: Option<UserId>,
) -> Result<Vec<SessionId>, Error> {
    let ended = sqlx::query_scalar!(
        "update sign_in_sessions s set revoked_at = $4
         from users u
         where u.id = s.user_id and u.tenant_id = $1 and u.role = any($2)
           and ($3::uuid is null or u.id = $3) and s.id <> $5
           and s.revoked_at is null and s.expires_at > $4
         returning s.id",
        reach.tenant,
        &reach.roles,
        user.map(|user| user.0),
        reach.now.to_sqlx() as _,
        reach.own(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ended.into_iter().map(SessionId).collect())
}
