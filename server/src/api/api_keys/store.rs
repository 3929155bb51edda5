//! The SQL of this resource.

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
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

/// The keys of a tenant, the newest first.
pub(super) async fn list(
    tx: &mut TenantTx,
    all: bool,
    now: Timestamp,
) -> Result<Vec<ApiKey>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, user_id, name, role, scopes, networks, hint,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  last_used_at as "last_used_at: jiff_sqlx::Timestamp", last_used_from,
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp"
           from api_keys
           where $1 or (revoked_at is null and (expires_at is null or expires_at > $2))
           order by created_at desc
           limit 10000"#,
        all,
        now.to_sqlx() as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// The keys that a person made, in all tenants.
pub(in crate::api) async fn of_person(
    tx: &mut SystemTx,
    user: UserId,
) -> Result<Vec<ApiKey>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, user_id, name, role, scopes, networks, hint,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  last_used_at as "last_used_at: jiff_sqlx::Timestamp", last_used_from,
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp"
           from api_keys
           where user_id = $1
           order by created_at desc
           limit 10000"#,
        user.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
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
    let row = sqlx::query_as!(
        Row,
        r#"insert into api_keys
               (tenant_id, id, user_id, name, role, scopes, networks, hint, key_hash, created_at,
                expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           returning id, user_id, name, role, scopes, networks, hint,
                     created_at as "created_at: jiff_sqlx::Timestamp",
                     expires_at as "expires_at: jiff_sqlx::Timestamp",
                     last_used_at as "last_used_at: jiff_sqlx::Timestamp", last_used_from,
                     revoked_at as "revoked_at: jiff_sqlx::Timestamp""#,
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
    .fetch_one(&mut **tx)
    .await
    .on_constraint("api_keys_name_key", || {
        Error::conflict(format!("there is a key `{}` already", key.name))
            .hint("choose another name, or revoke that one: todctl apikey revoke NAME")
    })?;
    ApiKey::try_from(row)
}

/// Gives a key that is not revoked another secret.
pub(super) async fn rotate(
    tx: &mut TenantTx,
    id: ApiKeyId,
    hint: &str,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<ApiKey>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"update api_keys
           set hint = $2, key_hash = $3
           where id = $1 and revoked_at is null and (expires_at is null or expires_at > $4)
           returning id, user_id, name, role, scopes, networks, hint,
                     created_at as "created_at: jiff_sqlx::Timestamp",
                     expires_at as "expires_at: jiff_sqlx::Timestamp",
                     last_used_at as "last_used_at: jiff_sqlx::Timestamp", last_used_from,
                     revoked_at as "revoked_at: jiff_sqlx::Timestamp""#,
        id.0,
        hint,
        hash,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(ApiKey::try_from).transpose()
}

/// Ends a key that is not revoked yet.
pub(super) async fn revoke(
    tx: &mut TenantTx,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<ApiKey>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"update api_keys
           set revoked_at = $2
           where id = $1 and revoked_at is null
           returning id, user_id, name, role, scopes, networks, hint,
                     created_at as "created_at: jiff_sqlx::Timestamp",
                     expires_at as "expires_at: jiff_sqlx::Timestamp",
                     last_used_at as "last_used_at: jiff_sqlx::Timestamp", last_used_from,
                     revoked_at as "revoked_at: jiff_sqlx::Timestamp""#,
        id.0,
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(ApiKey::try_from).transpose()
}
