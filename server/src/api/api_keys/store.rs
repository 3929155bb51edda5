//! The SQL of this resource.

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use tod_proto::access::Grant;
use tod_proto::api::api_keys::ApiKey;
use tod_proto::endpoint::Role;
use tod_proto::id::{ApiKeyId, UserId};
use uuid::Uuid;

use crate::api::error::{Error, OnConstraint as _};
use crate::db::{SystemTx, TenantTx};

/// A key that is to be.
pub(super) struct NewKey {
    pub(super) id: ApiKeyId,
    pub(super) user: UserId,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) scopes: Vec<Grant>,
    pub(super) networks: Vec<IpNet>,
    pub(super) hint: String,
    pub(super) hash: Vec<u8>,
    pub(super) expires_at: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    user_id: Uuid,
    name: String,
    role: String,
    scopes: Vec<String>,
    networks: Vec<String>,
    hint: String,
    created_at: jiff_sqlx::Timestamp,
    expires_at: Option<jiff_sqlx::Timestamp>,
    last_used_at: Option<jiff_sqlx::Timestamp>,
    last_used_from: Option<String>,
    revoked_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for ApiKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let broken = |error: String| Error::internal(anyhow::anyhow!(error));
        let scopes: Result<_, _> = row.scopes.iter().map(|scope| scope.parse()).collect();
        let networks: Result<_, _> = row.networks.iter().map(|net| net.parse()).collect();
        Ok(Self {
            id: ApiKeyId(row.id),
            name: row.name,
            hint: row.hint,
            user: UserId(row.user_id),
            user_email: None,
            role: row.role.parse().map_err(broken)?,
            scopes: scopes.map_err(broken)?,
            networks: networks.map_err(|error: ipnet::AddrParseError| Error::internal(error))?,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_used_at: row.last_used_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_used_from: row.last_used_from,
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// Which keys to read, of those that the transaction reaches.
#[derive(Clone, Copy, Default)]
struct Which {
    id: Option<ApiKeyId>,
    user: Option<UserId>,
    /// Only those that are good at this time.
    good_at: Option<Timestamp>,
}

/// Keys, the newest first.
async fn select(conn: &mut PgConnection, which: Which) -> Result<Vec<ApiKey>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, user_id, name, role, scopes, networks, hint,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  last_used_at as "last_used_at: jiff_sqlx::Timestamp", last_used_from,
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp"
           from api_keys
           where ($1::uuid is null or id = $1)
             and ($2::uuid is null or user_id = $2)
             and ($3::timestamptz is null
                  or revoked_at is null and (expires_at is null or expires_at > $3))
           order by created_at desc
           limit 10000"#,
        which.id.map(|id| id.0),
        which.user.map(|user| user.0),
        which.good_at.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// The keys of a tenant; those that are good at a time if one is given.
pub(super) async fn list(
    tx: &mut TenantTx,
    good_at: Option<Timestamp>,
) -> Result<Vec<ApiKey>, Error> {
    let which = Which {
        good_at,
        ..Which::default()
    };
    select(tx, which).await
}

/// The keys that a person made, in all tenants.
pub(in crate::api) async fn of_person(
    tx: &mut SystemTx,
    user: UserId,
) -> Result<Vec<ApiKey>, Error> {
    let which = Which {
        user: Some(user),
        ..Which::default()
    };
    select(tx, which).await
}

async fn one(tx: &mut TenantTx, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
    let which = Which {
        id: Some(id),
        ..Which::default()
    };
    Ok(select(tx, which).await?.pop())
}

/// How many keys of the tenant are good.
pub(super) async fn count(tx: &mut TenantTx, now: Timestamp) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_keys
           where revoked_at is null and (expires_at is null or expires_at > $1)"#,
        now.to_sqlx() as _,
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub(super) async fn insert(
    tx: &mut TenantTx,
    key: &NewKey,
    now: Timestamp,
) -> Result<ApiKey, Error> {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    let networks: Vec<String> = key.networks.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "insert into api_keys
             (tenant_id, id, user_id, name, role, scopes, networks, hint, key_hash, created_at,
              expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        tx.tenant().0,
        key.id.0,
        key.user.0,
        key.name,
        key.role.as_str(),
        &scopes,
        &networks,
        key.hint,
        key.hash,
        now.to_sqlx() as _,
        key.expires_at.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
    )
    .execute(&mut **tx)
    .await
    .on_constraint("api_keys_name_key", || {
        Error::conflict(format!("there is a key `{}` already", key.name))
            .hint("choose another name, or revoke that one: todctl apikey revoke NAME")
    })?;
    one(tx, key.id)
        .await?
        .ok_or_else(|| Error::not_found("API key"))
}

/// Gives a key that is good another secret.
pub(super) async fn rotate(
    tx: &mut TenantTx,
    id: ApiKeyId,
    hint: &str,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<ApiKey>, Error> {
    let done = sqlx::query!(
        "update api_keys
         set hint = $2, key_hash = $3
         where id = $1 and revoked_at is null and (expires_at is null or expires_at > $4)",
        id.0,
        hint,
        hash,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    one(tx, id).await
}

/// Ends a key that is not revoked yet.
pub(super) async fn revoke(
    tx: &mut TenantTx,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<ApiKey>, Error> {
    let done = sqlx::query!(
        "update api_keys set revoked_at = $2 where id = $1 and revoked_at is null",
        id.0,
        now.to_sqlx() as _,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    one(tx, id).await
}
